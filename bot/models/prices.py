"""What tokens cost, how many a model reads and whether it sees: litellm's price map, read from its file.

The map knows thousands of models, and yet not all; some it lists at no price at all. Both are unknown, never free.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from bot.facts import Price, Usage

PriceMap = Mapping[str, Mapping[str, Any]]  # litellm's model name → what it says of the model

_MTOK = 1_000_000


def cost_usd(usage: Usage, price: Price | None) -> float | None:
    """US dollars at list price, without discounts for cached input or surcharges for long prompts. None: unknown."""
    if price is None:
        return None
    return (usage.input * price.input_usd_per_mtok + usage.output * price.output_usd_per_mtok) / _MTOK


def read_map() -> PriceMap:
    """The map that litellm carries, without importing litellm (its file takes 40 ms, the import 1.5 s)."""
    litellm = find_spec("litellm")
    if litellm is None or litellm.origin is None:
        return {}
    path = Path(litellm.origin).with_name("model_prices_and_context_window_backup.json")
    found: PriceMap = json.loads(path.read_bytes()) if path.is_file() else {}
    return found


def entry(litellm: str, known: PriceMap) -> Mapping[str, Any]:
    """What the map says of a litellm model string; empty when it says nothing.

    The map lists some models with their provider in front and others without, as litellm's own look-up does.
    """
    if litellm in known:
        return known[litellm]
    prefix, _, bare = litellm.partition("/")
    found = known.get(bare, {})
    owner = str(found.get("litellm_provider", ""))
    return found if owner == prefix or owner.startswith((f"{prefix}_", f"{prefix}-")) else {}


def listed_price(litellm: str, known: PriceMap) -> Price | None:
    """None when the map has no price for input or output, or says $0."""
    found = entry(litellm, known)
    per_input, per_output = found.get("input_cost_per_token"), found.get("output_cost_per_token")
    if not per_input or not per_output:
        return None
    return Price(round(per_input * _MTOK, 6), round(per_output * _MTOK, 6), "litellm")


def listed_window(litellm: str, known: PriceMap) -> int | None:
    """Tokens a model reads; None when the map does not say."""
    window = entry(litellm, known).get("max_input_tokens")
    return int(window) if window else None


def listed_sight(litellm: str, known: PriceMap) -> bool:
    """Whether the map says that a model reads images (`litellm.supports_vision` reads the same)."""
    return bool(entry(litellm, known).get("supports_vision"))
