"""Prices, windows and vision of models: litellm's price map, read from its file.

The map knows thousands of models, and yet not all; some it lists at no price at all. Both are unknown, never free.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bot.domain.run import Price, Usage

PriceMap = Mapping[str, Mapping[str, Any]]  # litellm's model name → its entry

_MTOK = 1_000_000


def cost_usd(usage: Usage, price: Price | None) -> float | None:
    """Return US dollars at list price; None: unknown.

    Discounts for cached input and surcharges for long prompts are left out.
    """
    if price is None:
        return None
    call = price.call_usd if usage.source != "none" else 0.0  # a call that came to nothing has no usage
    return (usage.input * price.input_usd_per_mtok + usage.output * price.output_usd_per_mtok) / _MTOK + call


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
    """Return the listed price; None when the map has none for input or output, or says $0."""
    found = find_entry(litellm, known)
    per_input, per_output = found.get("input_cost_per_token"), found.get("output_cost_per_token")
    if not per_input or not per_output:
        return None
    return Price(round(per_input * _MTOK, 6), round(per_output * _MTOK, 6), "litellm")


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
