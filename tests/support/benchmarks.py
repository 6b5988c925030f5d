"""Benchmarks run as people run them, but small enough for every day."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from collections.abc import Mapping

from tests.support.paths import ROOT


def run_module(module: str, *options: str) -> Mapping[str, float]:
    """Run `python -m MODULE --json` and return the value of each bar by its name.

    The bars need not hold. Raises AssertionError if it could not measure, or if a figure is not a finite number.
    """
    done = subprocess.run(
        [sys.executable, "-m", module, "--json", *options], cwd=ROOT, capture_output=True, text=True, timeout=240
    )
    assert done.returncode in (0, 1), done.stderr
    report = json.loads(done.stdout.splitlines()[-1])
    figures = [bar["value"] for bar in report["bars"]]
    figures += [value for scene in report["scenes"] for value in scene.values() if not isinstance(value, str)]
    assert all(math.isfinite(figure) for figure in figures), report
    assert module == f"benchmarks.{report['benchmark']}"
    return {bar["name"]: bar["value"] for bar in report["bars"]}
