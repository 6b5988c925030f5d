"""Costs as people read them."""

from __future__ import annotations

from math import floor, log10

from bot.domain.run import CostRange, Price
from bot.domain.transcript import Transcript


def show_cost(cost_usd: float | None, price: Price | None) -> str:
    """Return the cost of a turn or run as people read it."""
    if price is not None and price.source == "local":
        return "free (local)"
    if cost_usd is None:
        return "cost unknown"
    if 0 < cost_usd < 0.0005:
        return "under $0.001"
    return f"${cost_usd:.3f}" if cost_usd < 1 else f"${cost_usd:,.2f}"


def total_cost(t: Transcript) -> str:
    """Return the cost of all turns so far. An unknown cost is called unknown, never taken for nothing."""
    seats = t.started.panel.everyone()
    if all(s.price is not None and s.price.source == "local" for s in seats):
        return "free (local)"
    ends = [turn.ended for turn in t.turns.values() if turn.ended]
    known = sum(e.cost_usd for e in ends if e.cost_usd is not None)
    unknown = any(e.cost_usd is None and e.usage.source != "none" for e in ends)
    return show_cost(known, None) + (" and what is unknown" if unknown else "")


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
