"""The lease of a process as the process itself knows it: whether it surely lasts, by a clock that nobody sets."""

from __future__ import annotations

import asyncio
import time
from functools import partial

from bot.ports.process import Clock, Hold
from bot.ports.surface import SurfaceError

SURE_S = 2.0  # from the beginning of a renewal that succeeded; a second before others may think that it has run out
STEADY_S = 3.0  # for which a lease has surely lasted without a gap: long enough for others to have renewed theirs


class Lease:
    """A lease that `confirm` prolongs and `lose` ends; a process may take a new one after it has lost one."""

    def __init__(self, monotonic: Clock = time.monotonic) -> None:
        self._monotonic = monotonic
        self._confirmed_at: float | None = None
        self._began_at = 0.0  # since when it has lasted without a gap
        self._renewed = asyncio.Event()
        self._lost = 0  # times

    def now(self) -> float:
        """Return the time that `confirm` takes."""
        return self._monotonic()

    def confirm(self, began: float) -> None:
        """Note that a renewal has succeeded, which began then."""
        if not self._is_sure:
            self._began_at = began
        self._confirmed_at = began
        self._renewed.set()

    def lose(self) -> None:
        """Note that other processes have taken what this one held."""
        self._confirmed_at = None
        self._lost += 1
        self._renewed.set()

    def hold_on(self) -> Hold:
        """Return what waits until this lease surely lasts, and raises SurfaceError from when it is lost on."""
        return partial(self._hold, self._lost)

    async def hold(self) -> None:
        """Wait until the lease surely lasts. Raises SurfaceError where it is lost meanwhile."""
        await self._hold(self._lost)

    async def _hold(self, lost: int) -> None:
        while self._lost == lost and not self._is_sure:
            self._renewed.clear()
            await self._renewed.wait()
        if self._lost != lost:  # it may have another lease by now, under which it holds other runs
            raise SurfaceError("another process has taken the run over")

    def is_steady(self) -> bool:
        """Return whether others whose lease has run out are gone, and not held up by what has held up this process."""
        return self._is_sure and self.now() >= self._began_at + STEADY_S

    @property
    def _is_sure(self) -> bool:
        return self._confirmed_at is not None and self.now() < self._confirmed_at + SURE_S
