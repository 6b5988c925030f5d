"""Recorded streams of real providers, served byte for byte: text, thinking, usage and endings are the recording's."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from bot.domain.asks import Ask, Part
from bot.domain.facts import Seat, Usage
from bot.models.catalogue import Model
from bot.models.errors import ProviderError
from bot.models.speak import Speaker
from bot.settings import DeadlineSettings, RetrySettings
from tests.servers.model_server import ModelServer, Recording, recordings, replay
from tests.support.paths import ROOT

WIRE = ROOT.parent / "shared" / "wire"
RECORDINGS = recordings(WIRE)
ASK = Ask((Part("user", "How do I cross the street?"),))

# what litellm calls each recording's model, and the path before the one it adds itself
CALLED = {
    "anthropic-thinking": ("anthropic/claude-sonnet-4-0", ""),
    "anthropic-web-search": ("anthropic/claude-sonnet-4-0", ""),
    "deepseek-thinking": ("deepseek/deepseek-reasoner", ""),
    "gemini-text": ("gemini/gemini-2.0-flash-exp", "/v1beta"),
    "gemini-thinking": ("gemini/gemini-2.5-pro", "/v1beta"),
    "gemini-web-search": ("gemini/gemini-2.5-pro", "/v1beta"),
    "groq-web-search": ("groq/compound-beta", "/openai/v1"),
    "mistral-thinking": ("mistral/magistral-medium-latest", "/v1"),
    "openai-text": ("openai/gpt-4o-mini", "/v1"),
    "openai-text-1": ("openai/gpt-4o-mini", "/v1"),
    "openrouter-error": ("openrouter/minimax/minimax-m2:free", "/api/v1"),
    "openrouter-reasoning": ("openrouter/openai/o3", "/api/v1"),
    "zai-thinking": ("zai/glm-4.7", "/api/paas/v4"),
}
UNREPORTED = ("groq-web-search",)  # its usage stands in a field that litellm drops

pytestmark = pytest.mark.skipif(not RECORDINGS, reason="the recordings are not on this machine")


class Heard(NamedTuple):
    text: str
    thinking: str
    usage: Usage | None
    ending: str | None
    error: ProviderError | None


async def hear(speaker: Speaker) -> Heard:
    text = thinking = ""
    usage = ending = error = None
    try:
        async for delta in speaker.speak(Seat("a", "m", "A"), ASK):
            text += delta.text
            thinking += delta.thinking
            usage = delta.usage or usage
            ending = delta.ending or ending
    except ProviderError as raised:
        error = raised
    return Heard(text, thinking, usage, ending, error)


async def replayed(name: str) -> Heard:
    called, base = CALLED[name]
    path = RECORDINGS[name]["path"].partition("?")[0].partition("#")[0]
    async with ModelServer() as server:
        server.tell(replay(RECORDINGS[name]), path=path)
        model = Model("m", called, "M", "p", api_key="k-1", api_base=server.url + base)
        speaker = Speaker({"m": model}, DeadlineSettings(), RetrySettings(tries=1))
        try:
            return await hear(speaker)
        finally:
            await speaker.aclose()


def events(recording: Recording) -> Iterator[dict[str, Any]]:
    for line in recording["sse"].splitlines():
        if line.startswith("data:") and line != "data: [DONE]":
            yield json.loads(line.removeprefix("data:"))


def expected(name: str) -> tuple[str, str, tuple[int, int, int]]:
    """Text, thinking and (input, output, thinking) tokens, read from the recording without any library."""
    match name.partition("-")[0]:
        case "anthropic":
            return of_anthropic(RECORDINGS[name])
        case "gemini":
            return of_gemini(RECORDINGS[name])
        case _:
            return of_openai(RECORDINGS[name])


def of_anthropic(recording: Recording) -> tuple[str, str, tuple[int, int, int]]:
    text = thinking = ""
    used: dict[str, Any] = {}
    for event in events(recording):
        delta = event.get("delta", {})
        text += delta.get("text", "") if delta.get("type") == "text_delta" else ""
        thinking += delta.get("thinking", "") if delta.get("type") == "thinking_delta" else ""
        used |= event.get("usage") or event.get("message", {}).get("usage") or {}
    return text, thinking, (used["input_tokens"], used["output_tokens"], 0)


def of_gemini(recording: Recording) -> tuple[str, str, tuple[int, int, int]]:
    said = {False: "", True: ""}
    used: dict[str, Any] = {}
    for event in events(recording):
        used = event.get("usageMetadata", used)
        for part in event["candidates"][0]["content"].get("parts", ()):
            said[part.get("thought", False)] += part.get("text", "")
    thought = used.get("thoughtsTokenCount", 0)
    prompt = used["promptTokenCount"] + used.get("toolUsePromptTokenCount", 0)
    return said[False], said[True], (prompt, used["candidatesTokenCount"] + thought, thought)


def of_openai(recording: Recording) -> tuple[str, str, tuple[int, int, int]]:
    text = thinking = ""
    used: dict[str, Any] = {}
    for event in events(recording):
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


@pytest.mark.parametrize("name", [n for n in CALLED if n not in ("openai-text", "openrouter-error")])
async def test_an_answer_is_the_recordings(name: str) -> None:
    text, thinking, tokens = expected(name)
    heard = await replayed(name)
    assert heard.error is None
    assert heard.ending == "done"
    assert heard.text == text
    assert heard.thinking == thinking
    assert heard.usage is not None
    if name in UNREPORTED:
        assert heard.usage.source == "estimated"
    else:
        assert heard.usage == Usage(*tokens, source="reported")


async def test_a_tool_call_is_named_and_is_no_answer() -> None:
    heard = await replayed("openai-text")
    assert heard.error is not None
    assert heard.error.kind == "no_text"
    assert "get_capital" in heard.error.text
    assert heard.text == ""
    assert heard.usage == Usage(53, 15, 0, "reported")


async def test_an_error_in_mid_stream_fails_with_the_providers_reason() -> None:
    _, thinking, _ = expected("openrouter-error")
    heard = await replayed("openrouter-error")
    assert heard.error is not None
    assert heard.error.kind == "broken_off"
    assert "Token limit reached" in heard.error.text
    assert heard.thinking == thinking
    assert heard.usage is not None
    assert heard.usage.source == "estimated"


def test_every_recording_is_told_of() -> None:
    assert set(CALLED) == set(RECORDINGS)
