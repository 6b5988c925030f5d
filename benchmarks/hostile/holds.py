"""Holds of the event loop: how long each of its steps keeps everything else waiting."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager


class Holds:
    """The seconds that each step of a loop took, of which only those beyond `NOTED_S` are kept one by one."""

    NOTED_S = 0.001

    def __init__(self) -> None:
        self.steps = 0
        self.long: list[float] = []

    def add(self, seconds: float) -> None:
        self.steps += 1
        if seconds > self.NOTED_S:
            self.long.append(seconds)

    @property
    def worst_ms(self) -> float:
        return 1e3 * max(self.long, default=0.0)

    def percentile_ms(self, share: float) -> float:
        """Return the hold, in milliseconds, that so great a share of the steps does not pass."""
        beyond = int(self.steps * (1 - share))
        ranked = sorted(self.long, reverse=True)
        return 1e3 * ranked[beyond] if beyond < len(ranked) else 1e3 * self.NOTED_S


@contextmanager
def watch_loop(holds: Holds) -> Iterator[None]:
    """Measure each step of the running loop, in CPU of its thread: other programs on this machine hold nothing."""
    step = asyncio.Handle._run

    def run(handle: asyncio.Handle) -> None:
        began = time.thread_time()
        try:
            step(handle)
        finally:
            holds.add(time.thread_time() - began)

    asyncio.Handle._run = run  # type: ignore[method-assign,assignment]  # asyncio has no hook for its steps
    try:
        yield
    finally:
        asyncio.Handle._run = step  # type: ignore[method-assign]  # as above
