"""One piece of work for all who ask for it at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Shared(Generic[T]):
    """`work(key)` once for everybody who asks while it has not begun; whoever asks later shares the next one. So what
    each gets was found out after they asked, and a thousand who ask at once cost one or two.
    """

    def __init__(self, work: Callable[[str], Awaitable[T]]) -> None:
        self._work = work
        self._under_way: dict[str, asyncio.Task[T]] = {}
        self._next: dict[str, asyncio.Task[T]] = {}

    async def get(self, key: str) -> T:
        """Raises what the work raises."""
        if key not in self._next:
            self._next[key] = asyncio.create_task(self._begin(key, self._under_way.get(key)))
        return await asyncio.shield(self._next[key])

    async def _begin(self, key: str, before: asyncio.Task[T] | None) -> T:
        if before is not None:
            await asyncio.wait([before])
        self._under_way[key] = task = self._next.pop(key)
        try:
            return await self._work(key)
        finally:
            if self._under_way[key] is task:
                del self._under_way[key]
