"""Prices, windows and vision of models: litellm's price map, read from its file, and what a usage costs.

The map knows thousands of models, and yet not all; some it lists at no price at all. Both are unknown, never free.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bot.domain.run import Price, PriceHours, PriceStep, Usage
from bot.models.map_prices import read_price

PriceMap = Mapping[str, Mapping[str, Any]]  # litellm's model name → its entry

_MTOK = 1_000_000


def cost_usd(usage: Usage, price: Price | None, at: float | None = None) -> float | None:
    """Return US dollars at list price; None: unknown.

    `at`: wall seconds; None: at whatever hours are the dearest.
    """
    if price is None:
        return None
    if usage.source == "none":  # a call that came to nothing
        return 0.0
    costs = (_count_cost(usage, rates) for rates in _find_rates(price, usage.input, at))
    return max(costs) / _MTOK + price.call_usd * max(1, usage.searches)


def worst_cost_usd(input_tokens: int, output_limit: int, price: Price | None, fallback: Price) -> float:
    """Return the most US dollars that a call of so many tokens can come to, thinking included, at any hour.

    `fallback`: what counts where the price is unknown.
    """
    price = price or fallback
    worst = 0.0
    possible: list[Price | PriceStep] = [price, *(step for step in price.steps if _is_reached(step, input_tokens))]
    for rates in possible:
        per_input = max(rates.input_usd_per_mtok, rates.cache_write_usd_per_mtok or 0.0)
        per_output = max(rates.output_usd_per_mtok, rates.thinking_usd_per_mtok or 0.0)
        worst = max(worst, input_tokens * per_input + output_limit * per_output)
    return worst / _MTOK + price.call_usd


def _find_rates(price: Price, input_tokens: int, at: float | None) -> list[Price | PriceStep]:
    """Return the rates that hold for an input of that length: those at that time, or at any time where it is None."""
    found: list[Price | PriceStep] = [price]
    for step in price.steps:
        if not _is_reached(step, input_tokens):
            continue
        if not step.hours or (at is not None and _is_within(step.hours, at)):
            found = [step]
        elif at is None:
            found.append(step)
    return found


def _is_reached(step: PriceStep, input_tokens: int) -> bool:
    return not step.above_tokens or input_tokens > step.above_tokens


def _is_within(hours: tuple[PriceHours, ...], at: float) -> bool:
    now = datetime.fromtimestamp(at, UTC)
    minute, today = now.hour * 60 + now.minute, now.isoweekday()
    return any(_holds(each, minute, today) or _holds(each, minute + 24 * 60, (today - 2) % 7 + 1) for each in hours)


def _holds(hours: PriceHours, minute: int, day: int) -> bool:
    """Return whether hours that begin on a weekday hold so many minutes after its midnight."""
    end = hours.end if hours.end > hours.begin else hours.end + 24 * 60
    return hours.begin <= minute < end and (not hours.weekdays or day in hours.weekdays)


def _count_cost(usage: Usage, rates: Price | PriceStep) -> float:
    """Return millionths of US dollars. A kind of tokens without a rate of its own costs what all others do."""
    per_input, per_output = rates.input_usd_per_mtok, rates.output_usd_per_mtok
    cost = usage.input * per_input + usage.output * per_output
    for tokens, rate, usual in (
        (usage.cached, rates.cache_read_usd_per_mtok, per_input),
        (usage.written, rates.cache_write_usd_per_mtok, per_input),
        (usage.thinking, rates.thinking_usd_per_mtok, per_output),
    ):
        cost += tokens * ((usual if rate is None else rate) - usual)
    return cost


def read_map() -> PriceMap:
    """Read the map that litellm carries, without importing litellm (its file takes 40 ms, the import 1.5 s)."""
    litellm = find_spec("litellm")
    if litellm is None or litellm.origin is None:
        return {}
    path = Path(litellm.origin).with_name("model_prices_and_context_window_backup.json")
    found: PriceMap = json.loads(path.read_bytes()) if path.is_file() else {}
    return found


def find_entry(litellm: str, known: PriceMap) -> Mapping[str, Any]:
    """Return the map's entry for a litellm model string; empty if it has none.

    The map lists some models with their provider in front and others without, as litellm's own look-up does.
    """
    if litellm in known:
        return known[litellm]
    prefix, _, bare = litellm.partition("/")
    found = known.get(bare, {})
    owner = str(found.get("litellm_provider", ""))
    return found if owner == prefix or owner.startswith((f"{prefix}_", f"{prefix}-")) else {}


def find_price(litellm: str, known: PriceMap) -> Price | None:
    """Return the listed price; None when the map has none for input or output, or says $0.

    Perplexity searches in every call, and asks a fee for it (https://docs.perplexity.ai/getting-started/pricing).
    Raises ValueError for what no price can have.
    """
    found = find_entry(litellm, known)
    always = found.get("litellm_provider") == "perplexity"
    fees = (found.get("search_context_cost_per_query") if always else None) or {}
    return read_price(found, float(fees.get("search_context_size_low", 0.0)))


def find_search_usd(provider: str, results: int, known: PriceMap) -> float | None:
    """Return US dollars for one query of a litellm search provider with so many results; None: unknown."""
    found = known.get(f"{provider}/search", {})
    for tier in found.get("tiered_pricing", ()):
        least, most = tier["max_results_range"]
        if least <= results <= most:
            return float(tier["input_cost_per_query"])
    return found.get("input_cost_per_query") or None


def find_own_search_usd(litellm: str, known: PriceMap) -> float | None:
    """Return US dollars for a model's own search, besides tokens; None: it has none that is known."""
    found = find_entry(litellm, known)
    costs = found.get("search_context_cost_per_query")  # the map has it for some models without saying that they can
    if not costs and not found.get("supports_web_search"):
        return None
    return float((costs or {}).get("search_context_size_medium", 0.0))


def find_window(litellm: str, known: PriceMap) -> int | None:
    """Return the tokens that a model reads; None when the map does not say."""
    window = find_entry(litellm, known).get("max_input_tokens")
    return int(window) if window else None


def has_vision(litellm: str, known: PriceMap) -> bool:
    """Return whether the map says that a model reads images (`litellm.supports_vision` reads the same)."""
    return bool(find_entry(litellm, known).get("supports_vision"))


def has_thinking(litellm: str, known: PriceMap) -> bool:
    """Return whether a model thinks where nobody asks it to, as far as the map says.

    Claude's older models think on request only. Models behind a router ("openrouter/openai/gpt-5") are looked up
    without it.
    """
    found = find_entry(litellm, known) or find_entry(litellm.partition("/")[2], known)
    if "claude" in litellm:
        return bool(found.get("thinking_always_on"))
    return bool(found.get("supports_reasoning")) and found.get("default_reasoning_effort") != "none"
