"""Streams as providers send them, served byte for byte: text, thinking, usage and endings are the stream's."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import pytest

from bot.domain.asks import Ask, Part
from bot.domain.run import Seat, Usage
from bot.models.catalogue import Model
from bot.models.errors import ProviderError
from bot.models.speak import Speaker
from bot.settings import DeadlineSettings, RetrySettings
from tests.servers.model_server import ModelServer, Recording, replay
from tests.support.recorded_streams import LITELLM_MODELS, read_events
from tests.support.streams import STREAMS

ASK = Ask((Part("user", "How do I cross the street?"),))

UNREPORTED = ("groq-web-search",)  # its usage stands in a field that litellm drops


class Heard(NamedTuple):
    text: str
    thinking: str
    usage: Usage | None
    cost_usd: float | None
    ending: str | None
    error: ProviderError | None


async def hear(speaker: Speaker) -> Heard:
    text = thinking = ""
    usage = cost = ending = error = None
    try:
        async for delta in speaker.speak(Seat("a", "m", "A"), ASK):
            text += delta.text
            thinking += delta.thinking
            usage = delta.usage or usage
            cost = delta.cost_usd or cost
            ending = delta.ending or ending
    except ProviderError as raised:
        error = raised
    return Heard(text, thinking, usage, cost, ending, error)


async def replayed(name: str, recording: Recording) -> Heard:
    called, base = LITELLM_MODELS[name]
    path = recording["path"].partition("?")[0].partition("#")[0]
    async with ModelServer() as server:
        server.tell(replay(recording), path=path)
        model = Model("m", called, "M", "p", api_key="k-1", api_base=server.url + base)
        speaker = Speaker({"m": model}, DeadlineSettings(), RetrySettings(tries=1))
        try:
            return await hear(speaker)
        finally:
            await speaker.aclose()


def expected(name: str, recording: Recording) -> tuple[str, str, tuple[int, int, int]]:
    """Text, thinking and (input, output, thinking) tokens, read from the recording without any library."""
    match name.partition("-")[0]:
        case "anthropic":
            return of_anthropic(recording)
        case "cohere":
            return of_cohere(recording)
        case "gemini":
            return of_gemini(recording)
        case _:
            return of_openai(recording)


def of_anthropic(recording: Recording) -> tuple[str, str, tuple[int, int, int]]:
    text = thinking = ""
    used: dict[str, Any] = {}
    for event in read_events(recording):
        delta = event.get("delta", {})
        text += delta.get("text", "") if delta.get("type") == "text_delta" else ""
        thinking += delta.get("thinking", "") if delta.get("type") == "thinking_delta" else ""
        used |= event.get("usage") or event.get("message", {}).get("usage") or {}
    return text, thinking, (used["input_tokens"], used["output_tokens"], 0)


def of_cohere(recording: Recording) -> tuple[str, str, tuple[int, int, int]]:
    text = ""
    used: dict[str, Any] = {}
    for event in read_events(recording):
        if event["type"] == "content-delta":
            text += event["delta"]["message"]["content"]["text"]
        used = event.get("delta", {}).get("usage", {}).get("tokens") or used
    return text, "", (used["input_tokens"], used["output_tokens"], 0)


def of_responses(recording: Recording) -> tuple[str, tuple[int, int, int]]:
    """Return the tool that is called, and the tokens."""
    last = [event["response"] for event in read_events(recording) if "response" in event][-1]
    [tool] = [item["name"] for item in last["output"] if item["type"] == "function_call"]
    used = last["usage"]
    return tool, (used["input_tokens"], used["output_tokens"], used["output_tokens_details"]["reasoning_tokens"])


def of_gemini(recording: Recording) -> tuple[str, str, tuple[int, int, int]]:
    said = {False: "", True: ""}
    used: dict[str, Any] = {}
    for event in read_events(recording):
        used = event.get("usageMetadata", used)
        for part in event["candidates"][0]["content"].get("parts", ()):
            said[part.get("thought", False)] += part.get("text", "")
    thought = used.get("thoughtsTokenCount", 0)
    prompt = used["promptTokenCount"] + used.get("toolUsePromptTokenCount", 0)
    return said[False], said[True], (prompt, used["candidatesTokenCount"] + thought, thought)


def of_openai(recording: Recording) -> tuple[str, str, tuple[int, int, int]]:
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
    return text, thinking, (used["prompt_tokens"], used["completion_tokens"], thought)


@pytest.mark.parametrize(
    "name", [n for n in LITELLM_MODELS if n not in ("openai-text", "openai-responses", "openrouter-error")]
)
async def test_an_answer_is_the_streams(name: str, reference: Path) -> None:
    recording = STREAMS[reference][name]
    text, thinking, tokens = expected(name, recording)
    heard = await replayed(name, recording)
    assert heard.error is None
    assert heard.ending == "done"
    assert heard.text == text
    assert heard.thinking == thinking
    assert heard.usage is not None
    if name in UNREPORTED:
        assert heard.usage.source == "estimated"
    else:
        assert heard.usage == Usage(*tokens, source="reported")


async def test_a_tool_call_is_named_and_is_no_answer(reference: Path) -> None:
    recording = STREAMS[reference]["openai-text"]
    [call] = next(read_events(recording))["choices"][0]["delta"]["tool_calls"]
    _, _, tokens = expected("openai-text", recording)
    heard = await replayed("openai-text", recording)
    assert heard.error is not None
    assert heard.error.kind == "no_text"
    assert call["function"]["name"] in heard.error.text
    assert heard.text == ""
    assert heard.usage == Usage(*tokens, source="reported")


async def test_a_tool_call_of_the_responses_api_is_named(reference: Path) -> None:
    recording = STREAMS[reference]["openai-responses"]
    tool, tokens = of_responses(recording)
    heard = await replayed("openai-responses", recording)
    assert heard.error is not None
    assert (heard.error.kind, heard.error.text) == ("no_text", f"it asked for a tool ({tool}) instead of answering")
    assert heard.usage == Usage(*tokens, source="reported")


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
    _, thinking, _ = expected("openrouter-error", recording)
    heard = await replayed("openrouter-error", recording)
    assert heard.error is not None
    assert heard.error.kind == "broken_off"
    assert reason in heard.error.text
    assert heard.thinking == thinking
    assert heard.usage is not None
    assert heard.usage.source == "estimated"


def test_every_stream_is_told_of(reference: Path) -> None:
    assert set(LITELLM_MODELS) == set(STREAMS[reference])
