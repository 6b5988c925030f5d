"""Spending limits: who pays for a call of a model, and how much of its worst price still fits.

Sums are whole millionths of a US dollar, so that adding them up loses nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from math import ceil
from typing import NamedTuple

from bot.domain.run import Seat


class Payer(NamedTuple):
    """The run that pays for a call, who has started it and where; in a terminal nobody and nowhere.

    `chair`: the seat whose share of the run's limit is not to be touched; None where it speaks itself, or none will.
    `own_key`: the server pays its provider itself, with a key of its own.
    """

    run: str = ""
    person: str = ""
    server: str = ""
    format: str = ""
    chair: Seat | None = None
    own_key: bool = False


NOBODY = Payer()


class Caps(NamedTuple):
    """Limits in US dollars; None: none. A day and a month are those of UTC."""

    run: float | None = None
    person_day: float | None = None
    server_day: float | None = None
    server_month: float | None = None
    month: float | None = None

    def for_payer(self, payer: Payer) -> Caps:
        """Return the limits that hold for who pays: with a server's own key, that of the run alone."""
        return Caps(run=self.run) if payer.own_key else self


PERIODS = Caps._fields
_NAMES = (  # in the order of the limits
    "the limit of {} for a run",
    "the limit of {} a day for whoever has started it",
    "the limit of {} a day for this server",
    "the limit of {} a month for this server",
    "the operator's limit of {} a month",
)


@dataclass(frozen=True, slots=True)
class Balance:
    """What an account has spent, and what is held for calls that are not settled; millionths of a dollar."""

    spent: int = 0
    held: int = 0


@dataclass(frozen=True, slots=True)
class Asked:
    """What a call asks to hold: its worst price, the least with which it is worth beginning, and the chair's share.

    `shrinks`: it takes what room there is instead of waiting for others to be settled.
    """

    most: int
    least: int
    keep: int = 0
    shrinks: bool = False


class OverLimit(Exception):
    """A call does not fit a limit, and will not once all that is held is settled. `at`: the number of the limit."""

    def __init__(self, at: int) -> None:
        super().__init__(f"limit {at} is reached")
        self.at = at


def to_micros(usd: float) -> int:
    """Return US dollars in whole millionths, rounded up."""
    return ceil(usd * 1e6 - 1e-6)  # not up by a rounding error of the float


def list_accounts(payer: Payer, at: float) -> tuple[str, ...]:
    """Return the accounts that a call at `at` (wall seconds) is charged to, in the order of `Caps`.

    What a server pays with its own key is kept apart from what the operator pays, but for the run's account.
    """
    day = f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d}"
    month = day[:7]
    own = "own key " if payer.own_key else ""
    return (
        f"run {payer.run}",
        f"{own}person {day} {payer.person}",
        f"{own}server {day} {payer.server}",
        f"{own}server {month} {payer.server}",
        f"{own}all {month}",
    )


def fit(asked: Asked, caps: Sequence[int | None], balances: Sequence[Balance]) -> int:
    """Return how much is held for a call; 0: it waits until others are settled. Raises OverLimit.

    `caps` and `balances` belong to the same accounts, of which the first is the run's.
    """
    limited = [(n, cap, b) for n, (cap, b) in enumerate(zip(caps, balances, strict=True)) if cap is not None]
    free = {n: cap - b.spent - asked.keep * (n == 0) for n, cap, b in limited}  # once all that is held is given back
    room = {n: free[n] - b.held for n, _, b in limited}
    if asked.most <= min(room.values(), default=asked.most):
        return asked.most
    has = room if asked.shrinks else free
    tightest = min(has, key=lambda n: has[n])
    if asked.least > has[tightest]:
        raise OverLimit(tightest)
    return has[tightest] if asked.shrinks else 0


def describe_limit(caps: Caps, at: int) -> str:
    """Name a limit for people: "the limit of $0.50 for a run"."""
    return _NAMES[at].format(f"${caps[at] or 0:,.2f}")


def describe_over(caps: Caps, at: int) -> str:
    """Say for people that a limit is reached, and what to do."""
    remedy = {
        "run": "what is there stands; the operator can set money.run_usd higher",
        "person_day": "it is free again at 0:00 UTC",
        "server_day": "it is free again at 0:00 UTC",
    }.get(PERIODS[at], "it is free again with the next month")
    return f"{describe_limit(caps, at)} is reached: {remedy}"
