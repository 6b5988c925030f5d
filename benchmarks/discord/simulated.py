"""The same answers on the simulated platform of `benchmarks.live`, in virtual time: the scheduler's best."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import groupby

from benchmarks.discord.scenes import Scene
from benchmarks.discord.speaker import LEAD_S
from benchmarks.live import scenes as live
from benchmarks.live.ours import Ours
from benchmarks.live.replay import CEILING, Figures, Policy, Watch, budget_name, replay_scene
from bot.live.budget import Budget, Budgets, FixedWindow, SlidingWindow
from bot.live.schedule import Scheduler
from bot.ports import Surface
from tests.support.surfaces import Place, Platform, WindowLimit

LIMIT, WINDOW_S = 5, 5.0  # the wire's: posts and edits of a webhook, each
CEILING_PER_S = 50


def simulate_scene(scene: Scene, spoken: Sequence[live.Answer], round_trip_s: float) -> Figures:
    """Replay what was said on the wire (`spoken`) at the same times."""
    first = min(a.start for a in spoken)
    begin = LEAD_S - first
    moved = [a._replace(start=a.start + begin, end=a.end + begin) for a in spoken]
    by_run = groupby(sorted(moved), key=lambda a: a.thread)
    runs = [live.Run(run, min(a.start for a in said), said) for run, said in ((r, tuple(s)) for r, s in by_run)]
    played = live.Scene(
        scene.name,
        lanes=len(spoken),
        threads=scene.runs,
        limit=LIMIT,
        per_s=WINDOW_S,
        shared=scene.shared,
        ceiling_per_s=CEILING_PER_S,
        round_trip_s=round_trip_s,
        lead_s=LEAD_S,
    )
    return replay_scene(played, runs, _open_ours)


def _make_budget(name: str, started: float) -> Budget:
    """Return a budget as the Discord adapter makes it."""
    if name == CEILING:
        return SlidingWindow(CEILING_PER_S, 1.0)
    return FixedWindow(LIMIT, WINDOW_S, at_once=1, eager=True)


def _name_posts(edits: str) -> str:
    return f"posts beside {edits}"


@asynccontextmanager
async def _open_ours(scene: live.Scene, platform: Platform, watch: Watch) -> AsyncIterator[Policy]:
    """Open our scheduler as in `benchmarks.live.ours`, but with a limit of posts as well."""

    def place(thread: int) -> Surface:
        edits = budget_name(scene, thread)
        platform.limits.setdefault(_name_posts(edits), WindowLimit(LIMIT, WINDOW_S))
        return Place(platform, f"{thread}", posts=[_name_posts(edits), CEILING], edits=[edits, CEILING])

    started = asyncio.get_running_loop().time()
    async with Scheduler(Budgets(_make_budget, started)) as scheduler:
        yield Ours(scheduler, place, watch)
