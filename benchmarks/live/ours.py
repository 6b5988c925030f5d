"""Our own scheduler as a policy: the code of `bot.live`, unchanged."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from benchmarks.live.figures import Watch
from benchmarks.live.replay import CEILING, POSTS, POSTS_WINDOW_S, Policy, name_budgets
from benchmarks.live.scenes import Run, Scene
from bot.domain.run import LaneId
from bot.engine.trace import NoTrace
from bot.live.budget import Budget, Budgets, SlidingWindow
from bot.live.fixed_window import FixedWindow
from bot.live.lanes import Lane
from bot.live.schedule import Scheduler
from bot.live.view import Display
from bot.ports.surface import Surface
from tests.support.surfaces import Place, Platform


def make_budget(scene: Scene, name: str) -> Budget:
    """Return the budget of a documented limit, made as the adapters make theirs."""
    if name == CEILING:
        return SlidingWindow(scene.ceiling_per_s or 1, 1.0)
    if name.startswith("posts"):
        return SlidingWindow(POSTS, POSTS_WINDOW_S, at_once=1)
    if scene.has_headers:
        return FixedWindow(scene.limit, scene.per_s, at_once=1, eager=True)
    if scene.shape == "window":
        return FixedWindow(scene.limit, scene.per_s)
    return SlidingWindow(scene.limit, scene.per_s, at_once=1)


def make_budgets(scene: Scene, platform: Platform) -> Budgets:
    """Return the budgets of a policy; they learn from headers where there are any."""
    budgets = Budgets(lambda name, started: make_budget(scene, name), asyncio.get_running_loop().time())
    platform.budgets = budgets if scene.has_headers else None
    return budgets


class _Trace(NoTrace):
    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def record_shown(self, surface: str, lane: LaneId, page: int, chars: int, final: bool) -> None:
        self._watch.record_seen(lane, chars)


class Ours:
    """A policy that hands everything to our scheduler; `place` returns the surface of a thread by its number."""

    def __init__(
        self, scheduler: Scheduler, place: Callable[[int], Surface], watch: Watch, *, foresees: bool = False
    ) -> None:
        self._scheduler = scheduler
        self._place = place
        self._foresees = foresees
        self._trace = _Trace(watch)
        self._displays: dict[int, Display] = {}
        self._lanes: dict[LaneId, Lane] = {}

    async def open_lanes(self, run: Run, lanes: list[LaneId]) -> None:
        if run.council not in self._displays:
            self._displays[run.council] = Display(self._scheduler, trace=self._trace)
            self._displays[run.council].attach(self._place(run.thread))
        display = self._displays[run.council]
        if self._foresees:
            display.foresee(run.stages_left, len(lanes))
        for lane in lanes:
            self._lanes[lane] = display.open(lane, lane.seat, kind="turn", placeholder="…")

    def add_delta(self, lane: LaneId, text: str) -> None:
        self._lanes[lane].add(text)

    def end_lane(self, lane: LaneId) -> None:
        self._lanes[lane].close()

    async def wait_until_shown(self) -> None:
        for display in self._displays.values():
            await display.wait_until_caught_up()


@asynccontextmanager
async def open_ours(scene: Scene, platform: Platform, watch: Watch) -> AsyncIterator[Policy]:
    def place(thread: int) -> Surface:
        posts, edits = name_budgets(scene, thread)
        surface = Place(platform, f"thread {thread}", posts=posts, edits=edits)
        surface.placeholder_after_s = scene.placeholder_after_s
        return surface

    async with Scheduler(make_budgets(scene, platform)) as scheduler:
        yield Ours(scheduler, place, watch, foresees=scene.stages > 1)
