"""Reference data of the tests: the folder of recorded and published documents, and our own small one beside the tests.

`SHARED` holds what others have recorded or published; it may be absent. `OWN` has the same layout with content of our
own. A test that takes the fixture `reference` runs on both.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from tests.support.paths import ROOT

OWN = ROOT / "tests" / "reference"
# MOOT_TEST_SHARED names the folder; without it, the folder lies beside the checkout
SHARED = Path(os.environ.get("MOOT_TEST_SHARED") or ROOT.parent / "shared").resolve()
ABSENT = f"There is no shared reference data at {SHARED}. MOOT_TEST_SHARED can name another folder."


def read_answers(folder: Path) -> list[str]:
    """Return the texts of the answers in a folder of reference data; those in `SHARED` are by real models."""
    lines = (folder / "data" / "results.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line)["result"] for line in lines]
