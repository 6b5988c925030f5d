"""Parameters that an endpoint refuses: found in its refusal, then renamed or left out.

Endpoints that speak one protocol differ in what they take: newer models of OpenAI's want `max_completion_tokens`, some
take no temperature but their own, strict servers refuse every field that they do not know.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from bot.errors import StoreFailed
from bot.models.catalogue import Model
from bot.ports.store import DocumentStore

_PREFIX = "endpoint/"  # of the documents that keep habits

Habits = Mapping[str, str]  # parameter → the name under which an endpoint takes it; "": it takes it under none

# What may be left out of a request, and the names under which refusals speak of it.
_NAMES: Mapping[str, tuple[str, ...]] = {
    "max_tokens": ("max_tokens", "max_completion_tokens", "max_output_tokens", "maxOutputTokens", "max_new_tokens"),
    "temperature": ("temperature",),
    "stream_options": ("stream_options", "include_usage"),
    "response_format": ("response_format", "json_schema", "output_format", "response_schema"),
    "num_ctx": ("num_ctx",),
    "reasoning_effort": (
        *("reasoning_effort", "reasoning", "effort", "thinking", "thinking_budget", "thinkingBudget", "budget_tokens"),
        *("thinkingConfig", "thinking_config", "thinkingLevel", "think"),
    ),
}
_NAMED = {
    parameter: re.compile(rf"(?<![A-Za-z_])(?:{'|'.join(names)})(?![A-Za-z_])") for parameter, names in _NAMES.items()
}
_REFUSES = re.compile(
    r"unsupported|support|unrecogni[sz]ed|unknown|unexpected|extra (?:inputs|fields?)|extra_forbidden|permitted|allowed"
    r"|invalid|deprecated|too (?:large|high|big)|at most|exceed|must be|should be|maximum|additional propert|not accept"
    r"|instead|incompatible",
    re.IGNORECASE,
)
_REMEDY = re.compile(r"(?:use|mean|try)[:\s]{1,3}[`'\"“]?([A-Za-z_]{3,40})", re.IGNORECASE)
_OF_VALUE = re.compile(r"too (?:large|high|big)|at most|exceed|maximum|less than|must be|should be", re.IGNORECASE)


def endpoint_key(model: Model) -> str:
    """Return the key of what is known of a model at its endpoint."""
    return f"{_PREFIX}{model.provider}/{model.litellm}"


async def read_habits(shelf: DocumentStore | None) -> dict[str, dict[str, str]]:
    """Return what endpoints were found to refuse, by `endpoint_key`; nothing where that cannot be read."""
    try:
        found = await shelf.documents(_PREFIX) if shelf is not None else {}
    except StoreFailed:
        return {}
    kept = {key: habits for key, habits in found.items() if isinstance(habits, dict)}
    return {key: {name: str(other) for name, other in habits.items()} for key, habits in kept.items()}


def find_refused(text: str, sent: Iterable[str]) -> str | None:
    """Return the parameter, of those sent, that a refusal names first; None if it names none."""
    if not _REFUSES.search(text):
        return None
    found = {
        parameter: named for parameter in sent if parameter in _NAMED and (named := _NAMED[parameter].search(text))
    }
    return min(found, key=lambda parameter: found[parameter].start(), default=None)


def find_remedy(parameter: str, text: str, tried: Iterable[str]) -> str:
    """Return the name that a refusal tells to use instead; "" if it tells none that has not been tried."""
    named = (remedy[1] for remedy in _REMEDY.finditer(text))
    return next((name for name in named if name in _NAMES[parameter] and name not in (parameter, *tried)), "")


def is_about_value(text: str) -> bool:
    """Return whether a refusal is of this value alone, so that it says nothing of other values."""
    return _OF_VALUE.search(text) is not None


def adapt_request(request: Mapping[str, Any], habits: Habits) -> dict[str, Any]:
    """Return a request without what the endpoint refuses, and with the rest under the names that it takes."""
    kept = {name: value for name, value in request.items() if name not in habits}
    renamed = {habits[name]: request[name] for name in request if habits.get(name)}
    return {**kept, "extra_body": {**kept.get("extra_body", {}), **renamed}} if renamed else kept


def describe_habits(habits: Habits) -> str:
    """Say for an operator what is sent otherwise than asked for; "" for nothing."""
    return ", ".join(f"{name} as {other}" if other else f"without {name}" for name, other in sorted(habits.items()))
