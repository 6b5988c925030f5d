"""The habits of today's bots, on a client that keeps to the limits: requests are served in the order they come."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from benchmarks.live.ours import make_budget
from benchmarks.live.replay import CEILING, MakePolicy, Policy, Watch, budget_name
from benchmarks.live.scenes import Scene
from bot.domain.run import LaneId
from bot.live.budget import Budgets
from tests.support.surfaces import Platform


class Client:
    """A platform's client library: it is fair and knows the limits as well as we do, but knows nothing of text."""

    def __init__(self, scene: Scene, platform: Platform) -> None:
        self._scene = scene
        self._platform = platform
        self._time = asyncio.get_running_loop().time
        self._budgets = Budgets(lambda name, at: make_budget(scene, name), self._time())
        self._turns: dict[str, asyncio.Lock] = {}

    async def edit(self, lane: LaneId) -> None:
        names = [budget_name(self._scene, int(lane.stage)), *([CEILING] if self._scene.ceiling_per_s else [])]
        budgets = [self._budgets[name] for name in names]
        async with self._turns.setdefault(names[0], asyncio.Lock()):  # asyncio's locks are first come, first served
            while (at := max(b.free_at(self._time()) for b in budgets)) > self._time():
                await asyncio.sleep(0.01 if at == math.inf else max(0.001, at - self._time()))
            tickets = [b.take(self._time()) for b in budgets]
        await self._platform.call("edit", lane, names, lambda: None)
        for b, ticket in zip(budgets, tickets, strict=True):
            b.record_answer(ticket, self._time())


@dataclass(slots=True)
class _Message:
    chars: int = 0
    sent: int = 0
    called_at: float = -math.inf
    returned_at: float = -math.inf
    flying: int = 0
    ended: bool = False


Ready = Callable[["Habit", _Message, float], bool]


class Habit:
    """A policy that asks at each delta whether to edit. The call captures the text; a final edit is always made."""

    def __init__(self, client: Client, watch: Watch, tasks: asyncio.TaskGroup, ready: Ready, alone: bool) -> None:
        self.last_call = -math.inf
        self._client = client
        self._watch = watch
        self._tasks = tasks
        self._ready = ready
        self._alone = alone  # one edit of a message at a time
        self._time = asyncio.get_running_loop().time
        self._messages: dict[LaneId, _Message] = {}
        self._order: dict[LaneId, deque[int]] = {}

    async def open_lanes(self, thread: int, lanes: list[LaneId]) -> None:
        self._messages.update((lane, _Message()) for lane in lanes)

    def add_delta(self, lane: LaneId, text: str) -> None:
        message = self._messages[lane]
        message.chars += len(text)
        if not (self._alone and message.flying) and self._ready(self, message, self._time()):
            self._edit(lane, message)

    def end_lane(self, lane: LaneId) -> None:
        message = self._messages[lane]
        message.ended = True
        if message.sent < message.chars and not (self._alone and message.flying):
            self._edit(lane, message)

    async def wait_until_shown(self) -> None:
        while any(message.flying for message in self._messages.values()):
            await asyncio.sleep(1.0)

    def _edit(self, lane: LaneId, message: _Message) -> None:
        message.flying += 1
        message.sent = message.chars
        self.last_call = message.called_at = self._time()
        self._tasks.create_task(self._call(lane, message, message.chars))

    async def _call(self, lane: LaneId, message: _Message, chars: int) -> None:
        await self._client.edit(lane)
        self._watch.record_seen(lane, chars)
        message.flying -= 1
        message.returned_at = self._time()
        if message.ended and message.sent < message.chars and not message.flying:
            self._edit(lane, message)


def _make_habit(ready: Ready, *, alone: bool = True) -> MakePolicy:
    @asynccontextmanager
    async def make(scene: Scene, platform: Platform, watch: Watch) -> AsyncIterator[Policy]:
        async with asyncio.TaskGroup() as tasks:
            yield Habit(Client(scene, platform), watch, tasks, ready, alone)

    return make


HABITS: dict[str, MakePolicy] = {
    "(a) one gate for all, 1 s": _make_habit(lambda habit, message, now: now - habit.last_call >= 1.0),
    "(b) a message 0.5 s after its last edit returned": _make_habit(
        lambda habit, message, now: now - message.returned_at >= 0.5
    ),
    "(c) a message every 1.2 s, one in flight": _make_habit(lambda habit, message, now: now - message.called_at >= 1.2),
    "(d) a message every 0.5 s, captured when queued": _make_habit(
        lambda habit, message, now: now - message.called_at >= 0.5, alone=False
    ),
}
