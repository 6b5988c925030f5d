"""Listed rates made into prices, whatever list they come from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from bot.domain.run import Price, PriceHours, PriceStep
from bot.settings.value_types import MAX_USD_PER_MTOK


class Rates(NamedTuple):
    """US dollars per million tokens of each kind, under the names of `Price`; None or 0: not listed."""

    input_usd_per_mtok: float | None
    output_usd_per_mtok: float | None
    cache_read_usd_per_mtok: float | None = None
    cache_write_usd_per_mtok: float | None = None
    thinking_usd_per_mtok: float | None = None


def make_price(rates: Rates, source: str, call_usd: float, steps: Sequence[PriceStep]) -> Price | None:
    """Return the price of these rates; None where they have none for input or output: nothing listed is free.

    Raises ValueError for rates that no price can have.
    """
    if not rates.input_usd_per_mtok or not rates.output_usd_per_mtok:
        return None
    for rate in (*_list_known(rates), *(rate for step in steps for rate in _list_known(step)), call_usd):
        if not 0 <= rate <= MAX_USD_PER_MTOK:  # true of NaN as well
            raise ValueError(f"{rate:,.9g} US dollars")
    read, written, thinking = (rate or None for rate in rates[2:])
    usual = rates.input_usd_per_mtok, rates.output_usd_per_mtok
    return Price(*usual, source, call_usd, read, written, thinking, tuple(steps))


def make_step(rates: Rates, above_tokens: int, hours: tuple[PriceHours, ...] = ()) -> PriceStep:
    """Return the step in which these rates hold."""
    read, written, thinking = (rate or None for rate in rates[2:])
    usual = rates.input_usd_per_mtok or 0.0, rates.output_usd_per_mtok or 0.0
    return PriceStep(*usual, read, written, thinking, above_tokens, hours)


def _list_known(rates: Rates | PriceStep) -> Iterator[float]:
    return (rate for name in Rates._fields if (rate := getattr(rates, name)) is not None)
