"""The arguments of a call: what is asked, where, and how much a model may think and say."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from bot.domain.asks import JsonSchema
from bot.domain.run import Effort, Seat
from bot.models import client, search
from bot.models.catalogue import OPENAI_COMPATIBLE, Model, sent_key
from bot.models.client import Request
from bot.models.images import Message

# Tokens by which a limit is raised for thinking, as providers count it against the limit. Anthropic's budgets, which
# litellm sets (1,024 to 4,096), stay below; OpenAI advises to leave 25,000 for thinking and answer at first
# (https://platform.openai.com/docs/guides/reasoning).
_THINKING_TOKENS: Mapping[Effort, int] = {"none": 0, "low": 4_096, "medium": 16_384, "high": 32_768}

_UNLIMITED_ANSWER_TOKENS = 8_000  # some 32,000 characters


def build_request(model: Model, seat: Seat, messages: list[Message], query: str, room: int | None = None) -> Request:
    """Build the arguments of litellm.acompletion, or of asearch; what is not set is left to the provider.

    `room`: the tokens that the model's window has left for the answer, since some servers refuse what may exceed it.
    """
    if model.search:
        return search.build_search(model, query)
    effort = _effort_of(model, seat)
    given = {
        "model": model.litellm,
        "messages": messages,
        "api_key": sent_key(model),
        "api_base": _endpoint(model),
        "temperature": _temperature(model, seat),
        "max_tokens": find_limit(model, seat, room),
        "num_ctx": model.num_ctx,
        "reasoning_effort": effort,
        "stream_options": {"include_usage": True},  # without it no usage comes
        "web_search_options": {"search_context_size": "medium"} if query else None,
        # litellm leaves out what its map does not know of a model
        "allowed_openai_params": _list_forced(model, effort) or None,
        **model.params,
    }
    return {name: value for name, value in given.items() if value is not None}


def find_answer_limit(model: Model, seat: Seat) -> int | None:
    """Return the most tokens of an answer without its thinking; None: no limit."""
    return model.max_tokens if seat.max_tokens is None else seat.max_tokens


def find_limit(model: Model, seat: Seat, room: int | None = None) -> int | None:
    """Return the most tokens of an answer with its thinking; None: no limit. `room`: what is left of the window."""
    answer = find_answer_limit(model, seat)
    if answer is None:
        return None
    limit = answer + _THINKING_TOKENS[thinking_effort(model, seat)]
    return limit if room is None else min(limit, room)


def find_worst_limit(model: Model, seat: Seat, room: int | None = None) -> int:
    """Return the most tokens that a price is held for; what has no limit of its own gets this one then."""
    limit = find_limit(model, seat, room)
    if limit is not None:
        return limit
    unlimited = _UNLIMITED_ANSWER_TOKENS + _THINKING_TOKENS[thinking_effort(model, seat)]
    return unlimited if room is None else min(unlimited, room)


def does_think(model: Model, seat: Seat) -> bool:
    """Return whether a seat thinks before it answers, as far as is known."""
    return thinking_effort(model, seat) != "none"


def response_format(schema: JsonSchema) -> dict[str, Any]:
    return {"type": "json_schema", "json_schema": {"name": "answer", "schema": dict(schema), "strict": True}}


def takes_schema(model: Model) -> bool:
    """Return whether a model takes a schema; litellm is not asked for Ollama's: it would block the event loop."""
    is_ollama = model.num_ctx is not None
    return is_ollama or _is_own_endpoint(model) or client.supports_schema(model.litellm)


def _effort_of(model: Model, seat: Seat) -> Effort | None:
    """Return the effort that is asked of a seat; None: its model's own."""
    return seat.effort or model.effort


def thinking_effort(model: Model, seat: Seat) -> Effort:
    return _effort_of(model, seat) or ("medium" if model.thinks else "none")


def _temperature(model: Model, seat: Seat) -> float | None:
    """Return the temperature; None: the provider's own, as where Claude is told to think, which takes no other."""
    if "claude" in model.litellm and _effort_of(model, seat) not in (None, "none"):
        return None
    return model.temperature if seat.temperature is None else seat.temperature


def _list_forced(model: Model, effort: Effort | None) -> list[str]:
    """Return what litellm sends although its map does not say that the model takes it.

    That is what the operator has written for the model, and an effort for an endpoint of their own.
    """
    return [*model.params, *(["reasoning_effort"] if effort and _is_own_endpoint(model) else [])]


def _endpoint(model: Model) -> str | None:
    """Return where a model is asked. litellm takes Cohere's address for the whole one."""
    base = model.api_base
    if base is None or not model.litellm.startswith(("cohere/", "cohere_chat/")) or base.rstrip("/").endswith("/chat"):
        return base
    return f"{base.rstrip('/').removesuffix('/v2')}/v2/chat"


def _is_own_endpoint(model: Model) -> bool:
    return model.api_base is not None and model.litellm.startswith(OPENAI_COMPATIBLE)
