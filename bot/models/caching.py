"""The beginning of a prompt that a provider keeps for later calls only where it is marked: Anthropic, of Claude."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.asks import Part
from bot.models.catalogue import Model
from bot.models.tokens import Count

LEAST_TOKENS = 1_024  # the shortest that any Claude keeps; below a minimum of its own a model passes over the mark
_SERVES_CLAUDE = ("anthropic", "bedrock", "vertex_ai", "openrouter")


def needs_breakpoints(model: Model) -> bool:
    """Return whether a model keeps what it has read up to a mark, at a price that is known."""
    is_priced = model.price is not None and model.price.cache_write_usd_per_mtok is not None
    return is_priced and "claude" in model.litellm and model.provider.partition("@")[0] in _SERVES_CLAUDE


def find_breakpoint(parts: Sequence[Part], count: Count) -> Part | None:
    """Return the part up to which a prompt is worth keeping; None: that is too short, or nobody reads it again."""
    at = max((n for n, part in enumerate(parts, 1) if part.cache_breakpoint), default=0)
    return parts[at - 1] if at and sum(count(part.text) for part in parts[:at]) >= LEAST_TOKENS else None
