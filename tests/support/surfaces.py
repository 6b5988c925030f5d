"""A chat platform in memory: limits that refuse, answers that take time, faults on demand."""

from __future__ import annotations

import asyncio
import math
from collections import Counter, deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from bot.domain.run import LaneId
from bot.live.budget import Budget, Budgets
from bot.ports.surface import Gone, Kind, Message, MessageRef, Method, Page, Paginator, RateLimited, SurfaceError


class WholeText:
    """The paginator of a place without a limit on length: every text is one message."""

    def update(self, text: str, *, final: bool = False, footer: str = "") -> Sequence[Page]:
        return [Page(text + footer, len(text), final)]


class Limit(Protocol):
    """A limit as the platform counts it."""

    limit: int

    def admit(self, now: float) -> float:
        """Count a request and return 0, or refuse it and return the seconds after which to come again."""
        ...

    def report(self, now: float) -> tuple[int, int, float]:
        """Return what headers carry: limit, remaining, reset_after_s."""
        ...


class WindowLimit:
    """At most `limit` requests a window; a window begins with the first request after the end of the last one."""

    def __init__(self, limit: int, window_s: float) -> None:
        self.limit = limit
        self._window_s = window_s
        self._end = -math.inf
        self._used = 0

    def admit(self, now: float) -> float:
        if now >= self._end:
            self._end, self._used = now + self._window_s, 0
        if self._used >= self.limit:
            return self._end - now
        self._used += 1
        return 0.0

    def report(self, now: float) -> tuple[int, int, float]:
        return self.limit, max(0, self.limit - self._used), max(0.0, self._end - now)


class SlidingLimit:
    """At most `limit` requests in any `window_s`."""

    def __init__(self, limit: int, window_s: float) -> None:
        self.limit = limit
        self._window_s = window_s
        self._taken: deque[float] = deque()

    def admit(self, now: float) -> float:
        while self._taken and self._taken[0] <= now - self._window_s:
            self._taken.popleft()
        if len(self._taken) >= self.limit:
            return self._taken[len(self._taken) - self.limit] + self._window_s - now
        self._taken.append(now)
        return 0.0

    def report(self, now: float) -> tuple[int, int, float]:
        oldest = self._taken[0] if self._taken else now
        return self.limit, max(0, self.limit - len(self._taken)), max(0.0, oldest + self._window_s - now)


class BucketLimit:
    """A bucket of at most `limit` tokens, of which `per_s` come back a second."""

    def __init__(self, limit: int, per_s: float) -> None:
        self.limit = limit
        self.per_s = per_s
        self._level = float(limit)
        self._at = 0.0

    def admit(self, now: float) -> float:
        self._level = min(float(self.limit), self._level + self.per_s * (now - self._at))
        self._at = now
        if self._level < 1 - 1e-9:
            return (1 - self._level) / self.per_s
        self._level -= 1
        return 0.0

    def report(self, now: float) -> tuple[int, int, float]:
        return self.limit, int(self._level), (self.limit - self._level) / self.per_s


async def count_refusals(budget: Budget, limit: Limit, requests: int) -> int:
    """Send so many requests as fast as a budget lets them, one after the other; return how many a limit refuses."""
    now = asyncio.get_running_loop().time
    refused = 0
    for _ in range(requests):
        while (at := budget.free_at(now())) > now():
            await asyncio.sleep(min(max(at - now(), 0.001), 0.05))
        request = budget.take(now())
        refused += limit.admit(now()) > 0
        budget.record_answer(request, now())
    return refused


@dataclass(slots=True)
class Platform:
    """A platform with several places: its limits by budget name, its round trip, its log of calls.

    `fault` runs before a call is carried out: the caller gets what it raises, and the answer takes as many seconds
    longer as it returns. `budgets`, if given, learn the limits from every answer, as from headers.
    """

    limits: dict[str, Limit] = field(default_factory=dict)
    round_trip_s: float = 0.1
    fault: Callable[[Method, LaneId], float] = lambda method, lane: 0.0
    budgets: Budgets | None = None
    calls: list[tuple[float, Method, LaneId, int]] = field(default_factory=list)  # time of arrival, status
    statuses: Counter[int] = field(default_factory=Counter)

    async def call(self, method: Method, lane: LaneId, draws: Sequence[str], carry_out: Callable[[], None]) -> None:
        """Carry out a call: half a round trip, the limits, the call itself, half a round trip back."""
        time = asyncio.get_running_loop().time
        await asyncio.sleep(self.round_trip_s / 2)
        now = time()
        try:
            for name in draws:
                if retry_after_s := self.limits[name].admit(now) if name in self.limits else 0.0:
                    raise RateLimited(name, retry_after_s)
            late_s = self.fault(method, lane)
            carry_out()
            self._log(now, method, lane, 200)
        except SurfaceError as error:
            self._log(now, method, lane, error.status)
            await asyncio.sleep(self.round_trip_s / 2)
            self._teach(draws, now)
            raise
        await asyncio.sleep(self.round_trip_s / 2 + late_s)
        self._teach(draws, now)

    def _teach(self, draws: Sequence[str], asked: float) -> None:
        now = asyncio.get_running_loop().time()
        for name in draws:
            if self.budgets and name in self.limits:
                limit, remaining, reset_after_s = self.limits[name].report(asked)
                self.budgets[name].learn(asked, now, limit=limit, remaining=remaining, reset_after_s=reset_after_s)

    def _log(self, now: float, method: Method, lane: LaneId, status: int) -> None:
        self.calls.append((now, method, lane, status))
        self.statuses[status] += 1


class Place:
    """A surface: one thread on the platform. `history` holds every text that each message ever had, in order."""

    def __init__(
        self,
        platform: Platform,
        name: str = "place",
        *,
        posts: Sequence[str] = (),
        edits: Sequence[str] = (),
        pages: Callable[[], Paginator] = WholeText,
    ) -> None:
        self.name = name
        self.address = name
        self.room_chars: int | None = None
        self.placeholder_after_s = 0.0
        self.platform = platform
        self.history: dict[MessageRef, deque[Message]] = {}
        self.deleted: set[MessageRef] = set()
        self._posts = posts
        self._edits = edits
        self._pages = pages

    def pages(self, kind: Kind) -> Paginator:
        return self._pages()

    def draws(self, method: Method, lane: LaneId) -> Sequence[str]:
        match method:
            case "post":
                return self._posts
            case "find":
                return ()
            case _:
                return self._edits

    async def post(self, message: Message) -> MessageRef:
        refs: list[MessageRef] = []

        def appear() -> None:
            refs.append(f"{self.name} {len(self.history)}")
            self.history[refs[0]] = deque([message])

        await self.platform.call("post", message.lane, self._posts, appear)
        return refs[0]

    async def find(self, lane: LaneId, page: int) -> MessageRef | None:
        await self.platform.call("find", lane, (), lambda: None)
        there = (ref for ref, said in self.history.items() if ref not in self.deleted)
        return next(
            (ref for ref in there if (self.history[ref][0].lane, self.history[ref][0].page) == (lane, page)), None
        )

    async def edit(self, ref: MessageRef, message: Message) -> None:
        await self.platform.call("edit", message.lane, self._edits, lambda: self._standing(ref).append(message))

    async def delete(self, ref: MessageRef) -> None:
        def vanish() -> None:
            self._standing(ref)
            self.deleted.add(ref)

        await self.platform.call("delete", self.history[ref][0].lane, self._edits, vanish)

    def messages(self) -> list[Message]:
        """Return the messages that stand there now, in the order of the thread."""
        return [h[-1] for ref, h in self.history.items() if ref not in self.deleted]

    def read_texts(self) -> list[tuple[LaneId, str]]:
        """Return lane and text of every message that stands there now, in the order of the thread."""
        return [(message.lane, message.text) for message in self.messages()]

    def _standing(self, ref: MessageRef) -> deque[Message]:
        if ref in self.deleted:
            raise Gone("the message is gone")
        return self.history[ref]
