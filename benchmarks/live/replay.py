"""A replay of a scene's answers to a policy in virtual time, and how long people would have waited."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple, Protocol

from benchmarks.live.figures import Figures, Watch, compute_figures
from benchmarks.live.scenes import Run, Scene, split_answer
from bot.domain.run import LaneId
from tests.support.surfaces import Limit, Platform, SlidingLimit, WindowLimit
from tests.support.virtual_time import run_virtual

CEILING = "all"
POSTS, POSTS_WINDOW_S = 5, 5.0  # of a thread whose posts are apart


class Policy(Protocol):
    """A way to make lanes visible."""

    async def open_lanes(self, run: Run, lanes: list[LaneId]) -> None: ...

    def add_delta(self, lane: LaneId, text: str) -> None: ...

    def end_lane(self, lane: LaneId) -> None: ...

    async def wait_until_shown(self) -> None: ...


MakePolicy = Callable[[Scene, Platform, Watch], AbstractAsyncContextManager[Policy]]


class Budgeted(NamedTuple):
    """The names of the budgets that posts and edits of a thread draw on."""

    posts: list[str]
    edits: list[str]


def name_budgets(scene: Scene, thread: int) -> Budgeted:
    edits = "edits" if scene.shared else f"edits {thread}"
    posts = {"free": [], "same": [edits], "apart": [f"posts {thread}"]}[scene.posts]
    ceiling = [CEILING] if scene.ceiling_per_s else []
    return Budgeted([*posts, *ceiling], [edits, *ceiling])


def make_limits(scene: Scene) -> dict[str, Limit]:
    made: dict[str, Limit] = {}
    for thread in range(scene.threads):
        posts, edits = name_budgets(scene, thread)
        limit = WindowLimit if scene.shape == "window" else SlidingLimit
        made.setdefault(edits[0], limit(scene.limit, scene.per_s))
        if scene.posts == "apart":
            made[posts[0]] = SlidingLimit(POSTS, POSTS_WINDOW_S)
    if scene.ceiling_per_s:
        made[CEILING] = WindowLimit(scene.ceiling_per_s, 1.0)
    return made


def replay_scene(scene: Scene, runs: list[Run], make: MakePolicy) -> Figures:
    return run_virtual(_replay_scene(scene, runs, make))


async def _replay_scene(scene: Scene, runs: list[Run], make: MakePolicy) -> Figures:
    watch, platform = Watch(), Platform(make_limits(scene), scene.round_trip_s)
    time = asyncio.get_running_loop().time
    halve_at = scene.halve_at_s
    async with make(scene, platform, watch) as policy, asyncio.TaskGroup() as tasks:
        for event in _list_events(runs):
            if event.at > time():
                await asyncio.sleep(event.at - time())
            if halve_at and event.at >= halve_at:
                halve_at = None
                for limit in platform.limits.values():
                    limit.limit //= 2
            if event.opens is not None:
                tasks.create_task(policy.open_lanes(event.opens, name_lanes(event.opens)))
            else:
                watch.record_written(event.lane, event.chars)
                policy.add_delta(event.lane, "x" * event.chars)
                if event.last:
                    policy.end_lane(event.lane)
        await policy.wait_until_shown()
    return compute_figures(watch, platform)


class _Event(NamedTuple):
    at: float
    lane: LaneId
    chars: int = 0
    last: bool = False
    opens: Run | None = None


def name_lanes(run: Run) -> list[LaneId]:
    return [LaneId(f"{run.thread}", run.council * 100 - run.stages_left, answer.seat) for answer in run.answers]


def _list_events(runs: list[Run]) -> list[_Event]:
    made: list[_Event] = []
    for run in runs:
        lanes = name_lanes(run)
        made.append(_Event(run.opens, lanes[0], opens=run))
        for lane, answer in zip(lanes, run.answers, strict=True):
            made += (_Event(at, lane, chars, last) for at, chars, last in split_answer(answer))
    return sorted(made, key=lambda event: event.at)
