"""All scenes, one after the other, with one fleet on one database; each is audited before the next."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from statistics import median

from benchmarks import report
from benchmarks.chaos.audit import Found
from benchmarks.chaos.models import Pace
from benchmarks.chaos.runs import QUESTION, Crowd, Habits
from benchmarks.cluster.fleet import Fleet
from benchmarks.cluster.scenes import (
    STRIKES,
    Skippers,
    kill_workers,
    let_worker_sleep,
    list_signals,
    strike_in_the_middle,
)
from benchmarks.cluster.table import DEAR, DEAR_SEATS, PACE, Table, open_table
from bot.domain.transcript import Transcript

CALM_S = 60.0  # after which no request is to be refused
LIVELY = Habits(skips=0.5, says=0.5, summarises=0.2, patience_s=120.0)
QUIET = Habits(skips=0.0, says=0.0, summarises=0.0, votes=False, patience_s=120.0)
UNAWARE = (kill_workers, let_worker_sleep)  # after these another process finds out by itself that a lease has run out
PROMPT_TOKENS, TOKEN_CHARS = 20, 4  # as the models' server counts


@dataclass(frozen=True, slots=True)
class Size:
    """The runs of each place, `at_once` of them at a time.

    `alone`: those a worker whose CPU is counted; `skipped`: those in which seats are skipped; `dear`: those that meet
    the cap; `strikes`: the names of the scenes with a blow; `pace`: of all answers.
    """

    gateways: int = 2
    workers: int = 3
    at_once: int = 4
    alone: int = 8
    skipped: int = 20
    dear: int = 12
    strikes: Sequence[str] = tuple(STRIKES)
    pace: Pace = PACE


@dataclass
class Played:
    """The figures of a play.

    `refusals`: a row for each, after the first minute. `cpu_s`: of all workers for one run, with one worker and with
    two.
    """

    scenes: list[report.Scene] = field(default_factory=list)
    found: list[Found] = field(default_factory=list)
    take_overs_s: list[float] = field(default_factory=list)
    signals_ms: list[float] = field(default_factory=list)
    cpu_s: list[float] = field(default_factory=list)
    billed_usd: float = 0.0
    refusals: list[report.Scene] = field(default_factory=list)


async def play(size: Size, url: str) -> Played:
    """Play all scenes on the database at `url`."""
    played = Played()
    async with open_table(size.gateways, url, size.pace) as table:
        fleet = table.fleet
        for _ in range(size.gateways):
            await fleet.start("gateway")
        table.census.watch(table.world, asyncio.get_running_loop().time() + CALM_S)
        for workers in (1, 2):
            await _start_workers(fleet, workers)
            await _count_cpu(table, played, size, workers)
        await _start_workers(fleet, size.workers)
        await _time_signals(table, played, size)
        for name in size.strikes:
            await _strike(table, played, size, name)
        await _spend(table, played, size)
        for member in fleet.list_alive():
            await fleet.stop(member)
        played.refusals += table.census.take_rows("all are stopped")
        played.found = table.found + fleet.broken
    return played


async def _start_workers(fleet: Fleet, workers: int) -> None:
    while len(fleet.list_alive("worker")) < workers:
        await fleet.start("worker")


async def _count_cpu(table: Table, played: Played, size: Size, workers: int) -> None:
    """Play runs with so many workers, and note the CPU that these take for one."""
    crowd = table.make_crowd(QUIET)
    await _play_everywhere(table, crowd, workers, workers)  # what a process does once
    before, began, known = _sum_cpu(table.fleet), time.monotonic(), len(crowd.asked)
    await _play_everywhere(table, crowd, size.alone * workers, size.at_once * workers)
    runs = len(crowd.asked) - known
    played.cpu_s.append((_sum_cpu(table.fleet) - before) / runs)
    row: dict[str, report.Value] = {"scene": f"calm, workers: {workers}", "cpu_s_a_run": round(played.cpu_s[-1], 3)}
    await _note_scene(table, played, began, row)


async def _time_signals(table: Table, played: Played, size: Size) -> None:
    """Skip two seats of each run, and note how long that takes to reach the run's owner."""
    began = time.monotonic()
    await _play_everywhere(table, table.make_crowd(QUIET, Skippers), size.skipped, size.at_once)
    fresh = await _note_scene(table, played, began, {"scene": "skips"})
    played.signals_ms = list_signals(fresh)


async def _strike(table: Table, played: Played, size: Size, name: str) -> None:
    """Play a scene in which a blow falls in the middle of runs."""
    began = time.monotonic()
    crowd = table.make_crowd(LIVELY)
    struck = await strike_in_the_middle(table.fleet, crowd, table.places, size.at_once, STRIKES[name])
    row: dict[str, report.Value] = {"scene": name, "held_then": len(struck.orphans)}
    if struck.cut:
        row["connections_cut"] = struck.cut
    fresh = await _note_scene(table, played, began, row)
    if waits := struck.list_take_overs(fresh):
        row |= {"take_over_median_s": round(median(waits), 2), "take_over_max_s": round(max(waits), 2)}
    if STRIKES[name] in UNAWARE:
        played.take_overs_s += waits


async def _note_scene(
    table: Table, played: Played, began: float, row: dict[str, report.Value]
) -> dict[str, Transcript]:
    """Audit a scene, add its figures to the row, and return its runs."""
    ledger, broken = await table.settle()
    signals = list_signals(ledger.runs)
    row |= {"runs": len(ledger.runs), "broken": broken, "skips": len(signals)}
    row |= {"seconds": round(time.monotonic() - began)}
    if signals:
        row["skip_slowest_ms"] = round(max(signals))
    played.refusals += table.census.take_rows(str(row["scene"]))
    played.scenes.append(row)
    return ledger.runs


async def _spend(table: Table, played: Played, size: Size) -> None:
    """Ask dear runs everywhere at once, more than their cap allows, and add up what their provider bills."""
    began = time.monotonic()
    known, first = len(table.world.models.calls), len(table.asked) + 1
    numbers = count(first)
    asking = [
        place.ask(nth, "compare", f"Q{next(numbers):04d} {QUESTION}", {"panel": "dear"})
        for place in table.places
        for nth in range(size.dear)
    ]
    await asyncio.gather(*asking)
    row: dict[str, report.Value] = {"scene": "a cap for all together"}
    await _note_scene(table, played, began, row)
    calls = [call for call in table.world.models.calls[known:] if call.model in DEAR_SEATS]
    written = sum(call.sent // TOKEN_CHARS for call in calls)
    usd = len(calls) * PROMPT_TOKENS * DEAR["input_usd_per_mtok"] + written * DEAR["output_usd_per_mtok"]
    played.billed_usd = usd / 1e6
    row |= {"calls": len(calls), "billed_usd": round(played.billed_usd, 4)}


async def _play_everywhere(table: Table, crowd: Crowd, runs: int, at_once: int) -> None:
    """Play so many runs in each place."""
    await asyncio.gather(*(crowd.play_some(place, runs, at_once) for place in table.places))


def _sum_cpu(fleet: Fleet) -> float:
    return sum(worker.cpu_s() for worker in fleet.list_alive("worker"))
