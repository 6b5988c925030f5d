"""A replay of a scene's answers to a policy in virtual time, and how long people would have waited."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager
from typing import NamedTuple, Protocol

import numpy as np

from benchmarks.live.scenes import DELTA_CHARS, Answer, Run, Scene
from bot.domain.run import LaneId
from tests.support.surfaces import BucketLimit, Limit, Platform, WindowLimit
from tests.support.virtual_time import run_virtual

CEILING = "all"


class Policy(Protocol):
    """A way to make lanes visible."""

    async def open_lanes(self, thread: int, lanes: list[LaneId]) -> None: ...

    def add_delta(self, lane: LaneId, text: str) -> None: ...

    def end_lane(self, lane: LaneId) -> None: ...

    async def wait_until_shown(self) -> None: ...


class Watch:
    """A log by lane: how much was written, and seen, at what time."""

    def __init__(self) -> None:
        self.written: dict[LaneId, list[tuple[float, int]]] = {}
        self.seen: dict[LaneId, list[tuple[float, int]]] = {}

    def record_seen(self, lane: LaneId, chars: int) -> None:
        """Record that `chars` code points of the lane are visible from now on."""
        self.seen.setdefault(lane, []).append((asyncio.get_running_loop().time(), chars))


MakePolicy = Callable[[Scene, Platform, Watch], AbstractAsyncContextManager[Policy]]


class Figures(NamedTuple):
    """Waits in seconds, and counts of requests."""

    mean_wait_s: float
    p95_wait_s: float
    first_median_s: float
    first_max_s: float
    requests: int
    refused: int

    def __str__(self) -> str:
        return (
            f"wait {self.mean_wait_s:6.3f} p95 {self.p95_wait_s:7.3f} first {self.first_median_s:6.3f}"
            f" max {self.first_max_s:7.3f} requests {self.requests:5d} 429s {self.refused}"
        )


def budget_name(scene: Scene, thread: int) -> str:
    return "edits" if scene.shared else f"edits {thread}"


def make_limits(scene: Scene) -> dict[str, Limit]:
    made: dict[str, Limit] = {}
    for thread in range(scene.threads):
        window = scene.shape == "window"
        limit = (WindowLimit if window else BucketLimit)(
            scene.limit, scene.per_s if window else scene.limit / scene.per_s
        )
        made.setdefault(budget_name(scene, thread), limit)
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
        for event in _list_events(scene, runs):
            if event.at > time():
                await asyncio.sleep(event.at - time())
            if halve_at and event.at >= halve_at:
                halve_at = None
                for limit in platform.limits.values():
                    limit.limit //= 2
            if event.opens:
                tasks.create_task(policy.open_lanes(event.thread, list(event.opens)))
            else:
                log = watch.written.setdefault(event.lane, [(event.at, 0)])
                log.append((event.at, log[-1][1] + event.chars))
                policy.add_delta(event.lane, "x" * event.chars)
                if event.last:
                    policy.end_lane(event.lane)
        await policy.wait_until_shown()
    return _compute_figures(watch, platform)


class _Event(NamedTuple):
    at: float
    thread: int
    lane: LaneId
    chars: int = 0
    last: bool = False
    opens: tuple[LaneId, ...] = ()


def _list_events(scene: Scene, runs: list[Run]) -> list[_Event]:
    made: list[_Event] = []
    for number, run in enumerate(runs):
        lanes = tuple(LaneId(f"{run.thread}", number, answer.seat) for answer in run.answers)
        made.append(_Event(run.start - scene.lead_s, run.thread, lanes[0], opens=lanes))
        for lane, answer in zip(lanes, run.answers, strict=True):
            made += (_Event(at, run.thread, lane, chars, last) for at, chars, last in split_answer(answer))
    return sorted(made, key=lambda event: event.at)


def split_answer(answer: Answer) -> Iterator[tuple[float, int, bool]]:
    """Yield the deltas of an answer: the time (seconds), the code points, and whether it is the last."""
    pace = (answer.end - answer.start) / answer.chars
    for before in range(0, answer.chars, DELTA_CHARS):
        after = min(before + DELTA_CHARS, answer.chars)
        yield answer.start + pace * after, after - before, after == answer.chars


def _compute_figures(watch: Watch, platform: Platform) -> Figures:
    waits, weights, firsts = [], [], []
    for lane, written in watch.written.items():
        at, upto = np.array(written[1:]).T
        chars = np.diff(upto, prepend=0)
        seen_at, seen = np.array(watch.seen[lane]).T
        index = np.searchsorted(np.maximum.accumulate(seen), upto)
        waits.append(seen_at[index] - at)  # an IndexError here means that a text was never shown to its end
        weights.append(chars)
        firsts.append(seen_at[np.argmax(seen > 0)] - at[0])
    wait, weight = np.concatenate(waits), np.concatenate(weights)
    order = np.argsort(wait)
    ranks = np.cumsum(weight[order]) / weight.sum()
    edits = [status for _, method, _, status in platform.calls if method == "edit"]
    return Figures(
        float(np.average(wait, weights=weight)),
        float(wait[order][np.searchsorted(ranks, 0.95)]),
        float(np.median(firsts)),
        float(np.max(firsts)),
        len(edits),
        edits.count(429),
    )
