"""Each provider whose key is looked for: its stream as it comes over its own wire, asked at its own path."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import pytest

from bot.cli.first_settings import KNOWN
from bot.domain.run import Usage
from bot.models.catalogue import KEY_VARIABLES, Model
from bot.settings.settings import RetrySettings
from tests.servers.model_server import ModelServer, Recording, Reply, answer, replay
from tests.support.answers import ASK, SEAT, Heard, hear, open_speaker
from tests.support.streams import anthropic, cohere, gemini, responses

TEXT, THINKING = "Tabs.", "hm"


class Wire(NamedTuple):
    """How a provider is asked and answers: a model, the path behind its address, and a stream."""

    model: str
    path: str
    reply: Reply
    thinking: str = ""


def chat(path: str = "/chat/completions", model: str = "some-model") -> Wire:
    return Wire(model, path, answer("Tabs", "."))


def recorded(model: str, path: str, recording: Recording, thinking: str = "") -> Wire:
    return Wire(model, path, replay(recording), thinking)


CHAT = chat()
GEMINI = "/models/gemini-2.5-pro:streamGenerateContent"
WIRES: Mapping[str, Wire] = {  # by litellm's name for the provider
    **dict.fromkeys(("ai21", "ai21_chat", "cerebras", "codestral", "dashscope", "deepinfra", "deepseek"), CHAT),
    **dict.fromkeys(("fireworks_ai", "groq", "moonshot", "nebius", "novita", "nvidia_nim"), CHAT),
    **dict.fromkeys(("openai", "openrouter", "perplexity", "together_ai", "vercel_ai_gateway"), CHAT),
    **dict.fromkeys(("volcengine", "xai"), CHAT),
    "mistral": chat("/v1/chat/completions"),
    "anthropic": recorded(
        "claude-sonnet-4-0",
        "/v1/messages",
        anthropic.make_anthropic(
            anthropic.thinking_block("h", "m"), anthropic.text_block("Tabs", "."), sent=27, written=19
        ),
        THINKING,
    ),
    "cohere": recorded(
        "command-a-reasoning", "/v2/chat", cohere.make_cohere("Tabs", ".", thoughts=("h", "m")), THINKING
    ),
    "gemini": recorded(
        "gemini-2.5-pro",
        GEMINI,
        gemini.make_gemini(
            "gemini-2.5-pro", {"text": "hm", "thought": True}, {"text": "Tabs."}, used=gemini.SOME_USAGE
        ),
        THINKING,
    ),
}
# litellm asks Replicate at its own address, whatever api_base says, so no server of ours can answer for it.
UNREACHABLE = {"replicate"}


async def asked(provider: str, wire: Wire) -> tuple[Heard, list[str]]:
    async with ModelServer() as server:
        server.tell(wire.reply, path=wire.path)
        model = Model("m", f"{provider}/{wire.model}", "M", "p", api_key="k-1", api_base=server.url)
        async with open_speaker(model, retries=RetrySettings(tries=1)) as made:
            return await hear(made.speak(SEAT, ASK)), [seen.path for seen in server.log]


@pytest.mark.parametrize("provider", WIRES)
async def test_a_provider_answers_at_its_own_path(provider: str) -> None:
    wire = WIRES[provider]
    heard, paths = await asked(provider, wire)
    assert paths == [wire.path]
    assert (heard.text, heard.thinking, heard.ending, heard.error) == (TEXT, wire.thinking, "done", None)
    assert heard.usage is not None
    assert heard.usage.source == "reported"


def test_no_provider_is_left_out() -> None:
    assert set(WIRES) | UNREACHABLE == set(KEY_VARIABLES)
    assert {choice.litellm.partition("/")[0] for choice in KNOWN} <= set(WIRES)


# Models that are asked by OpenAI's Responses API: named so, and by litellm's map.
STREAMED = replay(responses.make_text_response("Tabs", "."))
WHOLE = responses.make_whole_response("Tabs.")  # of models that litellm asks whole
BY_RESPONSES = {
    "openai/responses/gpt-5": STREAMED,
    "openai/o3-pro": STREAMED,
    "openai/gpt-5-codex": STREAMED,
    "openai/gpt-5-pro": WHOLE,
    "openai/o1-pro": WHOLE,
}


@pytest.mark.parametrize("name", BY_RESPONSES)
async def test_a_model_of_the_responses_api_answers(name: str) -> None:
    provider, _, model = name.partition("/")
    reply = BY_RESPONSES[name]
    heard, paths = await asked(provider, Wire(model, "/responses", reply))
    assert paths == ["/responses"]
    assert heard == Heard(TEXT, "", "done", Usage(20, 70, 64, "reported"), None)


SPENT: Mapping[str, tuple[str, Wire]] = {
    "OpenAI's Responses API": (
        "openai",
        Wire("responses/gpt-5", "/responses", replay(responses.make_text_response(cut_by="max_output_tokens"))),
    ),
    "Gemini, without parts": (
        "gemini",
        recorded(
            "gemini-2.5-pro", GEMINI, gemini.make_gemini("gemini-2.5-pro", used=gemini.ALL_THOUGHT, finish="MAX_TOKENS")
        ),
    ),
    "Anthropic": (
        "anthropic",
        recorded(
            "claude-sonnet-4-0",
            "/v1/messages",
            anthropic.make_anthropic(anthropic.thinking_block("hm"), sent=27, written=64, stop="max_tokens"),
        ),
    ),
    "Cohere": (
        "cohere",
        recorded("command-a", "/v2/chat", cohere.make_cohere(thoughts=("hm",), finish="MAX_TOKENS")),
    ),
}


@pytest.mark.parametrize("name", SPENT)
async def test_thinking_that_used_up_the_limit_is_named(name: str) -> None:
    provider, wire = SPENT[name]
    heard, _ = await asked(provider, wire)
    assert heard.error is not None
    assert (heard.error.kind, heard.text) == ("no_text", "")
    assert heard.error.text.startswith("its token limit was used up by thinking"), heard.error.text
    assert heard.error.text.endswith("before any answer: set max_tokens for it")
    assert heard.usage is not None
