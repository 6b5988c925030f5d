"""Costs as people read them."""

from __future__ import annotations

from bot.domain.run import Price
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
