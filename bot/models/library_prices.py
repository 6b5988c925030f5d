"""Prices of models that litellm's map does not have: those that the package genai-prices carries, without a network."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from bot.domain.run import Price, PriceHours, PriceStep
from bot.models.rates import Rates, make_price, make_step

if TYPE_CHECKING:
    from genai_prices.types import ModelInfo, ModelPrice  # slow to import: 0.5 s

_PROVIDERS = {"fireworks_ai": "fireworks", "azure_ai": "azure"}  # its names for those that litellm calls otherwise
_ALWAYS: tuple[PriceHours, ...] = ()


def find_library_price(prefix: str, name: str, api_base: str | None, at: float) -> Price | None:
    """Return the price of a model at that time (wall seconds); None where it is not listed, or at $0.

    `prefix`: litellm's name for the provider, which counts where the model has no address of its own. Raises ValueError
    for what no price can have.
    """
    model = _find_model(prefix, name, api_base)
    return _read_price(model, datetime.fromtimestamp(at, UTC)) if model else None


def find_library_window(prefix: str, name: str, api_base: str | None) -> int | None:
    """Return the tokens that a model reads; None where that is not listed."""
    model = _find_model(prefix, name, api_base)
    return model.context_window if model else None


def _find_model(prefix: str, name: str, api_base: str | None) -> ModelInfo | None:
    from genai_prices import Usage, calc_price

    where: Any = {"provider_api_url": api_base} if api_base else {"provider_id": _PROVIDERS.get(prefix, prefix)}
    try:
        return calc_price(Usage(), name, **where).model
    except LookupError:
        return None


def _read_price(model: ModelInfo, at: datetime) -> Price | None:
    """Return the rates that have begun last, and those of some hours as steps: of all that hold the last one counts."""
    from genai_prices.types import ConditionalPrice, TimeOfDateConstraint

    listed = model.prices if isinstance(model.prices, list) else [ConditionalPrice(prices=model.prices)]
    usual, steps = listed[0].prices, list[PriceStep]()
    for each in listed:
        limits = each.constraint
        if isinstance(limits, TimeOfDateConstraint):
            begin, end = limits.start_time, limits.end_time
            hours = PriceHours(begin.hour * 60 + begin.minute, end.hour * 60 + end.minute)
            steps += _make_steps(each.prices, (hours,))
        elif limits is None or limits.active(at):
            usual, steps = each.prices, _make_steps(each.prices, _ALWAYS)
    call_usd = (_read_rate(usual.requests_kcount, 0) or 0.0) / 1000
    return make_price(_read_rates(usual, 0), "genai-prices", call_usd, steps)


def _make_steps(prices: ModelPrice, hours: tuple[PriceHours, ...]) -> list[PriceStep]:
    """Return a step for each length of input above which a rate changes; with hours, for inputs of any length too."""
    lengths = {tier.start for rate in _list_rates(prices) for tier in getattr(rate, "tiers", ())}
    return [make_step(_read_rates(prices, n), n, hours) for n in sorted(lengths | ({0} if hours else set()))]


def _read_rates(prices: ModelPrice, above_tokens: int) -> Rates:
    return Rates(*(_read_rate(rate, above_tokens) for rate in _list_rates(prices)))


def _list_rates(prices: ModelPrice) -> tuple[Any, ...]:
    """Return what is listed of each of `Rates`: None, a number, or one with tiers."""
    cached = (prices.cache_read_mtok, prices.cache_write_mtok)
    return (prices.input_mtok, prices.output_mtok, *cached, prices.output_reasoning_mtok)


def _read_rate(rate: Any, above_tokens: int) -> float | None:
    tiers = [tier.price for tier in getattr(rate, "tiers", ()) if tier.start <= above_tokens]
    found = tiers[-1] if tiers else getattr(rate, "base", rate)
    return None if found is None else float(found)
