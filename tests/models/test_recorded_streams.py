"""Streams as providers send them, served byte for byte: text, thinking, usage and endings are the stream's."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bot.domain.asks import Ask, Part
from bot.domain.costs import show_cost
from bot.domain.facts import TurnStarted
from bot.domain.run import Panel, Price, Seat, TurnId, Usage
from bot.engine.draft import Draft
from bot.formats.plan import Want
from bot.live.board import build_board
from bot.models.catalogue import Model
from bot.models.deltas import Delta
from bot.models.errors import ProviderError
from bot.models.speak import Speaker
from bot.settings.settings import DeadlineSettings, RetrySettings
from tests.servers.model_server import ModelServer, Recording, replay
from tests.support.recorded_streams import LITELLM_MODELS, read_events
from tests.support.shared import ABSENT, SHARED
from tests.support.streams import STREAMS
from tests.support.transcripts import Play, make_start

ASK = Ask((Part("user", "How do I cross the street?"),))


class Heard(NamedTuple):
    text: str
    thinking: str
    usage: Usage | None
    cost_usd: float | None
    ending: str | None
    error: ProviderError | None


async def hear(speaker: Speaker, note: Callable[[Delta], None]) -> Heard:
    text = thinking = ""
    usage = cost = ending = error = None
    try:
        async for delta in speaker.speak(Seat("a", "m", "A"), ASK):
            note(delta)
            text += delta.text
            thinking += delta.thinking
            usage = delta.usage or usage
            cost = delta.cost_usd or cost
            ending = delta.ending or ending
    except ProviderError as raised:
        error = raised
    return Heard(text, thinking, usage, cost, ending, error)


async def replayed(name: str, recording: Recording, note: Callable[[Delta], None] = lambda _: None) -> Heard:
    called, base = LITELLM_MODELS[name]
    path = recording["path"].partition("?")[0].partition("#")[0]
    async with ModelServer() as server:
        server.tell(replay(recording), path=path)
        model = Model("m", called, "M", "p", api_key="k-1", api_base=server.url + base)
        speaker = Speaker({"m": model}, DeadlineSettings(), RetrySettings(tries=1))
        try:
            return await hear(speaker, note)
        finally:
            await speaker.aclose()


def expected(name: str, recording: Recording) -> tuple[str, str, Usage]:
    """Text, thinking and usage, read from the recording without any library."""
    match name.partition("-")[0]:
        case "anthropic":
            return of_anthropic(recording)
        case "cohere":
            return of_cohere(recording)
        case "gemini":
            return of_gemini(recording)
        case _:
            return of_openai(recording)


def reported(read: int, wrote: int, thought: int = 0, **parts: int) -> Usage:
    return Usage(read, wrote, thought, "reported", **parts)


def of_anthropic(recording: Recording) -> tuple[str, str, Usage]:
    text = thinking = ""
    used: dict[str, Any] = {}
    for event in read_events(recording):
        delta = event.get("delta", {})
        text += delta.get("text", "") if delta.get("type") == "text_delta" else ""
        thinking += delta.get("thinking", "") if delta.get("type") == "thinking_delta" else ""
        used |= event.get("usage") or event.get("message", {}).get("usage") or {}
    cached, kept = used.get("cache_read_input_tokens", 0), used.get("cache_creation_input_tokens", 0)
    thought = used.get("output_tokens_details", {}).get("thinking_tokens", 0)
    searches = used.get("server_tool_use", {}).get("web_search_requests", 0)
    read = used["input_tokens"] + cached + kept
    usage = reported(read, used["output_tokens"], thought, cached=cached, written=kept, searches=searches)
    return text, thinking, usage


def of_cohere(recording: Recording) -> tuple[str, str, Usage]:
    text = ""
    used: dict[str, Any] = {}
    for event in read_events(recording):
        if event["type"] == "content-delta":
            text += event["delta"]["message"]["content"]["text"]
        used = event.get("delta", {}).get("usage", {}).get("billed_units") or used
    return text, "", reported(used["input_tokens"], used["output_tokens"])


def of_responses(recording: Recording) -> tuple[str, Usage]:
    """Return the tool that is called, and the usage."""
    last = [event["response"] for event in read_events(recording) if "response" in event][-1]
    [tool] = [item["name"] for item in last["output"] if item["type"] == "function_call"]
    used = last["usage"]
    thought, cached = used["output_tokens_details"]["reasoning_tokens"], used["input_tokens_details"]["cached_tokens"]
    return tool, reported(used["input_tokens"], used["output_tokens"], thought, cached=cached)


def of_gemini(recording: Recording) -> tuple[str, str, Usage]:
    said = {False: "", True: ""}
    used: dict[str, Any] = {}
    for event in read_events(recording):
        used = event.get("usageMetadata", used)
        for part in event["candidates"][0]["content"].get("parts", ()):
            said[part.get("thought", False)] += part.get("text", "")
    thought = used.get("thoughtsTokenCount", 0)
    tools, cached = used.get("toolUsePromptTokenCount", 0), used.get("cachedContentTokenCount", 0)
    written = used.get("candidatesTokenCount", 0) + thought
    usage = reported(used["promptTokenCount"] + tools, written, thought, cached=cached, tools=tools)
    return said[False], said[True], usage


def of_openai(recording: Recording) -> tuple[str, str, Usage]:
    text = thinking = ""
    used: dict[str, Any] = {}
    for event in read_events(recording):
        used = event.get("usage") or event.get("x_groq", {}).get("usage") or used
        for choice in event["choices"]:
            delta = choice["delta"]
            content = delta.get("content") or ""
            thinking += delta.get("reasoning_content") or delta.get("reasoning") or ""
            if isinstance(content, str):
                text += content
                continue
            for part in content:  # Mistral's
                text += part.get("text", "")
                thinking += "".join(thought["text"] for thought in part.get("thinking", ()))
    thought = (used.get("completion_tokens_details") or {}).get("reasoning_tokens", 0)
    cached = (used.get("prompt_tokens_details") or {}).get("cached_tokens", 0)
    written = used["completion_tokens"]
    return text, thinking, reported(used["prompt_tokens"], written, min(thought, written), cached=cached)


@pytest.mark.parametrize(
    "name", [n for n in LITELLM_MODELS if n not in ("openai-text", "openai-responses", "openrouter-error")]
)
async def test_an_answer_is_the_streams(name: str, reference: Path) -> None:
    recording = STREAMS[reference][name]
    text, thinking, usage = expected(name, recording)
    heard = await replayed(name, recording)
    assert heard.error is None
    assert heard.ending == "done"
    assert heard.text == text
    assert heard.thinking == thinking
    assert heard.usage == usage


async def test_a_tool_call_is_named_and_is_no_answer(reference: Path) -> None:
    recording = STREAMS[reference]["openai-text"]
    [call] = next(read_events(recording))["choices"][0]["delta"]["tool_calls"]
    _, _, usage = expected("openai-text", recording)
    heard = await replayed("openai-text", recording)
    assert heard.error is not None
    assert heard.error.kind == "no_text"
    assert call["function"]["name"] in heard.error.text
    assert heard.text == ""
    assert heard.usage == usage


async def test_a_tool_call_of_the_responses_api_is_named(reference: Path) -> None:
    recording = STREAMS[reference]["openai-responses"]
    tool, usage = of_responses(recording)
    heard = await replayed("openai-responses", recording)
    assert heard.error is not None
    assert (heard.error.kind, heard.error.text) == ("no_text", f"it asked for a tool ({tool}) instead of answering")
    assert heard.usage == usage


@pytest.mark.parametrize("name", ["openrouter-cost", "perplexity-cost"])
async def test_a_cost_in_the_stream_is_the_cost(name: str, reference: Path) -> None:
    recording = STREAMS[reference][name]
    *_, last = (event["usage"] for event in read_events(recording) if event.get("usage"))
    cost = last["cost"]
    heard = await replayed(name, recording)
    assert heard.cost_usd == (cost["total_cost"] if isinstance(cost, dict) else cost)


async def test_an_error_in_mid_stream_fails_with_the_providers_reason(reference: Path) -> None:
    recording = STREAMS[reference]["openrouter-error"]
    [reason] = [event["error"]["message"] for event in read_events(recording) if "error" in event]
    _, thinking, usage = expected("openrouter-error", recording)
    heard = await replayed("openrouter-error", recording)
    assert heard.error is not None
    assert heard.error.kind == "broken_off"
    assert reason in heard.error.text
    assert heard.thinking == thinking
    assert heard.usage == usage


PRICE = Price(3.0, 15.0, "settings", 0.01, 0.3, 3.75, 20.0)


@pytest.mark.parametrize("name", LITELLM_MODELS)
async def test_a_turn_costs_what_the_stream_reports_to_the_last_token(name: str, reference: Path) -> None:
    """Of the provider's own sum, or else of its own figures at the model's price."""
    recording = STREAMS[reference][name]
    if name == "openai-responses":
        _, usage = of_responses(recording)
    else:
        _, _, usage = expected(name, recording)
    sums = [event["usage"]["cost"] for event in read_events(recording) if "cost" in (event.get("usage") or {})]
    told = sums[-1]["total_cost"] if sums and isinstance(sums[-1], dict) else sums[-1] if sums else None
    fresh = usage.input - usage.cached - usage.written
    tokens = fresh * 3.0 + usage.cached * 0.3 + usage.written * 3.75
    tokens += (usage.output - usage.thinking) * 15.0 + usage.thinking * 20.0
    turn, seat = TurnId("answer", 1, "a"), Seat("a", "m", "A", price=PRICE)
    draft = Draft(Want(turn), seat, None, 0.0, hidden=False)
    await replayed(name, recording, draft.add_delta)
    spoken = Play(replace(make_start("compare"), panel=Panel((seat,)))).record(TurnStarted(turn))
    live = build_board(spoken.t, "answers", 1, {}, 1.0, running={turn: draft.spent_so_far(1.0)})
    ended = draft.end(1.0, 1.0, "done")
    assert ended.usage == usage
    counted = tokens / 1e6 + 0.01 * max(1, usage.searches)
    assert ended.cost_usd == pytest.approx(counted if told is None else told, abs=0)
    shown = f"{usage.output:,} tokens · {show_cost(ended.cost_usd, None)}"
    assert (live.spent, build_board(spoken.record(ended).t, "", 1, {}, 1.0).spent) == (shown, shown)


COUNTED = {  # a stream whose text is all that it charges for → how far our count of it may be from its own, measured
    "anthropic-thinking": 0.05,
    "gemini-thinking": 0.05,
    "gemini-web-search": 0.05,
    "mistral-thinking": 0.05,
    "zai-thinking": 0.05,
    "deepseek-thinking": 0.08,
    "openrouter-reasoning": 0.08,  # o3 charges for marks around its answer
}


@pytest.mark.shared
@pytest.mark.parametrize("name", COUNTED)
async def test_a_turn_that_is_cut_before_its_figures_is_counted_nearly_as_they_say(name: str) -> None:
    if not SHARED.is_dir():
        pytest.skip(ABSENT)
    recording = STREAMS[SHARED][name]
    events = recording["sse"].replace("\r\n", "\n").split("\n\n")
    last = max(n for n, event in enumerate(events) if '"usage' in event)
    cut = {**recording, "sse": "\n\n".join(events[:last]) + "\n\n"}
    _, _, usage = expected(name, recording)
    heard = await replayed(name, cut)
    assert heard.usage is not None
    assert heard.usage.output == pytest.approx(usage.output, rel=COUNTED[name])
    if name.startswith(("anthropic", "gemini")):  # they tell it at the beginning
        assert heard.usage.input == usage.input


def test_every_stream_is_told_of(reference: Path) -> None:
    assert set(LITELLM_MODELS) == set(STREAMS[reference])
