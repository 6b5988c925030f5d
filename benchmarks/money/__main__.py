"""Money: whether limits hold, what caches save, and how well costs are told before a run and tokens counted in it.

`python -m benchmarks.money --json`. Estimates and counts read recordings of the shared folder, and a scene says so
where it is absent.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
from functools import partial

from benchmarks import report
from benchmarks.money import counts, estimates
from benchmarks.money.cached import measure_caching
from benchmarks.money.caps import measure_caps
from benchmarks.money.recorded_runs import load_recordings
from benchmarks.report import Bar, Report, Scene
from tests.support.shared import ABSENT, SHARED
from tests.support.streams import STREAMS


def main() -> int:
    parser = report.make_parser(__doc__)
    parser.add_argument("--runs", type=int, default=2_000, help="runs against the limits")
    parser.add_argument("--prompts", type=int, default=100, help="prompts that are held out, of those that there are")
    parser.add_argument("--each", type=int, default=4, help="estimates of each kind of run about a prompt")
    parser.add_argument("--points", type=int, default=12, help="points at which each recording is cut off")
    args = parser.parse_args()
    return report.run_benchmark("money", partial(measure, args), as_json=args.json)


def measure(args: argparse.Namespace) -> Report:
    scenes, bars = asyncio.run(_measure_limits_and_caches(args.runs))
    if (recorded := load_recordings(SHARED)) is None:
        return Report([*scenes, {"scene": ABSENT}], bars)
    trials = list(estimates.run_trials(recorded, prompts=args.prompts, each=args.each))
    scenes += [*estimates.list_scenes(trials), *estimates.list_spreads(recorded)]
    bars += estimates.make_bars(trials)
    cuts = counts.cut_streams(STREAMS[SHARED], points=args.points)
    return Report([*scenes, *counts.list_scenes(cuts)], [*bars, *counts.make_bars(cuts)])


async def _measure_limits_and_caches(runs: int) -> tuple[list[Scene], list[Bar]]:
    capped, cached = await measure_caps(runs), await measure_caching()
    return [*capped[0], *cached[0]], [*capped[1], *cached[1]]


if __name__ == "__main__":
    sys.exit(main())
