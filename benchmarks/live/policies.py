"""What others do, on a client that keeps to the limits: a fair rival, and the habits of today's bots."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from benchmarks.live.figures import Watch
from benchmarks.live.ours import make_budgets
from benchmarks.live.replay import MakePolicy, Policy, name_budgets
from benchmarks.live.scenes import Run, Scene
from bot.domain.run import LaneId
from bot.ports.surface import Method
from tests.support.surfaces import Platform


class Client:
    """A platform's client library: it is fair and knows the limits as well as we do, but knows nothing of text."""

    def __init__(self, scene: Scene, platform: Platform) -> None:
        self._scene = scene
        self._platform = platform
        self._time = asyncio.get_running_loop().time
        self._budgets = make_budgets(scene, platform)
        self._turns: dict[str, asyncio.Lock] = {}

    async def call(self, method: Method, lane: LaneId) -> None:
        """Call the platform as soon as the limits allow."""
        names = self._name_budgets(method, int(lane.stage))
        async with self._turns.setdefault(" ".join(names), asyncio.Lock()):  # they are first come, first served
            await self.wait_until_free(method, int(lane.stage))
            tickets = [(self._budgets[name], self._budgets[name].take(self._time())) for name in names]
        await self._platform.call(method, lane, names, lambda: None)
        for budget, ticket in tickets:
            budget.record_answer(ticket, self._time())

    async def wait_until_free(self, method: Method, thread: int) -> None:
        names = self._name_budgets(method, thread)
        while (at := max((self._budgets[name].free_at(self._time()) for name in names), default=0.0)) > self._time():
            await asyncio.sleep(0.01 if at == math.inf else max(0.001, at - self._time()))

    def _name_budgets(self, method: Method, thread: int) -> list[str]:
        posts, edits = name_budgets(self._scene, thread)
        return posts if method == "post" else edits


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

    async def open_lanes(self, run: Run, lanes: list[LaneId]) -> None:
        self._messages.update((lane, _Message(flying=1)) for lane in lanes)
        for lane in lanes:
            await self._client.call("post", lane)
            self._finish_call(lane, self._messages[lane])

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
        await self._client.call("edit", lane)
        self._watch.record_seen(lane, chars)
        self._finish_call(lane, message)

    def _finish_call(self, lane: LaneId, message: _Message) -> None:
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
    "(b) a message 0.5 s after its last edit returned": _make_habit(
        lambda habit, message, now: now - message.returned_at >= 0.5
    ),
    "(c) a message every 1.2 s, one in flight": _make_habit(lambda habit, message, now: now - message.called_at >= 1.2),
    "(d) a message every 0.5 s, captured when queued": _make_habit(
        lambda habit, message, now: now - message.called_at >= 0.5, alone=False
    ),
}


@dataclass(slots=True)
class _Waiting:
    posted: bool
    chars: int = 0
    sent: int = 0
    since: float = 0.0  # when the oldest of its unsent code points was written
    ended: bool = False

    @property
    def is_behind(self) -> bool:
        return not self.posted or self.sent < self.chars

    @property
    def urgency(self) -> tuple[bool, float]:
        return self.posted and not self.ended, self.since


class Fair:
    """The fair rival: one request each window ÷ limit seconds a budget, and each shows the newest text of its lane.

    Messages to post and ends go first, then the lane whose words have waited longest.
    """

    def __init__(self, scene: Scene, client: Client, watch: Watch, tasks: asyncio.TaskGroup) -> None:
        self._scene = scene
        self._client = client
        self._watch = watch
        self._tasks = tasks
        self._time = asyncio.get_running_loop().time
        self._lanes: dict[str, dict[LaneId, _Waiting]] = {}  # by budget
        self._pacing: list[asyncio.Task[None]] = []

    async def open_lanes(self, run: Run, lanes: list[LaneId]) -> None:
        budget = name_budgets(self._scene, run.thread).edits[0]
        if budget not in self._lanes:
            self._lanes[budget] = {}
            self._pacing.append(self._tasks.create_task(self._pace(self._lanes[budget], run.thread)))
        self._lanes[budget].update((lane, _Waiting(self._scene.posts == "free", since=self._time())) for lane in lanes)
        if self._scene.posts == "apart":
            for lane in lanes:
                await self._client.call("post", lane)
                self._find(lane).posted = True

    def add_delta(self, lane: LaneId, text: str) -> None:
        waiting = self._find(lane)
        if waiting.sent == waiting.chars:
            waiting.since = self._time()
        waiting.chars += len(text)

    def end_lane(self, lane: LaneId) -> None:
        self._find(lane).ended = True

    async def wait_until_shown(self) -> None:
        while any(waiting.is_behind for lanes in self._lanes.values() for waiting in lanes.values()):
            await asyncio.sleep(1.0)
        for task in self._pacing:
            task.cancel()

    def _find(self, lane: LaneId) -> _Waiting:
        return self._lanes[name_budgets(self._scene, int(lane.stage)).edits[0]][lane]

    async def _pace(self, lanes: dict[LaneId, _Waiting], thread: int) -> None:
        while True:
            apart = self._scene.posts == "apart"  # then whoever opens the lane posts
            await self._client.wait_until_free("edit", thread)
            behind = [lane for lane, of in lanes.items() if of.is_behind and (of.posted or not apart)]
            if behind:
                lane = min(behind, key=lambda lane: lanes[lane].urgency)
                self._tasks.create_task(self._show(lane, lanes[lane]))
            await asyncio.sleep(self._scene.per_s / self._scene.limit if behind else 0.01)

    async def _show(self, lane: LaneId, waiting: _Waiting) -> None:
        method: Method = "edit" if waiting.posted else "post"
        chars = waiting.chars
        waiting.posted, waiting.sent, waiting.since = True, chars, math.inf
        await self._client.call(method, lane)
        self._watch.record_seen(lane, chars)


@asynccontextmanager
async def open_fair(scene: Scene, platform: Platform, watch: Watch) -> AsyncIterator[Policy]:
    async with asyncio.TaskGroup() as tasks:
        yield Fair(scene, Client(scene, platform), watch, tasks)
