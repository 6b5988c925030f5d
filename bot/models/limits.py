"""Limits towards one provider: a queue of a fixed width, a circuit, and its own account of requests left."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass

from bot.models.errors import ProviderError

_LOW = 0.05  # of the requests a provider allows; fewer left than this bring a warning


class Queue:
    """A queue: at most `width` are admitted at once, in order, and each that waits is told its place."""

    def __init__(self, width: int) -> None:
        self._free = width
        self._waiting: deque[Ticket] = deque()

    def join(self) -> Ticket:
        """Return a ticket, admitted already if there is room. Its owner must `leave`, whatever happens."""
        ticket = Ticket(self)
        self._waiting.append(ticket)
        self._admit()
        return ticket

    def leave(self, ticket: Ticket) -> None:
        if ticket.admitted:
            self._free += 1
        else:
            self._waiting.remove(ticket)
        self._admit()

    def place_of(self, ticket: Ticket) -> int:
        return self._waiting.index(ticket) + 1

    def _admit(self) -> None:
        for ticket in self._waiting:
            ticket.moved.set()
        while self._free and self._waiting:
            self._free -= 1
            self._waiting.popleft().admitted = True


class Ticket:
    """One place in a queue."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self.admitted = False
        self.moved = asyncio.Event()

    async def places(self) -> AsyncGenerator[int, None]:
        """Yield the places as they change, 1 for the next, until it is admitted."""
        last = 0
        while not self.admitted:
            place = self._queue.place_of(self)
            if place != last:
                yield place
            last = place
            if not self.admitted:  # while the place was told, its turn may have come
                self.moved.clear()
                await self.moved.wait()

    def leave(self) -> None:
        """Free the place, or give up waiting for it."""
        self._queue.leave(self)


@dataclass(slots=True)
class Circuit:
    """A circuit breaker: it opens after `failures` in a row, and then lets one try through every `open_s`.

    Nygard, Release It!, "Circuit Breaker". A try that proves the provider alive closes it, whatever else it brings.
    """

    provider: str
    failures: int = 5
    open_s: float = 30.0
    _failed: int = 0
    _shut_until: float = 0.0

    def check(self, now: float) -> None:
        """Raise ProviderError("unreachable") while it is open (`now`: loop time)."""
        if self._failed < self.failures:
            return
        if left := self.seconds_left(now):
            raise ProviderError(
                "unreachable", f"{self.provider} is down and is not tried again for {math.ceil(left)} s", left
            )
        self._shut_until = now + self.open_s  # this one is the try; the others wait for what becomes of it

    def record_success(self) -> None:
        self._failed = 0

    def record_failure(self, now: float) -> None:
        self._failed += 1
        self._shut_until = now + self.open_s

    def seconds_left(self, now: float) -> float:
        """Return the seconds until it is tried again; 0 while calls go through."""
        return max(0.0, self._shut_until - now) if self._failed >= self.failures else 0.0


def requests_left(headers: Mapping[str, str]) -> tuple[int, int] | None:
    """Return requests left and requests allowed, from a provider's headers; None if it does not send both.

    https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers (many others send the same names)
    and https://docs.claude.com/en/api/rate-limits#response-headers; litellm sets a prefix of its own before them.
    """
    plain = {name.lower().removeprefix("llm_provider-"): value for name, value in headers.items()}
    for left, limit in _HEADERS:
        if plain.get(left, "").isdecimal() and plain.get(limit, "").isdecimal():
            return int(plain[left]), int(plain[limit])
    return None


_HEADERS = (
    ("x-ratelimit-remaining-requests", "x-ratelimit-limit-requests"),
    ("anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-limit"),
)


def is_low(left: int, limit: int) -> bool:
    """Return whether so few requests are left of those allowed that the operator should know."""
    return left <= max(1, limit * _LOW)
