"""Usage and cost as providers report them, and what they say that cannot be: a row each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from bot.domain.run import Usage
from bot.models.errors import ProviderError
from bot.models.provider_menders import AnthropicMender
from bot.models.wire_usage import (
    Report,
    merge_reports,
    read_anthropic_report,
    read_chat_report,
    read_cohere_report,
    read_cost_usd,
    read_gemini_report,
    read_ollama_report,
    read_responses_report,
)
from bot.settings.settings import RetrySettings
from tests.servers.model_server import ModelServer, Reply, chunk, sse
from tests.support.answers import ASK, SEAT, Heard, hear, make_model, open_speaker


def reported(read: int, wrote: int, thought: int = 0, **parts: int) -> Report:
    return Report(Usage(read, wrote, thought, "reported", **parts))


PLAIN = {"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}
THOUGHT = {"completion_tokens_details": {"reasoning_tokens": 3}}
CHAT: Mapping[str, tuple[Any, Report | None]] = {
    "plain": (PLAIN, reported(10, 5)),
    "thinking": ({**PLAIN, **THOUGHT}, reported(10, 5, 3)),
    "xAI's thinking": ({**PLAIN, **THOUGHT, "total_tokens": 18}, reported(10, 8, 3)),
    "OpenAI's cache": ({**PLAIN, "prompt_tokens_details": {"cached_tokens": 4}}, reported(10, 5, cached=4)),
    "OpenRouter's cache": (
        {**PLAIN, "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 6}},
        reported(10, 5, cached=4, written=6),
    ),
    "DeepSeek's cache": ({**PLAIN, "prompt_cache_hit_tokens": 4}, reported(10, 5, cached=4)),
    "Moonshot's cache": ({**PLAIN, "cached_tokens": 4}, reported(10, 5, cached=4)),
    "a proxy's cache": ({**PLAIN, "cache_creation_input_tokens": 4}, reported(10, 5, written=4)),
    "figures as text": ({"prompt_tokens": "10", "completion_tokens": "5"}, reported(10, 5)),
    "broken numbers": ({"prompt_tokens": 10.0, "completion_tokens": 5.0}, reported(10, 5)),
    "no output": ({"prompt_tokens": 10}, reported(10, 0)),
    "more thinking than output": (
        {**PLAIN, "completion_tokens_details": {"reasoning_tokens": 11}},
        reported(10, 5, 5),
    ),
    "more cached than read": (
        {**PLAIN, "prompt_tokens_details": {"cached_tokens": 11, "cache_write_tokens": 2}},
        reported(23, 5, cached=11, written=2),  # they stand beside it, as Anthropic counts
    ),
    "cached beside the input, by the total": (
        {**PLAIN, "total_tokens": 19, "prompt_tokens_details": {"cached_tokens": 4}},
        reported(14, 5, cached=4),
    ),
    "Gemini's thinking, in the total alone": ({**PLAIN, "total_tokens": 75}, reported(10, 65, 60)),
    "Gemini's thinking, before it has said anything": (
        {"prompt_tokens": 21, "completion_tokens": 0, "total_tokens": 81}
        | {"completion_tokens_details": {"reasoning_tokens": 60}},
        reported(21, 60, 60),
    ),
    "a total that says something else": ({**PLAIN, **THOUGHT, "total_tokens": 75}, reported(10, 5, 3)),
    "a total that is too small": ({**PLAIN, "total_tokens": 5}, reported(10, 5)),
    "Anthropic's names": (
        {"input_tokens": 10, "output_tokens": 5, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 7},
        reported(117, 5, cached=100, written=7),
    ),
    "LiteLLM's cache": (
        {**PLAIN, "prompt_tokens_details": {"cached_tokens": 4, "cache_creation_tokens": 3}}
        | {"cache_read_input_tokens": 4, "cache_creation_input_tokens": 3},
        reported(10, 5, cached=4, written=3),
    ),
    "nothing": (None, None),
    "zero": ({"prompt_tokens": 0, "completion_tokens": 0}, None),
    "below zero": ({"prompt_tokens": -1, "completion_tokens": -5}, None),
    "words": ({"prompt_tokens": "many", "completion_tokens": [5]}, None),
    "truth": ({"prompt_tokens": True, "completion_tokens": None}, None),
    "no number": ({"prompt_tokens": float("nan"), "completion_tokens": float("inf")}, None),
    "an absurd number": ({"prompt_tokens": 10**12, "completion_tokens": 5}, reported(0, 5)),
    "a list": ([10, 5], None),
    "details in words": ({**PLAIN, "prompt_tokens_details": "none", "completion_tokens_details": []}, reported(10, 5)),
    "a cost alone": ({"cost": 0.5}, Report(Usage(source="estimated"), 0.5)),
}


@pytest.mark.parametrize("name", CHAT)
def test_a_usage_of_chat_completions_is_read(name: str) -> None:
    usage, report = CHAT[name]
    assert read_chat_report({"choices": [], "usage": usage}) == report
    if isinstance(usage, dict):
        assert read_chat_report({"choices": [], "x_groq": {"usage": usage}}) == report
        assert read_chat_report({"choices": ["", {"usage": usage}], "usage": None}) == report  # Moonshot


COSTS: Mapping[str, tuple[Mapping[str, Any], float | None]] = {
    "OpenRouter's": ({"cost": 0.5, "is_byok": False, "cost_details": {"upstream_inference_cost": 0.5}}, 0.5),
    "OpenRouter's with a key of one's own": (
        {"cost": 0.05, "is_byok": True, "cost_details": {"upstream_inference_cost": 0.5}},
        0.55,
    ),
    "OpenRouter's fee alone": ({"cost": 0.05, "is_byok": True, "cost_details": {}}, None),
    "a free model of OpenRouter": ({"cost": 0, "is_byok": False}, 0.0),
    "Perplexity's": ({"cost": {"request_cost": 0.005, "total_cost": 0.006}}, 0.006),
    "DeepInfra's": ({"estimated_cost": 0.0002}, 0.0002),
    "text": ({"cost": "0.006"}, 0.006),
    "text with the sign of its currency": ({"cost": "$0.006"}, 0.006),
    "another currency": ({"cost": "€0.006"}, None),
    "xAI's": ({"cost_in_usd_ticks": 37_756_000}, 0.0037756),
    "a gateway that knows no price": ({"cost": 0}, None),
    "ticks of nothing": ({"cost_in_usd_ticks": 0}, None),
    "none": ({}, None),
    "null": ({"cost": None}, None),
    "words": ({"cost": "free"}, None),
    "truth": ({"cost": True}, None),
    "below zero": ({"cost": -0.5}, None),
    "no number": ({"cost": float("nan")}, None),
    "an absurd sum": ({"cost": 1e9}, None),
    "a table without its sum": ({"cost": {"request_cost": 0.005}}, None),
}


@pytest.mark.parametrize("name", COSTS)
def test_a_cost_is_read(name: str) -> None:
    used, usd = COSTS[name]
    assert read_cost_usd(used) == (None if usd is None else pytest.approx(usd))


def test_anthropics_figures_come_in_two_parts() -> None:
    begun = {"type": "message_start", "message": {"usage": {"input_tokens": 10, "output_tokens": 1}}}
    first, used = read_anthropic_report(begun, {})
    assert first == Report(Usage(10, 1, source="estimated"))  # so far
    delta = {
        "input_tokens": 10,
        "cache_read_input_tokens": 100,
        "cache_creation_input_tokens": 20,
        "output_tokens": 50,
        "output_tokens_details": {"thinking_tokens": 30},
        "server_tool_use": {"web_search_requests": 2},
    }
    last, _ = read_anthropic_report({"type": "message_delta", "usage": delta}, used)
    assert last == reported(130, 50, 30, cached=100, written=20, searches=2)
    kept, _ = read_anthropic_report({"type": "message_delta", "usage": {"output_tokens": 50}}, used)
    assert kept == reported(10, 50)
    gateway = {"input_tokens": 0, "cache_read_input_tokens": None, "output_tokens": 50}
    cached, used = read_anthropic_report({"message": {"usage": {"input_tokens": 3, "cache_read_input_tokens": 9}}}, {})
    said, _ = read_anthropic_report({"type": "message_delta", "usage": gateway}, used)
    assert (cached, said) == (reported(12, 0, cached=9), reported(12, 50, cached=9))


def test_other_protocols_have_names_of_their_own() -> None:
    gemini = {
        "promptTokenCount": 10,
        "toolUsePromptTokenCount": 100,
        "candidatesTokenCount": 5,
        "thoughtsTokenCount": 7,
        "cachedContentTokenCount": 4,
    }
    assert read_gemini_report({"usageMetadata": gemini}) == reported(110, 12, 7, cached=4, tools=100)
    responses = {
        "input_tokens": 10,
        "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2},
        "output_tokens": 9,
        "output_tokens_details": {"reasoning_tokens": 7},
    }
    said = reported(10, 9, 7, cached=4, written=2)
    assert (
        read_responses_report({"response": {"usage": responses}}) == read_responses_report({"usage": responses}) == said
    )
    assert read_responses_report({"response": {"usage": None}}) is None
    tokens = {"input_tokens": 500, "output_tokens": 8}
    billed = {"input_tokens": 7, "output_tokens": 5}
    assert read_cohere_report({"delta": {"usage": {"billed_units": billed, "tokens": tokens}}}) == reported(7, 5)
    assert read_cohere_report({"delta": {"usage": {"tokens": tokens}}}) == reported(500, 8)
    assert read_ollama_report({"prompt_eval_count": 7, "eval_count": 5, "done": True}) == reported(7, 5)
    assert read_ollama_report({"done": False}) is None


@pytest.mark.parametrize(
    ("later", "together"),
    [
        (None, Report(Usage(100, 50, 30, "reported", cached=80), 0.5)),
        (reported(100, 60), Report(Usage(100, 60, 30, "reported", cached=80), 0.5)),  # nothing of cache and thinking
        (reported(100, 0), Report(Usage(100, 50, 30, "reported", cached=80), 0.5)),
        (Report(Usage(source="estimated"), 0.7), Report(Usage(100, 50, 30, "reported", cached=80), 0.7)),  # cost alone
        (Report(Usage(40, 10, source="estimated")), Report(Usage(40, 10, 10, "estimated", cached=40), 0.5)),
    ],
)
def test_what_is_told_on_the_way_is_not_lost_at_the_end(later: Report | None, together: Report) -> None:
    earlier = Report(Usage(100, 50, 30, "reported", cached=80), 0.5)
    assert merge_reports(earlier, later) == together
    assert merge_reports(None, later) == later


def test_a_failure_is_told_with_what_it_has_cost() -> None:
    mender = AnthropicMender()
    said = {"type": "error", "error": {"type": "overloaded_error"}, "usage": {"input_tokens": 10, "output_tokens": 5}}
    with pytest.raises(ProviderError):
        list(mender.feed(b"".join(sse(said))))
    assert mender.report == reported(10, 5)


# Through litellm


async def heard_with(usage: object, *texts: str, prefix: str = "openai") -> Heard:
    said = [*map(chunk, texts or ("Tabs.",)), chunk(finish="stop")]
    async with ModelServer() as server:
        server.tell(Reply(sse(*said, {"id": "c-1", "choices": [], "usage": usage}, "[DONE]")))
        async with open_speaker(make_model(server.url, prefix), retries=RetrySettings(tries=1)) as made:
            return await hear(made.speak(SEAT, ASK))


@pytest.mark.parametrize("prefix", ["openai", "hosted_vllm"])
@pytest.mark.parametrize("name", [name for name in CHAT if name != "no number"])  # which is no JSON
async def test_no_usage_fails_an_answer(name: str, prefix: str) -> None:
    usage, report = CHAT[name]
    heard = await heard_with(usage, prefix=prefix)
    assert (heard.text, heard.ending, heard.error) == ("Tabs.", "done", None)
    assert heard.usage is not None
    if report is None or report.usage.source == "estimated":
        assert heard.usage.source == "estimated"
        assert heard.usage.output > 0
    elif report.usage.input and report.usage.output:
        assert heard.usage == report.usage


async def test_half_a_usage_is_completed_by_our_own_count() -> None:
    heard = await heard_with({"prompt_tokens": 0, "completion_tokens": 5})
    assert heard.usage is not None
    assert heard.usage.input > 0
    assert heard.usage.output == 5
    heard = await heard_with({"prompt_tokens": 7, "completion_tokens": 0})
    assert heard.usage is not None
    assert heard.usage.input == 7
    assert (heard.usage.output > 0, heard.usage.source) == (True, "estimated")


async def test_xais_thinking_counts_through_any_prefix() -> None:
    used = {**PLAIN, **THOUGHT, "total_tokens": 18, "cost_in_usd_ticks": 5}
    for prefix in ("openai", "hosted_vllm", "xai"):
        assert (await heard_with(used, prefix=prefix)).usage == reported(10, 8, 3).usage


async def test_a_usage_comes_in_a_choice_or_in_parts() -> None:
    whole = {"id": "c-1", "choices": [], "usage": {**PLAIN, "prompt_tokens_details": {"cached_tokens": 4}}}
    ended = {"id": "c-1", "choices": [{"index": 0, "delta": {}, "finish_reason": "stop", "usage": PLAIN}]}
    bare = {"id": "c-1", "choices": [], "usage": {"cost": 0.25, **dict.fromkeys(PLAIN, 0)}}
    said, stop = chunk("Tabs."), chunk(finish="stop")
    for events, usage in (
        ((said, ended, "[DONE]"), reported(10, 5).usage),
        ((said, stop, whole, bare, "[DONE]"), reported(10, 5, cached=4).usage),
    ):
        async with ModelServer() as server:
            server.tell(Reply(sse(*events)))
            async with open_speaker(make_model(server.url, "openai"), retries=RetrySettings(tries=1)) as made:
                assert (await hear(made.speak(SEAT, ASK))).usage == usage


async def test_an_output_of_less_than_what_is_seen_is_none() -> None:
    said = [f"Number {n} is a reason of its own to keep tabs. " for n in range(40)]
    heard = await heard_with({"prompt_tokens": 10, "completion_tokens": 1}, *said)  # of the last piece alone
    assert heard.usage is not None
    assert (heard.usage.input, heard.usage.source) == (10, "estimated")
    assert 400 < heard.usage.output < 800
