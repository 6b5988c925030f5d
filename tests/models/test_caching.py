"""Beginnings of prompts that a provider is to keep: marked where it wants marks, read by real litellm and a server."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from bot.domain.asks import Ask, Part
from bot.domain.run import Image, Price
from bot.models.caching import needs_breakpoints
from bot.models.catalogue import Model, resolve_models
from bot.models.tokens import make_counter
from bot.settings.settings import ModelSettings, RetrySettings
from tests.servers.model_server import CHAT, ModelServer, error
from tests.servers.prefix_cache import PrefixCache
from tests.support.answers import SEAT, Heard, hear, open_speaker

PRICE = Price(3.0, 15.0, "settings", cache_read_usd_per_mtok=0.3, cache_write_usd_per_mtok=3.75)
LONG = "word " * 1_100
SYSTEM = Part("system", "You debate.")
QUESTION = Part("user", f"[the question]\n{LONG}", cache_breakpoint=True)
TASK = Part("user", "Speak.")
OWN, OTHERS = Part("assistant", "I said so."), Part("user", "[Bob]\nNo.", cache_breakpoint=True)
FIRST, SECOND = Ask((SYSTEM, QUESTION, TASK)), Ask((SYSTEM, QUESTION, OWN, OTHERS, TASK))


def claude(url: str, price: Price | None = PRICE) -> Model:
    return Model("m", "anthropic/claude-sonnet-4-5", "M", "anthropic@x", api_key="k-1", api_base=url, price=price)


def find_marked(body: Any) -> list[str]:
    """Return the texts of the pieces of a request that are marked, wherever they stand."""
    return [piece["text"] for piece in _pieces(body) if "cache_control" in piece]


def _pieces(body: Any) -> Iterator[Mapping[str, Any]]:
    match body:
        case {"text": str()}:
            yield body
        case dict():
            for value in body.values():
                yield from _pieces(value)
        case list():
            for value in body:
                yield from _pieces(value)


async def ask_all(server: ModelServer, model: Model, *asks: Ask) -> list[Heard]:
    cache = PrefixCache(make_counter("gpt-4o"))
    server.tell(cache.answer_messages, path="/v1/messages")
    server.tell(cache.answer_chat, path=CHAT)
    async with open_speaker(model, retries=RetrySettings(tries=1)) as speaker:
        return [await hear(speaker.speak(SEAT, ask)) for ask in asks]


async def test_claude_is_told_what_to_keep_and_reads_it_again() -> None:
    async with ModelServer() as server:
        first, second = await ask_all(server, claude(server.url), FIRST, SECOND)
    assert [find_marked(seen.body) for seen in server.log] == [[QUESTION.text], [OTHERS.text]]
    assert first.usage
    assert second.usage
    assert (first.usage.cached, second.usage.cached) == (0, first.usage.written)
    assert second.usage.cached > 1_000 > second.usage.written > 0
    assert second.usage.input > second.usage.cached


async def test_what_is_too_short_to_be_kept_is_not_marked() -> None:
    short = Part("user", "Tabs?", cache_breakpoint=True)
    async with ModelServer() as server:
        await ask_all(server, claude(server.url), Ask((SYSTEM, short, TASK)))
    assert find_marked(server.log[0].body) == []


async def test_what_nobody_reads_again_is_not_marked() -> None:
    async with ModelServer() as server:
        await ask_all(server, claude(server.url), Ask((SYSTEM, Part("user", LONG), TASK)))
    assert find_marked(server.log[0].body) == []


async def test_pictures_stand_before_the_mark() -> None:
    picture = Image("cat.png", "image/png", "QUJD")
    asked = Part("user", LONG, images=(picture,), cache_breakpoint=True)
    async with ModelServer() as server:
        server.tell(error(400), path="/v1/messages")
        model = Model("m", "anthropic/claude-sonnet-4-5", "M", "anthropic", "k", server.url, price=PRICE, sees=True)
        async with open_speaker(model, retries=RetrySettings(tries=1)) as speaker:
            await hear(speaker.speak(SEAT, Ask((SYSTEM, asked, TASK))))
    [message] = server.log[0].body["messages"]
    assert [piece["type"] for piece in message["content"]] == ["image", "text", "text"]
    assert ["cache_control" in piece for piece in message["content"]] == [False, True, False]


async def test_others_keep_by_themselves_and_are_told_nothing() -> None:
    async with ModelServer() as server:
        model = Model("m", "openai/gpt-4o", "M", "openai", api_key="k", api_base=f"{server.url}/v1", price=PRICE)
        _, second = await ask_all(server, model, FIRST, SECOND)
    assert all(isinstance(message["content"], str) for seen in server.log for message in seen.body["messages"])
    assert second.usage
    assert second.usage.cached >= 1_024
    assert second.usage.written == 0


async def test_openrouter_passes_the_mark_on() -> None:
    async with ModelServer() as server:
        server.tell(error(400), path=CHAT)
        name = "openrouter/anthropic/claude-sonnet-4.5"
        model = Model("m", name, "M", "openrouter@x", api_key="k", api_base=f"{server.url}/v1", price=PRICE)
        async with open_speaker(model, retries=RetrySettings(tries=1)) as speaker:
            await hear(speaker.speak(SEAT, SECOND))
    assert [text.strip() for text in find_marked(server.log[0].body)] == [OTHERS.text]


async def test_bedrock_has_a_mark_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION_NAME"):
        monkeypatch.setenv(name, "us-east-1")
    async with ModelServer() as server:
        name = "bedrock/anthropic.claude-sonnet-4-5-20250929-v1:0"
        model = Model("m", name, "M", "bedrock@x", api_base=server.url, price=PRICE)
        async with open_speaker(model, retries=RetrySettings(tries=1)) as speaker:
            await hear(speaker.speak(SEAT, FIRST))
    [message] = server.log[0].body["messages"]
    assert [next(iter(piece)) for piece in message["content"]] == ["text", "cachePoint", "text"]


@pytest.mark.parametrize(
    ("litellm", "needs"),
    [
        ("anthropic/claude-sonnet-4-5", True),
        ("claude-opus-4-5", True),
        ("bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0", True),
        ("vertex_ai/claude-sonnet-4-5", True),
        ("openrouter/anthropic/claude-sonnet-4.5", True),
        ("anthropic/claude-that-nobody-prices", False),
        ("openai/gpt-5", False),
        ("gemini/gemini-2.5-pro", False),
    ],
)
def test_who_is_told(litellm: str, *, needs: bool) -> None:
    assert needs_breakpoints(resolve_models({"m": ModelSettings(litellm=litellm)})["m"]) is needs


def test_where_nobody_knows_what_keeping_costs_nothing_is_kept() -> None:
    """Or it would cost more than is shown, and more than limits hold for it."""
    assert needs_breakpoints(claude("http://x"))
    assert not needs_breakpoints(claude("http://x", Price(3.0, 15.0, "settings")))
    assert not needs_breakpoints(claude("http://x", None))
