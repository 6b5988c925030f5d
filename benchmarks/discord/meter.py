"""A log of what people saw at what time, as the bot's own trace tells it."""

from __future__ import annotations

import asyncio
import math
from collections import Counter, defaultdict
from typing import Any

from discord.http import Route

from adapters.discord.api import Rest
from bot.domain.run import LaneId, TurnId
from bot.engine.trace import NoTrace
from bot.live.budget import Budgets
from bot.ports.process import Clock

Log = dict[str, list[tuple[float, float]]]  # seat → loop time, code points until then


class Meter(NoTrace):
    """A trace that logs what seats wrote and people saw; lanes without a seat (boards, cards) are left out."""

    def __init__(self) -> None:
        self.written: Log = defaultdict(list)
        self.seen: Log = defaultdict(list)
        self.round_trips_s: list[float] = []

    def record_delta(self, turn: TurnId, at: float, chars: int, thinking: int) -> None:
        log = self.written[turn.seat]
        log.append((at, chars + (log[-1][1] if log else 0)))

    def record_shown(self, surface: str, lane: LaneId, page: int, chars: int, final: bool) -> None:
        if lane.seat:
            now = asyncio.get_running_loop().time()
            self.seen[lane.seat].append((now, math.inf if final else chars))

    def record_request(
        self, surface: str, method: str, bucket: str, lane: LaneId, status: int, duration_s: float
    ) -> None:
        if lane.seat and method == "edit":
            self.round_trips_s.append(duration_s)

    def mean_wait_s(self) -> float:
        """Return the mean wait of a code point, from leaving the model's client to the platform's success."""
        waits = chars = 0.0
        for seat, written in self.written.items():
            before, seen = 0.0, iter(self.seen[seat])
            visible_at, visible = next(seen)
            for at, upto in written:
                while visible < upto:
                    visible_at, visible = next(seen)
                waits += (upto - before) * max(0.0, visible_at - at)
                chars += upto - before
                before = upto
        return waits / chars

    def firsts_s(self) -> dict[str, float]:
        """Return by seat the time from its first delta to its first visible character."""
        shown = {seat: next(at for at, chars in seen if chars) for seat, seen in self.seen.items()}
        return {seat: at - self.written[seat][0][0] for seat, at in shown.items()}


class CountingRest(Rest):
    """A client that counts how many calls of one bucket are inside discord.py at once, where others line up."""

    def __init__(self, budgets: Budgets, time: Clock) -> None:
        super().__init__(budgets, time)
        self.most_at_once = 0
        self._inside: Counter[str] = Counter()

    async def call(self, method: str, path: str, *given: Any, **named: Any) -> dict[str, Any]:
        route = Route(method, path, **{name: value for name, value in named.items() if name != "query"})
        bucket = f"{route.key} {route.major_parameters}"  # as discord.py names it until Discord has named it
        self._inside[bucket] += 1
        self.most_at_once = max(self.most_at_once, self._inside[bucket])
        try:
            return await super().call(method, path, *given, **named)
        finally:
            self._inside[bucket] -= 1
