"""The same answers on the simulated platform of `benchmarks.live`, in virtual time: what the scheduler can do there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from itertools import groupby

from benchmarks.discord.scenes import Scene
from benchmarks.discord.speaker import LEAD_S
from benchmarks.live import scenes as live
from benchmarks.live.replay import CEILING, Figures, Policy, Watch, budget_name, replay
from bot.facts import Lane
from bot.live.budget import Budget, Budgets, FixedWindow
from bot.live.lanes import Lane as LiveLane
from bot.live.schedule import Scheduler
from bot.live.view import Display
from bot.trace import NoTrace
from tests.surfaces import Place, Platform, WindowLimit

LIMIT, WINDOW_S = 5, 5.0  # the wire's: posts and edits of a webhook, each
CEILING_PER_S = 50


def simulated(scene: Scene, spoken: Sequence[live.Answer], round_trip_s: float) -> Figures:
    """`spoken`: what was said on the wire, and when."""
    first = min(a.start for a in spoken)
    begin = WINDOW_S + 1.0 + LEAD_S - first  # budgets count as spent until then
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
    return replay(played, runs, _ours)


class _Trace(NoTrace):
    def __init__(self, watch: Watch) -> None:
        self._watch = watch

    def shown(self, surface: str, lane: Lane, page: int, chars: int, final: bool) -> None:
        self._watch.saw(lane, chars)


class _Ours:
    """As in `benchmarks.live.ours`, but posts have a limit as well."""

    def __init__(self, scene: live.Scene, platform: Platform, scheduler: Scheduler, watch: Watch) -> None:
        self._scene = scene
        self._platform = platform
        self._scheduler = scheduler
        self._trace = _Trace(watch)
        self._displays: list[Display] = []
        self._lanes: dict[Lane, LiveLane] = {}

    async def open(self, thread: int, lanes: list[Lane]) -> None:
        edits = budget_name(self._scene, thread)
        self._platform.limits.setdefault(_posts(edits), WindowLimit(LIMIT, WINDOW_S))
        display = Display(self._scheduler, trace=self._trace)
        display.attach(Place(self._platform, f"{thread}", posts=[_posts(edits), CEILING], edits=[edits, CEILING]))
        self._displays.append(display)
        for lane in lanes:
            self._lanes[lane] = display.open(lane, lane.seat, kind="turn", placeholder="…")

    def delta(self, lane: Lane, text: str) -> None:
        self._lanes[lane].add(text)

    def end(self, lane: Lane) -> None:
        self._lanes[lane].close()

    async def finished(self) -> None:
        for display in self._displays:
            await display.caught_up()


def _budget(name: str, started: float) -> Budget:
    """As the Discord adapter makes them, spent at the start."""
    if name == CEILING:
        return FixedWindow(CEILING_PER_S, 1.0, spent_until=started + 1.0)
    return FixedWindow(LIMIT, WINDOW_S, spent_until=started + WINDOW_S, at_once=1, eager=True)


def _posts(edits: str) -> str:
    return f"posts beside {edits}"


@asynccontextmanager
async def _ours(scene: live.Scene, platform: Platform, watch: Watch) -> AsyncIterator[Policy]:
    started = asyncio.get_running_loop().time()
    async with Scheduler(Budgets(_budget, started)) as scheduler:
        yield _Ours(scene, platform, scheduler, watch)
