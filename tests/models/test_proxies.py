"""A proxy in the environment: what goes to this machine or a private network never passes it by itself."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import NamedTuple

import pytest
from aiohttp.test_utils import unused_port

from bot.models.catalogue import Model
from bot.models.errors import ProviderError
from bot.models.listing import fetch_available
from bot.models.local import discover_servers
from bot.models.search import resolve_searcher
from bot.settings.settings import RetrySettings, SearchSettings
from tests.servers.model_server import ModelServer, answer, model_list
from tests.support.answers import ASK, SEAT, hear, make_model, open_speaker

VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")
ONCE = RetrySettings(tries=1)


class Ways(NamedTuple):
    """An endpoint on this machine, and the proxy that the environment names."""

    server: ModelServer
    proxy: ModelServer


@pytest.fixture
async def ways(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Ways]:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    async with ModelServer() as server, ModelServer() as proxy:
        for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.setenv(name, proxy.url)
        yield Ways(server, proxy)


@pytest.mark.parametrize(
    "litellm",
    [
        "hosted_vllm/x",
        "openai/x",
        "lm_studio/x",
        "ollama_chat/x",
        "ollama/x",
        "cohere/x",
        "cohere_chat/x",
        "huggingface/x",
        "anthropic/x",
        "gemini/x",
        "mistral/x",
        "openrouter/x",
        "openai/responses/gpt-5-pro",
    ],
)
async def test_a_model_nearby_is_asked_directly(ways: Ways, litellm: str) -> None:
    model = Model("m", litellm, "M", litellm.partition("/")[0], api_key="k", api_base=f"{ways.server.url}/v1")
    async with open_speaker(model, retries=ONCE) as made:
        heard = await hear(made.speak(SEAT, ASK))
    assert ways.server.log, heard.error
    assert not ways.proxy.log


@pytest.mark.parametrize(
    "value",
    [
        "socks5://127.0.0.1:{port}",
        "socks://127.0.0.1:{port}",
        "127.0.0.1:{port}",
        "https://127.0.0.1:{port}",
        "nonsense",
    ],
)
@pytest.mark.parametrize("name", VARIABLES)
async def test_no_value_of_these_variables_is_in_the_way(
    ways: Ways, monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value.format(port=unused_port()))
    monkeypatch.setenv(name.lower(), value.format(port=unused_port()))
    ways.server.tell(answer("Tabs."))
    for prefix in ("hosted_vllm", "openai"):
        async with open_speaker(make_model(ways.server.url, prefix)) as made:
            assert (await hear(made.speak(SEAT, ASK))).text == "Tabs."


async def test_a_search_nearby_is_asked_directly(ways: Ways) -> None:
    found = resolve_searcher(SearchSettings(provider="searxng", api_base=ways.server.url), {})
    assert found
    model, seat = found
    async with open_speaker(model, retries=ONCE) as made:
        await hear(made.speak(seat, replace(ASK, query="tabs")))
    assert ways.server.log
    assert not ways.proxy.log


async def test_servers_are_looked_for_directly(ways: Ways) -> None:
    ways.server.tell(model_list("m"), path="/v1/models")
    [found] = await discover_servers([int(ways.server.url.rpartition(":")[2])])
    assert await fetch_available(found.models[0]) == ["hosted_vllm/m"]
    assert not ways.proxy.log


async def test_a_setting_sends_it_through_the_proxy(ways: Ways) -> None:
    model = replace(make_model("http://10.1.2.3:9"), proxy=True)
    ways.proxy.tell(answer("By the proxy."))
    async with open_speaker(model) as made:
        heard = await hear(made.speak(SEAT, ASK))
    with contextlib.suppress(ProviderError):
        await fetch_available(model)
    assert heard.text == "By the proxy."
    assert {request.headers["Host"] for request in ways.proxy.log} == {"10.1.2.3:9"}
    assert {request.path for request in ways.proxy.log} == {"/v1/chat/completions", "/v1/models"}


async def test_what_is_not_nearby_takes_the_proxy(ways: Ways) -> None:
    model = make_model("http://rented.example")
    ways.proxy.tell(answer("By the proxy."))
    async with open_speaker(model) as made:
        assert (await hear(made.speak(SEAT, ASK))).text == "By the proxy."
    with contextlib.suppress(ProviderError):
        await fetch_available(model)
    assert {request.headers["Host"] for request in ways.proxy.log} == {"rented.example"}
