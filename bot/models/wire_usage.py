"""Usage and cost as providers report them on the wire: pure functions from their JSON, each protocol's its own.

They are read here, since litellm loses some figures and invents others.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple

from bot.domain.run import Usage

Json = Mapping[str, Any]

_XAI_TICKS_PER_USD = 10**10  # https://docs.x.ai/developers/rest-api-reference/inference/chat
_MOST_TOKENS = 10**9  # of one answer; what says more says nothing
_MOST_USD = 10_000.0


class Report(NamedTuple):
    """What a provider says of an answer. A usage that it calls one so far is "estimated"."""

    usage: Usage
    cost_usd: float | None = None


def read_chat_report(event: Json) -> Report | None:
    """Return what an event of OpenAI's chat completions reports, as many endpoints fill it in; None: nothing.

    Groq has a field of its own for it (https://console.groq.com/docs/api-reference), Moonshot tells it in the choice
    (https://platform.moonshot.ai/docs/api/chat). xAI (https://docs.x.ai/docs/guides/reasoning) and Gemini leave
    thinking out of the output; DeepSeek, Moonshot and gateways to Anthropic name what was cached in ways of their own.
    """
    groups = (event, *_objects(event, "choices"), _object(event, "x_groq"))
    used = next((found for group in groups if (found := _object(group, "usage"))), {})
    details, counts = _object(used, "prompt_tokens_details"), partial(_first_count, used)
    read, written = counts("prompt_tokens", "input_tokens"), counts("completion_tokens", "output_tokens")
    cached = _count(details, "cached_tokens") or counts(
        "prompt_cache_hit_tokens", "cached_tokens", "cache_read_input_tokens"
    )
    kept = _first_count(details, "cache_write_tokens", "cache_creation_tokens") or counts("cache_creation_input_tokens")
    thinking = _count(_object(used, "completion_tokens_details"), "reasoning_tokens")
    left = max(0, counts("total_tokens") - read - written)  # of the total: neither input nor output has it
    if cached + kept > read or 0 < cached + kept == left:  # beside the input, as Anthropic counts
        read, left = read + cached + kept, left - cached - kept
    if left > 0 and thinking in (0, left):
        written, thinking = written + left, left
    return _make_report(_make_usage(read, written, thinking, cached, kept), read_cost_usd(used))


def read_responses_report(event: Json) -> Report | None:
    """Return what an event of OpenAI's Responses API reports, or a response that came whole; None: nothing."""
    used = _object(_object(event, "response"), "usage") or _object(event, "usage")
    thinking = _count(_object(used, "output_tokens_details"), "reasoning_tokens")
    details = _object(used, "input_tokens_details")
    cached, kept = _count(details, "cached_tokens"), _count(details, "cache_write_tokens")
    usage = _make_usage(_count(used, "input_tokens"), _count(used, "output_tokens"), thinking, cached, kept)
    return _make_report(usage, read_cost_usd(used))


def read_anthropic_report(event: Json, earlier: Json) -> tuple[Report | None, dict[str, Any]]:
    """Return what an event of Anthropic's reports, and all figures so far: later ones replace `earlier` ones.

    Some gateways repeat those of the start as 0, which says nothing. Those of the start are complete for the input
    alone. Cached tokens stand beside the input (https://docs.claude.com/en/docs/build-with-claude/prompt-caching).
    """
    told = _object(event, "usage") or _object(_object(event, "message"), "usage")
    used = {**earlier, **{name: figure for name, figure in told.items() if figure}}
    cached, kept = _count(used, "cache_read_input_tokens"), _count(used, "cache_creation_input_tokens")
    thinking = _count(_object(used, "output_tokens_details"), "thinking_tokens")
    searches = _count(_object(used, "server_tool_use"), "web_search_requests")
    read = _count(used, "input_tokens") + cached + kept
    usage = _make_usage(read, _count(used, "output_tokens"), thinking, cached, kept, searches=searches)
    if event.get("type") == "message_start":
        usage = replace(usage, source="estimated")
    return _make_report(usage, read_cost_usd(used)), used


def read_gemini_report(event: Json) -> Report | None:
    """Return what an event of Gemini's reports, of all that has come so far; None: nothing.

    What its tools have brought is input, and thoughts are output, beside the other figures
    (https://ai.google.dev/api/generate-content#UsageMetadata).
    """
    used = _object(event, "usageMetadata")
    thinking, tools = _count(used, "thoughtsTokenCount"), _count(used, "toolUsePromptTokenCount")
    read, written = _count(used, "promptTokenCount") + tools, _count(used, "candidatesTokenCount") + thinking
    return _make_report(_make_usage(read, written, thinking, _count(used, "cachedContentTokenCount"), tools=tools))


def read_cohere_report(event: Json) -> Report | None:
    """Return what an event of Cohere's reports; None: nothing. The tokens are those that it bills.

    It counts others besides, of a preamble of its own (https://docs.cohere.com/reference/chat-stream).
    """
    used = _object(_object(event, "delta"), "usage")
    billed = _object(used, "billed_units") or _object(used, "tokens")
    return _make_report(_make_usage(_count(billed, "input_tokens"), _count(billed, "output_tokens")))


def read_ollama_report(event: Json) -> Report | None:
    """Return what a line of Ollama's reports (https://docs.ollama.com/api/usage); None: nothing."""
    return _make_report(_make_usage(_count(event, "prompt_eval_count"), _count(event, "eval_count")))


def merge_reports(earlier: Report | None, later: Report | None) -> Report | None:
    """Return what two reports of one answer say together: a later figure replaces an earlier one, unless it is 0.

    Providers leave out at the end what they have told on the way, such as what was cached.
    """
    if earlier is None or later is None:
        return later or earlier
    old, new = earlier.usage, later.usage
    whole = _make_usage(
        new.input or old.input,
        new.output or old.output,
        new.thinking or old.thinking,
        new.cached or old.cached,
        new.written or old.written,
        new.tools or old.tools,
        new.searches or old.searches,
    )
    source = new.source if new.input or new.output else old.source
    return Report(replace(whole, source=source), earlier.cost_usd if later.cost_usd is None else later.cost_usd)


def read_cost_usd(used: Json) -> float | None:
    """Return what a usage says that the answer cost, in US dollars; None: it does not say.

    OpenRouter (https://openrouter.ai/docs/use-cases/usage-accounting) counts what the owner of another provider's key
    pays there apart. Perplexity's sum contains its fee for the search, DeepInfra calls its own an estimate. A cost of
    nothing is believed where OpenRouter says it, of a model that is free: from others it says that they know no price.
    """
    cost = _object(used, "cost").get("total_cost", used.get("cost", used.get("estimated_cost")))
    if (ticks := _number(used.get("cost_in_usd_ticks"))) is not None:
        cost = ticks / _XAI_TICKS_PER_USD
    usd = _number(cost)
    if usd is None or (usd == 0 and "is_byok" not in used):
        return None
    if used.get("is_byok"):
        elsewhere = _number(_object(used, "cost_details").get("upstream_inference_cost"))
        usd = None if elsewhere is None else usd + elsewhere
    return usd if usd is not None and usd <= _MOST_USD else None


def _make_report(usage: Usage, cost_usd: float | None = None) -> Report | None:
    if usage.input or usage.output:
        return Report(usage, cost_usd)
    return None if cost_usd is None else Report(Usage(source="estimated"), cost_usd)


def _make_usage(
    read: int, written: int, thinking: int = 0, cached: int = 0, kept: int = 0, tools: int = 0, searches: int = 0
) -> Usage:
    """Return a usage whose parts are no more than the whole, whatever was said."""
    cached = min(cached, read)
    return Usage(
        read,
        written,
        min(thinking, written),
        "reported",
        cached=cached,
        written=min(kept, read - cached),
        tools=min(tools, read),
        searches=searches,
    )


def _object(of: Json, name: str) -> Json:
    found = of.get(name)
    return found if isinstance(found, dict) else {}


def _objects(of: Json, name: str) -> list[Json]:
    found = of.get(name)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []


def _first_count(of: Json, *names: str) -> int:
    return next((count for name in names if (count := _count(of, name))), 0)


def _count(of: Json, name: str) -> int:
    """Return a figure; 0 where it is missing or none that can be."""
    found = _number(of.get(name))
    return int(found) if found is not None and found <= _MOST_TOKENS else 0


def _number(found: object) -> float | None:
    """Return a number that is not negative; some gateways write one as text."""
    if isinstance(found, str):
        try:
            found = float(found.removeprefix("$"))
        except ValueError:
            return None
    if isinstance(found, bool) or not isinstance(found, int | float) or not 0 <= found < math.inf:
        return None
    return found
