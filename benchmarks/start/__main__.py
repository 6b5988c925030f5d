"""How fast Moot starts: its help against an empty app's, and its core ready to take commands before litellm is there.

`python -m benchmarks.start --json`. The empty app is a typer app with the same commands and empty bodies; it and
`moot --help` run in turn, as whole processes.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from benchmarks import report
from benchmarks.report import Bar, Report, Scene
from benchmarks.start.core import Readiness
from tests.support.paths import ROOT

PAIRS = 15


def measure(pairs: int) -> Report:
    ours, theirs = [], []
    for _ in range(pairs):
        ours.append(_time_help("bot"))
        theirs.append(_time_help("benchmarks.start.empty_app"))
    ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
    core = _measure_core()
    scenes: list[Scene] = [
        {"scene": "help", "ours_s": statistics.median(ours), "empty_app_s": statistics.median(theirs), "pairs": pairs},
        {"scene": "core", "ready_s": core.ready_s, "litellm_loaded_and_left_s": core.left_s},
    ]
    bars = [
        Bar("moot --help over an empty typer app's, median of pairs", ratio, 1.3, "ratio"),
        Bar("litellm imported when the core is ready", int(core.litellm_loaded), 0, "times"),
    ]
    return Report(scenes, bars)


def _time_help(module: str) -> float:
    """Return the seconds that a process takes which runs the module with `--help`."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-m", module, "--help"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def _measure_core() -> Readiness:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "benchmarks.start.core", str(Path(folder) / "moot.db")]
        printed = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    return Readiness(**json.loads(printed))


if __name__ == "__main__":
    parser = report.make_parser(__doc__)
    parser.add_argument("--pairs", type=int, default=PAIRS, help="times that each help is timed")
    options = parser.parse_args()
    sys.exit(report.run_benchmark("start", partial(measure, options.pairs), as_json=options.json))
