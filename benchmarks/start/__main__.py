"""How fast Moot starts: its help, its first word and its bot on both platforms, each against a bare process.

`python -m benchmarks.start --json`. The empty app is a typer app with the same commands and empty bodies; it and
`moot --help` run in turn, as whole processes, and so do the pairs of `benchmarks.start.processes`. The core is ready to
take commands before litellm is there.
"""

from __future__ import annotations

import asyncio
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import partial
from math import ceil
from pathlib import Path

from benchmarks import report
from benchmarks.report import Bar, Report, Scene
from benchmarks.start.core import Readiness
from benchmarks.start.processes import Pair, compare_first_words, compare_readiness
from tests.support.paths import ROOT

PAIRS = 15
WHOLE = 3  # as many pairs of helps to one of processes that load everything


def measure(pairs: int) -> Report:
    ours, theirs = [], []
    for _ in range(pairs):
        ours.append(_time_help("bot"))
        theirs.append(_time_help("benchmarks.start.empty_app"))
    ratio = statistics.median(a / b for a, b in zip(ours, theirs, strict=True))
    core = _measure_core()
    words = [asyncio.run(compare_first_words()) for _ in range(ceil(pairs / WHOLE))]
    ready = [asyncio.run(compare_readiness()) for _ in range(ceil(pairs / WHOLE))]
    scenes: list[Scene] = [
        {"scene": "help", "ours_s": statistics.median(ours), "empty_app_s": statistics.median(theirs), "pairs": pairs},
        {"scene": "core", "ready_s": core.ready_s, "litellm_loaded_and_left_s": core.left_s},
        {"scene": "first word", **_take_medians(words)},
        {"scene": "ready", **_take_medians(ready)},
    ]
    bars = [
        Bar("moot --help over an empty typer app's, median of pairs", ratio, 1.3, "ratio"),
        Bar("litellm imported when the core is ready", int(core.litellm_loaded), 0, "times"),
        Bar("processor time of moot try to its first word, over litellm's own", _compare_cpu(words), 1.2, "ratio"),
        Bar("processor time of moot run until ready, over its libraries' imports", _compare_cpu(ready), 1.5, "ratio"),
        Bar("memory of moot run when ready, over its libraries' imports", _compare_memory(ready), 1.5, "ratio"),
    ]
    return Report(scenes, bars)


def _compare_cpu(pairs: Sequence[Pair]) -> float:
    return statistics.median(pair.ours.cpu_s / pair.bare.cpu_s for pair in pairs)


def _compare_memory(pairs: Sequence[Pair]) -> float:
    return statistics.median(pair.ours.memory / pair.bare.memory for pair in pairs)


def _take_medians(pairs: Sequence[Pair]) -> Scene:
    return {
        "ours_cpu_s": statistics.median(pair.ours.cpu_s for pair in pairs),
        "bare_cpu_s": statistics.median(pair.bare.cpu_s for pair in pairs),
        "ours_mb": round(statistics.median(pair.ours.memory for pair in pairs) / 1e6),
        "bare_mb": round(statistics.median(pair.bare.memory for pair in pairs) / 1e6),
        "pairs": len(pairs),
    }


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
