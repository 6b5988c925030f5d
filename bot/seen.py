"""What was delivered lately: Slack delivers again what it thinks lost, at once, after a minute and after five.

https://docs.slack.dev/apis/events-api#retries
"""

from __future__ import annotations

from collections import OrderedDict

import structlog

from bot.errors import StoreFailed
from bot.ports import Clock, Shelf

log = structlog.get_logger()

KEPT_S = 900.0
PREFIX = "slack/seen/"


class Seen:
    """Remembers across restarts; call `load` first. A delivery is taken once even when the store fails."""

    def __init__(self, shelf: Shelf, clock: Clock) -> None:
        self._shelf = shelf
        self._clock = clock
        self._at: OrderedDict[str, float] = OrderedDict()  # delivery → wall seconds, the oldest first

    async def load(self) -> None:
        found = await self._shelf.under(PREFIX)
        times = {key.removeprefix(PREFIX): at for key, at in found.items() if isinstance(at, float | int)}
        for key, at in sorted(times.items(), key=lambda item: item[1]):
            self._at[key] = float(at)

    def take(self, key: str) -> bool:
        """Whether this is the first time."""
        first = key not in self._at
        self._at.setdefault(key, self._clock())
        return first

    async def store(self, key: str) -> None:
        """For the next process, and nothing that is too old to come again."""
        try:
            await self._shelf.put(PREFIX + key, self._at[key])
            while self._at and (oldest := next(iter(self._at.items())))[1] < self._clock() - KEPT_S:
                del self._at[oldest[0]]
                await self._shelf.put(PREFIX + oldest[0], None)
        except StoreFailed as error:
            log.warning("a delivery could not be noted", reason=str(error))
