"""Several processes on one PostgreSQL: `python -m benchmarks.cluster --json [--gateways G] [--workers W]`.

Each gateway has a shard of Discord's with a guild of its own, and a socket of Slack's; both wire servers and the models
stand in this process. People keep councils, debates, comparisons and pipelines going on everywhere, steer them and
vote, while workers and a gateway are killed, sleep, lose the database or their signals, and are replaced. After each
scene the auditor of `benchmarks.chaos` looks at the platforms, the models' calls and the database.

Take-over: from the kill, or the beginning of the sleep, until another worker has claimed a run that was held.
Signals: from the skip's being stored, which is before its acknowledgment, to the end of the turn in its owner.
Growth: runs a CPU second of all workers, with two over with one, times two: where a worker's core is the limit, runs
a minute grow by as much. It is seen by CPU, as this process takes a core of a small machine for itself.
"""

from __future__ import annotations

import asyncio
import sys
from functools import partial
from statistics import median, quantiles

from benchmarks import report
from benchmarks.chaos.audit import KILL_PROMISES, make_promise_bars, print_broken
from benchmarks.cluster.play import Size, play
from benchmarks.cluster.table import CAP_USD
from benchmarks.report import Bar, Report
from tests.support.postgres import make_database

PROMISES = (*KILL_PROMISES, "goes on by itself")
TAKE_OVER_S, SIGNAL_MS, GROWTH, CENT = 5.0, 250.0, 1.8, 0.01


def measure(size: Size) -> Report:
    """Play all scenes on a database of their own."""
    with make_database() as url:
        played = asyncio.run(play(size, url))
    print_broken(played.found)
    one, two = played.cpu_s
    bars = [
        *make_promise_bars("all scenes", PROMISES, played.found),
        Bar("take-over, median", median(played.take_overs_s), TAKE_OVER_S, "s"),
        Bar("signals, p99", quantiles(played.signals_ms, n=100, method="inclusive")[-1], SIGNAL_MS, "ms"),
        Bar("billed beyond the cap", max(0.0, played.billed_usd - CAP_USD), CENT, "USD"),
        Bar("of the cap used", played.billed_usd / CAP_USD, 0.5, "share", "at least"),
        Bar("requests refused after the first minute", len(played.refusals), 0, "requests"),
        Bar("runs from one worker to two, by CPU", 2 * one / two, GROWTH, "ratio", "at least"),
    ]
    return Report([*played.scenes, *played.refusals], bars)


def main() -> int:
    parser = report.make_parser(__doc__)
    parser.add_argument("--gateways", type=int, default=2, metavar="G", help="processes that hear the platforms")
    parser.add_argument("--workers", type=int, default=3, metavar="W", help="processes that conduct runs, at least two")
    given = parser.parse_args()
    size = Size(given.gateways, given.workers)
    return report.run_benchmark("cluster", partial(measure, size), as_json=given.json)


if __name__ == "__main__":
    sys.exit(main())
