"""Prices of models as litellm's price map lists them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from bot.domain.run import Price, PriceHours
from bot.models.rates import Rates, make_price, make_step

_MTOK = 1_000_000
_KEYS = (  # the map's key of each of `Rates`
    "input_cost_per_token",
    "output_cost_per_token",
    "cache_read_input_token_cost",
    "cache_creation_input_token_cost",
    "output_cost_per_reasoning_token",
)
_NONE = Rates(None, None)
_ABOVE = re.compile(r"input_cost_per_token_above_(\d+)k_tokens")
_HOURS = re.compile(r"(\d\d):(\d\d)-(\d\d):(\d\d)")


def read_price(entry: Mapping[str, Any], call_usd: float = 0.0) -> Price | None:
    """Return the price that an entry of the map lists, without batch and priority rates; None: it lists none.

    `call_usd`: for each call besides. Raises ValueError for what no price can have.
    """
    tiers = [tier for tier in entry.get("tiered_pricing") or () if "range" in tier]  # others are of searches
    tiers.sort(key=lambda tier: tier["range"][0])
    usual = _read_rates(tiers[0] if tiers else entry)
    steps = [make_step(_read_rates(tier, usual), int(tier["range"][0])) for tier in tiers[1:]]
    for thousands in sorted({int(found[1]) for key in entry if (found := _ABOVE.fullmatch(key))}):
        steps.append(make_step(_read_rates(entry, usual, f"_above_{thousands}k_tokens"), thousands * 1000))
    off_peak = entry.get("off_peak_pricing") or {}
    if hours := tuple(_read_hours(off_peak)):
        steps.append(make_step(_read_rates(off_peak, usual), 0, hours))
    return make_price(usual, "litellm", call_usd, steps)


def _read_rates(listed: Mapping[str, Any], usual: Rates = _NONE, ending: str = "") -> Rates:
    """Return the rates under the map's keys with that ending, the `usual` ones where it has none."""
    found = (listed.get(f"{key}{ending}") for key in _KEYS)
    return Rates(*(round(float(rate) * _MTOK, 6) if rate else other for rate, other in zip(found, usual, strict=True)))


def _read_hours(off_peak: Mapping[str, Any]) -> Iterator[PriceHours]:
    """Yield the hours of an entry's off-peak rates: those of every day, and those of some weekdays.

    The weekdays' time zone is left out: at every hour that the map lists they are the same in UTC.
    """
    for window in (off_peak, *off_peak.get("windows", ())):
        listed = window.get("hours_utc", ())
        for found in map(_HOURS.fullmatch, [listed] if isinstance(listed, str) else listed):
            if found:
                hour, minute, end_hour, end_minute = map(int, found.groups())
                yield PriceHours(hour * 60 + minute, end_hour * 60 + end_minute, tuple(window.get("weekdays", ())))
