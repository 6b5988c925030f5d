"""What one person does at one moment, or many do to one run, goes on in the order in which it arrived."""

from __future__ import annotations

import asyncio
from weakref import WeakValueDictionary


class InOrder:
    """`async with order.of(person):` waits for what came before it from the same person, and for nobody else's.

    `at_once`: how many of one line, a person's or a run's, go on together.
    """

    def __init__(self, at_once: int = 1) -> None:
        self._at_once = at_once
        # kept while somebody stands in one
        self._lines: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    def of(self, line: str) -> asyncio.Semaphore:
        """asyncio's semaphores are fair: first come, first served."""
        return self._lines.setdefault(line, asyncio.Semaphore(self._at_once))
