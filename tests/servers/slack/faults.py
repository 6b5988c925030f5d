"""Faults on demand: an error, an HTTP status, a torn connection, an answer that does not come."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Fail:
    """An answer with Slack's `error` or this HTTP `status`; `ratelimited` is a 429 with `retry_after_s`.

    `retry_after` is sent as that header instead, and with "" none is.
    """

    error: str = ""
    status: int = 0
    retry_after_s: int = 30
    retry_after: str | None = None


@dataclass(frozen=True, slots=True)
class Reset:
    """A torn connection; with `done` the call has its effect first, so that only its answer is lost."""

    done: bool = False


@dataclass(frozen=True, slots=True)
class Stall:
    """A wait before the call is handled: `seconds`, or until `release()` when None."""

    seconds: float | None = None


Fault = Fail | Reset | Stall


class Faults:
    """A queue of faults for each method; each coming call takes one, and further calls go through."""

    def __init__(self) -> None:
        self._queues: defaultdict[str, deque[Fault]] = defaultdict(deque)
        self._released = asyncio.Event()

    def fail(
        self,
        method: str,
        error: str = "",
        *,
        status: int = 0,
        times: int = 1,
        retry_after_s: int = 30,
        retry_after: str | None = None,
    ) -> None:
        if not (error or status):
            raise ValueError("a failure needs an error or a status")
        self._queues[method].extend([Fail(error, status, retry_after_s, retry_after)] * times)

    def reset(self, method: str, *, times: int = 1, done: bool = False) -> None:
        self._queues[method].extend([Reset(done)] * times)

    def stall(self, method: str, seconds: float | None = None, *, times: int = 1) -> None:
        self._released.clear()
        self._queues[method].extend([Stall(seconds)] * times)

    def release(self) -> None:
        """Let all calls go on that wait without a limit."""
        self._released.set()

    def clear(self) -> None:
        """Remove all faults, and let waiting calls go on."""
        self._queues.clear()
        self.release()

    def take_next(self, method: str) -> Fault | None:
        queue = self._queues[method]
        return queue.popleft() if queue else None

    async def wait(self, stall: Stall) -> None:
        if stall.seconds is None:
            await self._released.wait()
        else:
            await asyncio.sleep(stall.seconds)
