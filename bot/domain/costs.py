"""Costs as people read them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from math import floor, log10
from typing import NamedTuple

from bot.domain.run import CostRange, Price, TurnId
from bot.domain.transcript import Transcript

NONE_RUNNING: Mapping[TurnId, Spent] = {}


class Spent(NamedTuple):
    """What a turn has used: tokens written, and US dollars; None: unknown."""

    tokens: int
    usd: float | None


class CostLine(NamedTuple):
    """What several turns have used together."""

    name: str
    turns: int
    tokens: int
    cost: str


def show_cost(cost_usd: float | None, price: Price | None) -> str:
    """Return the cost of a turn or run as people read it."""
    if price is not None and price.source == "local":
        return "free (local)"
    if cost_usd is None:
        return "cost unknown"
    if 0 < cost_usd < 0.0005:
        return "under $0.001"
    return f"${cost_usd:.3f}" if cost_usd < 1 else f"${cost_usd:,.2f}"


def list_spent(t: Transcript, running: Mapping[TurnId, Spent] = NONE_RUNNING) -> dict[TurnId, Spent]:
    """Return what each turn has used whose model was asked; `running`: those that go on, so far."""
    local = {seat.key for seat in t.started.panel.everyone() if seat.price is not None and seat.price.source == "local"}
    ends = {i: turn.ended for i, turn in t.turns.items() if turn.ended}
    ended = {
        i: Spent(end.usage.output, 0.0 if i.seat in local else end.cost_usd)
        for i, end in ends.items()
        if end.usage.source != "none" or end.cost_usd
    }
    return {**running, **ended}


def sum_usd(spent: Iterable[Spent]) -> float:
    """Return the US dollars that are known of."""
    return sum(one.usd for one in spent if one.usd is not None)


def show_total(t: Transcript, spent: Sequence[Spent]) -> str:
    """Return a sum of a run's turns. An unknown cost is called unknown, never taken for nothing."""
    if all(seat.price is not None and seat.price.source == "local" for seat in t.started.panel.everyone()):
        return "free (local)"
    known = sum_usd(spent)
    if all(one.usd is not None for one in spent):
        return show_cost(known, None)
    return f"{show_cost(known, None)} and what is unknown" if known else "cost unknown"


def total_cost(t: Transcript, running: Mapping[TurnId, Spent] = NONE_RUNNING) -> str:
    """Return the cost of all turns so far."""
    return show_total(t, list(list_spent(t, running).values()))


def divide_costs(t: Transcript, name: Callable[[TurnId], str]) -> list[CostLine]:
    """Return what a run's turns have used by what `name` calls them, in the order in which they began."""
    parts: dict[str, list[Spent]] = {}
    for turn, spent in list_spent(t).items():
        parts.setdefault(name(turn), []).append(spent)
    return [
        CostLine(part, len(spent), sum(one.tokens for one in spent), show_total(t, spent))
        for part, spent in parts.items()
    ]


def warn_of_cost(usd: float, marks: Sequence[float]) -> str:
    """Say that a run has cost more than the highest of these marks that it has passed; "" for none."""
    passed = [mark for mark in marks if usd > mark]
    return f"This run has cost more than ${max(passed):,.2f}." if passed else ""


def expect_next_round(t: Transcript, round_: int) -> str:
    """Return what the round after that one will cost about, "" where nothing says: more is read each time."""
    spent = list_spent(t)
    rounds = [sum_usd(one for turn, one in spent.items() if turn.round == n) for n in (round_ - 1, round_)]
    grown = 2 * rounds[1] - rounds[0] if round_ > 1 else rounds[1]
    usd = max(rounds[1], grown)
    return f"about {_round_usd(usd)}" if usd else ""


def show_range(expected: CostRange) -> str:
    """Return what a run is expected to cost as people read it: "about $0.02 to $0.06"."""
    if expected.high_usd <= 0:
        return "cost unknown" if expected.unpriced else "free"
    low, high = _round_usd(expected.low_usd), _round_usd(expected.high_usd)
    known = f"about {high}" if low == high else f"about {low} to {high}"
    shown = known if expected.high_usd >= 0.001 else "under $0.001"
    return f"{shown} and what is unknown" if expected.unpriced else shown


def _round_usd(usd: float) -> str:
    """Return a sum with two digits that count, and never less than whole cents."""
    digits = 2 if usd <= 0 else max(2, 1 - floor(log10(usd)))
    return f"${usd:,.{min(digits, 4)}f}"
