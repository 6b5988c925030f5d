"""Limits that several processes draw on at once, where the platform does not tell what the others have spent.

A request is spent from a lot, which is drawn beforehand from one count for all (`bot.ports.lots`). With each lot comes
what the others have spent, so that the scheduler knows what is left and until when, as where a process is alone.
"""

from __future__ import annotations

import asyncio
import math
from bisect import insort
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from bot.errors import StoreFailed
from bot.live.budget import SentRequest, SlidingWindow
from bot.outages import OutageLog
from bot.ports.lots import LOT_S, Lot, Lots, Use

LOTS = 10  # into which a limit is divided: few, so that one is rarely drawn, yet many, as one may go with a process
DRAWN_WITHIN_S = 0.02  # as a lot usually is: when to look for it
RETURN_S = 1.0  # between two reports of what was spent, with which what is left of lots goes back
RETRY_S = 1.0


class LotWindow(SlidingWindow):
    """A sliding window of which nothing is spent but from a lot. `stir` hears that something is to be told or drawn."""

    def __init__(
        self, name: str, limit: int, window_s: float, stir: Callable[[LotWindow], None], *, at_once: float = math.inf
    ) -> None:
        super().__init__(limit, window_s, at_once=at_once)
        self.name = name
        self.is_wanting = False
        self._stir = stir
        self._lot = 0  # what is left of it
        self._lot_until = self._drawn_at = -math.inf
        self._own: list[float] = []  # of `_ends`, those of this process
        self._has_others = False

    def free_at(self, now: float) -> float:
        room_at = super().free_at(now)
        if self._flying >= self._at_once or (room_at <= now < self._lot_until and self._lot):
            return room_at
        # what others hold may come back unspent
        again_at = self._drawn_at + RETURN_S if self._has_others else math.inf
        if now < min(room_at, again_at):
            return min(room_at, again_at)
        self.is_wanting = True
        self._stir(self)
        return now + DRAWN_WITHIN_S

    def take(self, now: float) -> SentRequest:
        self._lot -= 1
        self._stir(self)
        return super().take(now)

    def record_answer(self, request: SentRequest, now: float) -> None:
        self._flying -= 1
        insort(self._ends, now + self.window_s)
        insort(self._own, now + self.window_s)
        self._stir(self)

    def report(self, now: float) -> Use:
        """Return what was spent, and give the lot back."""
        self._own = [end for end in self._own if end > now]
        limit = self._limit(now)
        wanted = max(1, limit // LOTS) if self.is_wanting else 0
        self._lot = 0
        return Use(limit, self.window_s, [end - now for end in self._own], self._flying, wanted)

    def absorb(self, lot: Lot, began: float, now: float) -> None:
        """Take a lot, whose drawing began then."""
        self._lot, self._lot_until, self._drawn_at = lot.size, began + LOT_S, now
        self.is_wanting = False
        self._has_others = bool(lot.ends_s)
        self._ends = deque(sorted([*self._own, *(now + left for left in lot.ends_s)]))
        if lot.size:
            self._stir(self)


class LotKeeper:
    """The windows of a process; `keep` draws their lots."""

    def __init__(self, lots: Lots) -> None:
        self._lots = lots
        self._restless: dict[str, LotWindow] = {}
        self._wanted = asyncio.Event()
        self._outage = OutageLog("nothing can be drawn of limits that several processes share")

    def make_window(self, name: str, limit: int, window_s: float, at_once: float) -> LotWindow:
        """Make the window of that name, of which nothing can be spent unless `keep` runs."""
        return LotWindow(name, limit, window_s, self._note, at_once=at_once)

    async def keep(self) -> None:
        """Draw lots where some are wanted, and report now and then what was spent, until cancelled."""
        now = asyncio.get_running_loop().time
        reported_at = now()
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout_at(reported_at + RETURN_S):
                    await self._wanted.wait()
            self._wanted.clear()
            if is_due := now() >= reported_at + RETURN_S:
                reported_at = now()
            if windows := [w for w in self._restless.values() if is_due or w.is_wanting]:
                await self._draw(windows)

    async def _draw(self, windows: list[LotWindow]) -> None:
        now = asyncio.get_running_loop().time
        began = now()
        uses = {window.name: window.report(began) for window in windows}
        for window in windows:
            del self._restless[window.name]
        try:
            lots = await self._lots.draw(uses)
        except StoreFailed as error:
            self._outage.note(error)
            for window in windows:
                self._note(window)
            await asyncio.sleep(RETRY_S)
            return
        self._outage.end()
        for window in windows:
            window.absorb(lots[window.name], began, now())

    def _note(self, window: LotWindow) -> None:
        self._restless[window.name] = window
        if window.is_wanting:
            self._wanted.set()
