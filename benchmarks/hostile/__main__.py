"""How long one text holds the loop: hostile ones at their full length beside plain words, at every way in.

`python -m benchmarks.hostile --json`. A hold is the CPU of one step of the event loop, in which nobody else is
served. `--kinds` and `--share` make a small run of it.
"""

from __future__ import annotations

import asyncio
import logging
import sys
from functools import partial

import structlog

from benchmarks import report
from benchmarks.hostile.bot import open_bot
from benchmarks.hostile.entries import ENTRIES
from benchmarks.hostile.holds import Holds, watch_loop
from benchmarks.hostile.texts import UNITS, make_texts
from benchmarks.report import Bar, Report, Scene
from tests.support.virtual_time import run_virtual

PERCENTILE, MOST_MS, MOST_EVER_MS = 0.999, 50.0, 250.0


def measure(kinds: int, share: float, names: list[str]) -> Report:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    return run_virtual(_measure(kinds, share, names))


async def _measure(kinds: int, share: float, names: list[str]) -> Report:
    scenes: list[Scene] = []
    bars: list[Bar] = []
    async with open_bot() as bot:
        for name in names:
            entry = ENTRIES[name]
            hostile, plain = Holds(), Holds()
            worst, worst_kind = 0.0, ""
            for kind, text, words in make_texts(max(1, int(entry.chars * share)), kinds):
                own = Holds()
                for said, holds in ((text, own), (words, plain)):
                    with watch_loop(holds):
                        await asyncio.create_task(entry.take(bot, said))  # a task of its own, so that its steps count
                hostile.steps += own.steps
                hostile.long += own.long
                if own.worst_ms > worst:
                    worst, worst_kind = own.worst_ms, kind
            ours, theirs = hostile.percentile_ms(PERCENTILE), plain.percentile_ms(PERCENTILE)
            scenes.append(
                {
                    "way in": name,
                    "chars": int(entry.chars * share),
                    "steps": hostile.steps,
                    "p99.9_ms": ours,
                    "worst_ms": hostile.worst_ms,
                    "of": worst_kind,
                    "plain_p99.9_ms": theirs,
                    "plain_worst_ms": plain.worst_ms,
                    "ratio": ours / theirs,
                }
            )
            bars += [
                Bar(f"{name}: a hold, 99.9th percentile", ours, MOST_MS, "ms"),
                Bar(f"{name}: the longest hold", hostile.worst_ms, MOST_EVER_MS, "ms"),
            ]
    return Report(scenes, bars)


if __name__ == "__main__":
    parser = report.make_parser(__doc__)
    parser.add_argument("--kinds", type=int, default=len(UNITS), help="kinds of hostile text")
    parser.add_argument("--share", type=float, default=1.0, help="of the longest text that is allowed")
    parser.add_argument("--way", action="append", choices=ENTRIES, help="this way in alone; may be given again")
    options = parser.parse_args()
    run = partial(measure, options.kinds, options.share, options.way or list(ENTRIES))
    sys.exit(report.run_benchmark("hostile", run, as_json=options.json))
