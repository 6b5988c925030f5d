"""A turn while it speaks: what it has said so far, and what its end will tell of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from bot.facts import Failure, Finish, Seat, Timings, TurnEnded, Usage
from bot.formats.plan import Want
from bot.models.deltas import Delta
from bot.models.prices import cost_usd


@dataclass(slots=True)
class Draft:
    """Holds usage and first-token time, so that a cancelled one keeps them."""

    want: Want
    seat: Seat
    began: float  # loop time
    text: list[str] = field(default_factory=list)
    first_at: float | None = None
    usage: Usage = field(default_factory=Usage)
    finish: Finish = "done"
    over: Finish | None = None  # decided once: by its own end, or because the plan no longer wants it

    def take(self, delta: Delta) -> None:
        if delta.text:
            self.text.append(delta.text)
            self.first_at = self.first_at or delta.at
        self.usage = delta.usage or self.usage
        self.finish = delta.ending or self.finish

    def end(self, now: float, finish: Finish, failure: Failure | None = None) -> TurnEnded:
        timings = Timings(now - self.began, self.first_at - self.began if self.first_at is not None else None)
        cost = cost_usd(self.usage, self.seat.price)
        return TurnEnded(self.want.turn, finish, "".join(self.text), self.usage, cost, timings, failure)
