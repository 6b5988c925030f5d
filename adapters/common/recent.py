"""A dict that forgets: bounded by size, and by age where its values grow stale."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

from bot.ports.process import Clock

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class RecentDict(Generic[K, V]):
    """The `size` entries that were put last; `get` finds those that are younger than `age_s`.

    `in` also finds those that are older, until `pop_old` removes them. `clock` tells the age, in seconds.
    """

    def __init__(self, *, size: float = math.inf, age_s: float = math.inf, clock: Clock = time.monotonic) -> None:
        self._size = size
        self._age_s = age_s
        self._clock = clock
        self._entries: OrderedDict[K, tuple[float, V]] = OrderedDict()  # key → when it was put, value; oldest first

    def __contains__(self, key: K) -> bool:
        return key in self._entries

    def get(self, key: K) -> V | None:
        """Return the value of a key; None where there is none or it is too old."""
        if key not in self._entries:
            return None
        at, value = self._entries[key]
        return value if self._clock() < at + self._age_s else None

    def put(self, key: K, value: V, *, at: float | None = None) -> V:
        """Add or replace an entry, drop the oldest one beyond `size`, and return the value. `at` defaults to now."""
        self._entries[key] = (self._clock() if at is None else at, value)
        self._entries.move_to_end(key)
        if len(self._entries) > self._size:
            self._entries.popitem(last=False)
        return value

    def pop(self, key: K) -> V | None:
        """Remove an entry and return its value; None where there is none or it is too old."""
        value = self.get(key)
        self._entries.pop(key, None)
        return value

    def pop_old(self) -> list[K]:
        """Remove all entries that are too old, and return their keys."""
        old: list[K] = []
        for key, (at, _) in self._entries.items():
            if self._clock() < at + self._age_s:
                break
            old.append(key)
        for key in old:
            del self._entries[key]
        return old
