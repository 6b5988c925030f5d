"""History: lists, searches and deletions in a database of many runs, and how long other writes wait meanwhile.

`python -m benchmarks.history --json`. A write of a small document every few milliseconds stands for the bot's own.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from random import Random

from benchmarks import report
from benchmarks.history.fill import DAY_S, DAYS, SERVERS, draw_words, fill
from benchmarks.history.long_run import TURNS, store_long_run
from benchmarks.report import Bar, Report, Scene
from bot.actions.retention import erase_expired
from bot.domain.transcript import Transcript, fold_all
from bot.ports.store import RunFilter
from bot.records.page import render_page
from bot.records.record import make_record
from bot.settings.settings import Settings, StorageSettings
from storage import SqlStore, open_store
from storage.sqlite import open_writer
from storage.vacuum import give_back_room

PAGE = 20
WRITE_EVERY_S = 0.005


def main() -> int:
    parser = report.make_parser(__doc__)
    parser.add_argument("--runs", type=int, default=100_000, help="runs in the database")
    parser.add_argument("--old", type=int, default=10_000, help="of them, those that retention erases")
    parser.add_argument("--searches", type=int, default=500, help="searches and lists")
    parser.add_argument("--exports", type=int, default=20, help=f"exports of a run of {TURNS} turns")
    parser.add_argument("--deleted", type=int, default=20, help="runs that are deleted one by one")
    args = parser.parse_args()
    return report.run_benchmark("history", lambda: asyncio.run(_measure(args)), as_json=args.json)


async def _measure(args: argparse.Namespace) -> Report:
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory) / "moot.db"
        async with open_store(path, clock=time.time):
            pass
        async with open_writer(path) as database:
            await fill(database, args.runs, time.time())
        megabytes = path.stat().st_size / 1e6
        async with open_store(path, clock=time.time) as store:
            searches, lists = await _measure_reading(store, args.searches)
            exports, page = await _measure_exports(store, args.exports)
            deletions, deletion_waits = await _measure_deleting(store, args.deleted)
            retention_waits = await _measure_retention(store, args.old, args.runs)
            async with _writing(store) as vacuum_waits:
                after = (await give_back_room(path)).after / 1e6
    scenes: list[Scene] = [
        {"scene": "database", "runs": args.runs, "MB": megabytes, "kB a run": 1e3 * megabytes / args.runs},
        {"scene": "after retention and vacuum", "MB": after, "longest wait ms": 1e3 * max(vacuum_waits, default=0.0)},
    ]
    bars = [
        Bar("search, p95", 1e3 * _p95(searches), 100.0, "ms"),
        Bar(f"list of {PAGE}, p95", 1e3 * _p95(lists), 10.0, "ms"),
        Bar(f"export of a run of {TURNS} turns as a page, median", 1e3 * statistics.median(exports), 200.0, "ms"),
        Bar("that page", len(page.encode()) / 1e3, 500.0, "kB"),
        Bar("deleting one run, longest", max(deletions), 1.0, "s"),
        Bar("writes wait while runs are deleted, longest", 1e3 * max(deletion_waits, default=0.0), 50.0, "ms"),
        Bar(f"writes wait while {args.old} old runs go, longest", 1e3 * max(retention_waits, default=0.0), 50.0, "ms"),
    ]
    return Report(scenes, bars)


async def _measure_reading(store: SqlStore, count: int) -> tuple[list[float], list[float]]:
    """Return the seconds of searches of one to three words, frequent and rare, and of lists, in one server each."""
    dice, searches, lists = Random(7), list[float](), list[float]()
    for _ in range(count):
        server = f"discord:{dice.randrange(SERVERS)}"
        words = " ".join(draw_words(dice, dice.randint(1, 3)))
        searches.append(await _time(partial(store.runs, PAGE, server, RunFilter(words=words))))
        wanted = dice.choice((RunFilter(), RunFilter(state="failed"), RunFilter(format="debate")))
        lists.append(await _time(partial(store.runs, PAGE, server, wanted)))
    return searches, lists


async def _measure_exports(store: SqlStore, count: int) -> tuple[list[float], str]:
    """Return the seconds of exports of a long run as a page, each from the database on, and the page."""
    run, took, page = await store_long_run(store), list[float](), ""
    for _ in range(count):
        began = time.perf_counter()
        t = fold_all(Transcript(), await store.read(run))
        record = make_record(run, t, await store.snapshots(run))
        page = await asyncio.to_thread(render_page, record, time.time())
        took.append(time.perf_counter() - began)
    return took, page


async def _measure_deleting(store: SqlStore, count: int) -> tuple[list[float], list[float]]:
    newest = await store.runs(count)
    async with _writing(store) as waits:
        took = [await _time(partial(store.erase_runs, [row.run])) for row in newest]
    return took, waits


async def _measure_retention(store: SqlStore, old: int, runs: int) -> list[float]:
    """Return how long writes waited while as many runs as that were older than they are kept."""
    keep_days = DAYS * (1 - old / runs)
    settings = Settings(storage=StorageSettings(keep_days=max(keep_days, 1 / DAY_S)))
    async with _writing(store) as waits:
        await erase_expired(store, settings, time.time(), lambda run: False)
    return waits


@contextlib.asynccontextmanager
async def _writing(store: SqlStore) -> AsyncIterator[list[float]]:
    """Write small documents meanwhile; the list has how long each took, in seconds."""
    waits: list[float] = []

    async def keep_writing() -> None:
        while True:
            waits.append(await _time(partial(store.put, "beside", len(waits))))
            await asyncio.sleep(WRITE_EVERY_S)

    writing = asyncio.create_task(keep_writing())
    try:
        yield waits
    finally:
        writing.cancel()
        await asyncio.wait([writing])


async def _time(work: Callable[[], Awaitable[object]]) -> float:
    began = time.perf_counter()
    await work()
    return time.perf_counter() - began


def _p95(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=20)[-1]


if __name__ == "__main__":
    sys.exit(main())
