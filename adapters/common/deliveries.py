"""Deliveries that were taken lately, by the platform's ids, so that each event is taken once.

Slack delivers again what it thinks lost, at once, after a minute and after five
(https://docs.slack.dev/apis/events-api#retries). Discord replays what a connection missed
(https://discord.com/developers/docs/events/gateway#resuming).
"""

from __future__ import annotations

import structlog

from adapters.common.recent import RecentDict
from bot.outages import OutageLog
from bot.ports.process import Clock
from bot.ports.store import DocumentStore

log = structlog.get_logger()

KEPT_S = 900.0


class DeliveryLog:
    """The deliveries of the last `KEPT_S`, remembered across restarts; call `load` first.

    A delivery is taken once even when the store fails.
    """

    def __init__(self, platform: str, documents: DocumentStore, clock: Clock) -> None:
        self.repeats = 0  # how often something was delivered that had been taken
        self._prefix = f"{platform}/seen/"
        self._documents = documents
        self._clock = clock
        self._outage = OutageLog("deliveries cannot be noted")
        self._taken: RecentDict[str, float] = RecentDict(age_s=KEPT_S, clock=clock)  # delivery → wall seconds

    async def load(self) -> None:
        """Read the deliveries that an earlier process has taken."""
        found = await self._documents.documents(self._prefix)
        times = {key.removeprefix(self._prefix): at for key, at in found.items() if isinstance(at, float | int)}
        for key, at in sorted(times.items(), key=lambda item: item[1]):
            self._taken.put(key, float(at), at=float(at))

    def take(self, key: str) -> bool:
        """Record a delivery; return whether it comes for the first time."""
        if key in self._taken:
            self._note_repeat(key)
            return False
        now = self._clock()
        self._taken.put(key, now, at=now)
        return True

    async def is_saved(self, key: str) -> bool:
        """Return whether another process has stored a delivery that comes again; False where that cannot be read."""
        found = False
        with self._outage.tolerating():
            found = self._prefix + key in await self._documents.documents(self._prefix + key)
        if found:
            self._note_repeat(key)
        return found

    def _note_repeat(self, key: str) -> None:
        self.repeats += 1
        log.info("delivered again", key=key, count=self.repeats)

    async def save(self, key: str) -> None:
        """Store a delivery that was taken, for the next process. The store writes in the order of these calls."""
        await self._put(key, self._taken.get(key))

    async def expire(self) -> None:
        """Forget deliveries that are too old to come again."""
        for key in self._taken.pop_old():
            await self._put(key, None)

    async def _put(self, key: str, at: float | None) -> None:
        with self._outage.tolerating():
            await self._documents.put(self._prefix + key, at)
