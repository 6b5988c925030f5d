"""What was delivered lately, by the platform's ids, so that each event is taken once.

Slack delivers again what it thinks lost, at once, after a minute and after five
(https://docs.slack.dev/apis/events-api#retries); Discord replays what a connection missed
(https://discord.com/developers/docs/events/gateway#resuming).
"""

from __future__ import annotations

from collections import OrderedDict

import structlog

from bot.errors import StoreFailed
from bot.ports import Clock, DocumentStore

log = structlog.get_logger()

KEPT_S = 900.0


class DeliveryLog:
    """Remembers across restarts; call `load` first. A delivery is taken once even when the store fails."""

    def __init__(self, platform: str, shelf: DocumentStore, clock: Clock) -> None:
        self.again = 0  # how often something was delivered that had been taken
        self._prefix = f"{platform}/seen/"
        self._shelf = shelf
        self._clock = clock
        self._at: OrderedDict[str, float] = OrderedDict()  # delivery → wall seconds, the oldest first

    async def load(self) -> None:
        found = await self._shelf.documents(self._prefix)
        times = {key.removeprefix(self._prefix): at for key, at in found.items() if isinstance(at, float | int)}
        for key, at in sorted(times.items(), key=lambda item: item[1]):
            self._at[key] = float(at)

    def first_time(self, key: str) -> bool:
        """Whether this is the first time."""
        if key in self._at:
            self.again += 1
            log.info("delivered again", key=key, count=self.again)
            return False
        self._at[key] = self._clock()
        return True

    async def save(self, key: str) -> None:
        """For the next process. Deliveries go on in the order in which they came: the store writes in that order."""
        await self._put(key, self._at[key])

    async def expire(self) -> None:
        """What is too old to come again."""
        while self._at and (oldest := next(iter(self._at.items())))[1] < self._clock() - KEPT_S:
            del self._at[oldest[0]]
            await self._put(oldest[0], None)

    async def _put(self, key: str, at: float | None) -> None:
        try:
            await self._shelf.put(self._prefix + key, at)
        except StoreFailed as error:
            log.warning("a delivery could not be noted", reason=str(error))
