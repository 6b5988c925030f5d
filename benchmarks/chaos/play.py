"""One scene of kills from its first command to the audit."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from random import Random

from benchmarks.chaos.audit import Audit, Found, Ledger, read_ledger, read_running_ledger
from benchmarks.chaos.kills import Class, Killer, plan_kills
from benchmarks.chaos.models import Pace
from benchmarks.chaos.runs import COMMANDS, Crowd, Habits
from benchmarks.chaos.wire import Fresh, World, open_world
from storage import open_store

SETTLES_WITHIN_S = 600.0
USUAL_HABITS = Habits()


@dataclass(frozen=True, slots=True)
class Scene:
    """`at_once`: runs on Discord and on Slack; `vote_s`: how long people may vote."""

    kills: int
    seed: int = 1
    at_once: tuple[int, int] = (6, 2)
    rooms: int = 4
    vote_s: float = 45.0
    habits: Habits = USUAL_HABITS
    settles_within_s: float = SETTLES_WITHIN_S


@dataclass
class Played:
    """The result of a scene; latencies in seconds, from being ready to the first new text."""

    kills: Counter[Class]
    runs: int
    asked: int
    unanswered: int  # commands that no platform heard an answer to
    calls: int
    votes: int
    usual_share: float
    found: list[Found]
    fresh_s: Mapping[str, list[float]] = field(default_factory=dict)  # by platform
    unread: int = 0  # restarts that were killed before any text was new
    ready_s: list[float] = field(default_factory=list)
    seconds: float = 0.0


async def find_usual_outcomes(seed: int, vote_s: float = 2.0) -> dict[str, str]:
    """Return by format the outcome of its runs without any kill, with the same steering."""
    async with open_world(len(COMMANDS), Pace(), limits={"vote_s": vote_s}) as w:
        w.bot.spawn()
        await w.bot.wait_until_ready()
        crowd = Crowd(Random(seed), Habits(summarises=1.0, votes=False, patience_s=60.0))
        await asyncio.gather(*(crowd.play_run(w.discord, kind, n) for n, kind in enumerate(COMMANDS)))
        ledger = await wait_until_settled(w, 60.0)
        return {t.started.format: t.finished.outcome for t in ledger.runs.values() if t.finished}


async def play(scene: Scene, usual: Mapping[str, str]) -> Played:
    began, dice = time.monotonic(), Random(scene.seed)
    async with open_world(scene.rooms, Pace(), limits={"vote_s": scene.vote_s}) as w:
        crowd, killer = Crowd(Random(scene.seed), scene.habits), Killer(w, dice)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(crowd.keep_busy(w.discord, scene.at_once[0]))
            tasks.create_task(crowd.keep_busy(w.slack, scene.at_once[1]))
            await killer.kill(plan_kills(scene.kills, dice))
            crowd.enough.set()
        await wait_until_settled(w, scene.settles_within_s)
        found = await stop_bot(w)
        async with open_store(w.bot.store, clock=time.time) as store:  # its lock is free again
            kills = [(at, at) for at in w.bot.kills]
            audit = Audit(await read_ledger(store), w.places, w.models.calls, crowd.asked, kills, usual)
        found += audit.check_after_kills()
        return Played(
            kills=killer.done,
            runs=len(audit.ledger.runs),
            asked=len(crowd.asked),
            unanswered=sum(not asked.heard for asked in crowd.asked),
            calls=len(w.models.calls),
            votes=sum(bool(vote.told) for asked in crowd.asked for vote in asked.votes),
            usual_share=audit.usual_share,
            found=found + [Found("goes on by itself", why) for why in killer.ended_by_itself],
            fresh_s={place.name: _list_waits(killer, place.name) for place in w.places},
            unread=sum(_is_unread(fresh) for _, fresh in killer.fresh),
            ready_s=w.bot.ready_after_s,
            seconds=time.monotonic() - began,
        )


async def wait_until_settled(w: World, within_s: float) -> Ledger:
    """Wait until every run is over and nothing changes any more, or the time is up, which the audit will tell."""
    ends_at = time.monotonic() + within_s
    while True:
        ledger = await read_running_ledger(w.location)
        before = _count_requests(w)
        await asyncio.sleep(3.0)
        if (ledger.is_finished(time.time()) and _count_requests(w) == before) or time.monotonic() > ends_at:
            return await read_running_ledger(w.location)


async def stop_bot(w: World) -> list[Found]:
    """Stop the bot as an operator does; return what it broke, as it should go by itself, without an error."""
    try:
        status = await w.bot.stop()
    except TimeoutError:
        return [Found("nothing left", "SIGTERM did not end it")]
    return [] if status == 0 else [Found("nothing left", f"it left with status {status}: {w.bot.log[-500:]}")]


def _count_requests(w: World) -> tuple[int, int]:
    return len(w.discord.server.requests), len(w.slack.server.requests)


def _list_waits(killer: Killer, name: str) -> list[float]:
    return [
        fresh.seen_at - fresh.ready_at
        for platform, fresh in killer.fresh
        if platform == name and fresh.seen_at is not None and fresh.ready_at is not None
    ]


def _is_unread(fresh: Fresh) -> bool:
    return fresh.ready_at is not None and fresh.seen_at is None
