"""Runs that other processes began within a minute, so that limits on starts hold for all processes together."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Mapping
from math import inf

from bot.engine.runs import MAX_BEGUN, MINUTE_S
from bot.ports.store import Starter


class BegunElsewhere:
    """The runs of other processes by when they were first seen here, since the clocks of these may be minutes off."""

    def __init__(self) -> None:
        self._seen: dict[str, float] = {}  # runs that are known here → loop time at which they came to be
        self._begun: deque[tuple[float, Starter]] = deque(maxlen=MAX_BEGUN)  # oldest first
        self._looked_at = -inf

    def note_own(self, run: str) -> None:
        """Note a run that this process is about to begin, and that its own count has."""
        self._seen[run] = asyncio.get_running_loop().time()

    def look(self, found: Mapping[str, Starter]) -> None:
        """Take what the store has now: all runs that go on, and those that began lately.

        After a minute without a look, as at the first one, nobody knows when those that are new here began.
        """
        now = asyncio.get_running_loop().time()
        for run in found.keys() - self._seen.keys():
            self._seen[run] = now
            if now < self._looked_at + MINUTE_S:
                self._begun.append((now, found[run]))
        # One of our own may be stored only after it was looked for here.
        self._seen = {run: at for run, at in self._seen.items() if run in found or now < at + MINUTE_S}
        self._looked_at = now

    def list_begun(self) -> list[tuple[float, Starter]]:
        """Return whose runs began within a minute, each with how many seconds ago, the oldest first."""
        now = asyncio.get_running_loop().time()
        return [(now - at, starter) for at, starter in self._begun if now < at + MINUTE_S]
