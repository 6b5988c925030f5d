"""Our own scheduler as a policy: the code of `bot.live`, unchanged."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from benchmarks.live.replay import CEILING, Policy, Watch, budget_name
from benchmarks.live.scenes import Scene
from bot.domain.run import LaneId
from bot.engine.trace import NoTrace
from bot.live.budget import Budget, Budgets, FixedWindow, TokenBucket
from bot.live.lanes import Lane
from bot.live.schedule import Scheduler
from bot.live.view import Display
from bot.ports import Surface
from tests.support.surfaces import Place, Platform


def make_budget(scene: Scene, name: str) -> Budget:
    """Return the budget of a documented limit; headers say nothing here."""
    if name == CEILING:
        return FixedWindow(scene.ceiling_per_s or 1, 1.0)
    if scene.shape == "window":
        return FixedWindow(scene.limit, scene.per_s)
    return TokenBucket(scene.limit, scene.limit / scene.per_s)


class _Trace(NoTrace):
    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def record_shown(self, surface: str, lane: LaneId, page: int, chars: int, final: bool) -> None:
        self._watch.record_seen(lane, chars)


class Ours:
    """A policy that hands everything to our scheduler; `place` returns the surface of a thread by its number."""

    def __init__(self, scheduler: Scheduler, place: Callable[[int], Surface], watch: Watch) -> None:
        self._scheduler = scheduler
        self._place = place
        self._trace = _Trace(watch)
        self._displays: list[Display] = []
        self._lanes: dict[LaneId, Lane] = {}

    async def open_lanes(self, thread: int, lanes: list[LaneId]) -> None:
        display = Display(self._scheduler, trace=self._trace)
        display.attach(self._place(thread))
        self._displays.append(display)
        for lane in lanes:
            self._lanes[lane] = display.open(lane, lane.seat, kind="turn", placeholder="…")

    def add_delta(self, lane: LaneId, text: str) -> None:
        self._lanes[lane].add(text)

    def end_lane(self, lane: LaneId) -> None:
        self._lanes[lane].close()

    async def wait_until_shown(self) -> None:
        for display in self._displays:
            await display.wait_until_caught_up()


@asynccontextmanager
async def open_ours(scene: Scene, platform: Platform, watch: Watch) -> AsyncIterator[Policy]:
    ceiling = [CEILING] if scene.ceiling_per_s else []

    def place(thread: int) -> Surface:
        return Place(platform, f"thread {thread}", posts=ceiling, edits=[budget_name(scene, thread), *ceiling])

    started = asyncio.get_running_loop().time()
    async with Scheduler(Budgets(lambda name, at: make_budget(scene, name), started)) as scheduler:
        yield Ours(scheduler, place, watch)
