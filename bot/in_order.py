"""What one person does at one moment, done in the order in which it arrived."""

from __future__ import annotations

import asyncio
from weakref import WeakValueDictionary


class InOrder:
    """`async with order.of(person):` waits for what came before it from the same person, and for nobody else's."""

    def __init__(self) -> None:
        self._lines: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()  # kept while somebody stands in one

    def of(self, person: str) -> asyncio.Lock:
        """asyncio's locks are fair: first come, first served."""
        return self._lines.setdefault(person, asyncio.Lock())
