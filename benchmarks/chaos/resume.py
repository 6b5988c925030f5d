"""The wait after a kill: from being ready to the first text that is new since then."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace

from benchmarks.chaos.models import KEY, Pace
from benchmarks.chaos.runs import QUESTION
from benchmarks.chaos.wire import Fresh, World, open_world

SLOW = Pace(first_s=0.1, gap_s=0.2, chars=4)  # slow, so that answers last from one kill to the next
MANY = 25  # more runs than these take long to begin, so that answers must last even longer
WATCHES_S = 30.0  # for the new text of every run, after each start
SOME_TEXT_S, SPEAK_WITHIN_S, APART_S = 4.0, 300.0, 0.1


@dataclass
class Resumed:
    """Seconds from being ready, by restart to the first new text at all, and to the first one of each run."""

    runs: int
    first_s: list[float] = field(default_factory=list)
    each_s: list[float] = field(default_factory=list)
    silent: int = 0  # runs that showed nothing new in time


async def measure_resume(runs: int, kills: int) -> Resumed:
    """Kill the bot while so many comparisons speak, each in a Discord channel of its own, and time what follows."""
    pace = replace(SLOW, gap_s=SLOW.gap_s * (1 + kills) * (1 + runs / MANY))
    async with open_world(runs, pace, limits={"vote_s": 1.0}, deadlines={"total_timeout_s": 3600.0}) as w:
        result = Resumed(runs)
        w.bot.spawn()
        await w.bot.wait_until_ready()
        async with asyncio.TaskGroup() as tasks:
            for nth in range(runs):
                tasks.create_task(_ask_until_heard(w, nth))
        for _ in range(kills):
            await _wait_until_speaking(w, runs)
            await asyncio.sleep(SOME_TEXT_S)
            w.bot.kill()
            w.forget_texts()
            await w.bot.wait_until_gone()
            w.discord.server.hub.gateway.drop(resume=False)
            w.bot.spawn()
            await w.bot.wait_until_ready()
            begun = len(w.discord.list_boards())  # one whose first answer was not heard was asked for twice
            await _watch_texts(w.fresh["Discord"], begun, result)
        return result


async def _ask_until_heard(w: World, nth: int) -> None:
    """Ask again until an answer is heard: where so many ask at once, not all are answered in time."""
    await asyncio.sleep(nth * APART_S)
    while not await w.discord.ask(nth, "compare", f"Q{nth:04d} {QUESTION}", {}):
        pass


async def _wait_until_speaking(w: World, runs: int) -> None:
    """Wait until every run shows some text."""
    async with asyncio.timeout(SPEAK_WITHIN_S):
        while (
            sum(any(KEY.search(p.text) for p in w.discord.read_thread(board)) for board in w.discord.list_boards())
            < runs
        ):
            await asyncio.sleep(0.2)


async def _watch_texts(fresh: Fresh, runs: int, result: Resumed) -> None:
    loop = asyncio.get_running_loop()
    ends_at = loop.time() + WATCHES_S
    while len(fresh.runs_at) < runs and loop.time() < ends_at:
        await asyncio.sleep(0.05)
    if fresh.ready_at is not None and fresh.seen_at is not None:
        result.first_s.append(fresh.seen_at - fresh.ready_at)
        result.each_s += [at - fresh.ready_at for at in fresh.runs_at.values()]
    result.silent += runs - len(fresh.runs_at)
