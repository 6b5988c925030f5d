"""The environment's proxy: Discord and attached files are reached by it, hosts nearby and those of NO_PROXY are not."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import suppress

import aiohttp
import discord
import pytest
from pydantic import SecretStr

from adapters.common.downloads import download
from adapters.discord.api import Rest
from adapters.discord.client import make_client
from bot.live.budget import Budgets, TokenBucket
from bot.network import find_proxy
from bot.ports.surface import SurfaceError
from bot.settings.platforms import DiscordSettings
from tests.servers.model_server import ModelServer

NAMES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture
async def proxy(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ModelServer]:
    for name in NAMES:
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.delenv(name, raising=False)
    async with ModelServer() as server:
        monkeypatch.setenv("http_proxy", server.url)
        yield server


def list_hosts(proxy: ModelServer) -> set[str]:
    return {request.headers["Host"] for request in proxy.log}


async def test_discord_is_reached_by_it(proxy: ModelServer) -> None:
    settings = DiscordSettings(token=SecretStr("t"), api_base="http://discord.example/api/v10")
    client = make_client(settings, Rest(Budgets(lambda name, started: TokenBucket(1, 1), 0.0), lambda: 0.0))
    async with client:
        with suppress(discord.HTTPException):  # the proxy knows nothing of Discord
            await client.login("t")
    assert list_hosts(proxy) == {"discord.example"}


async def test_attached_files_are_fetched_by_it_unless_they_are_nearby(proxy: ModelServer) -> None:
    async with ModelServer() as near, aiohttp.ClientSession() as session:
        for address in ("http://files.example", near.url):
            with suppress(SurfaceError):
                await download(session, f"{address}/a.txt", size=0, max_bytes=100)
        assert len(near.log) == 1
    assert list_hosts(proxy) == {"files.example"}


@pytest.mark.parametrize(
    ("variables", "address", "found"),
    [
        ({"https_proxy": "http://p:1"}, "https://discord.com/api", "http://p:1"),
        ({"HTTPS_PROXY": "http://p:1"}, "https://discord.com/api", "http://p:1"),
        ({"all_proxy": "http://p:1"}, "https://discord.com/api", "http://p:1"),
        ({"https_proxy": "http://p:1", "no_proxy": ".discord.com,discord.com"}, "https://discord.com/api", None),
        ({"https_proxy": "http://p:1"}, "https://192.168.1.1/api", None),
        ({"https_proxy": "socks5://p:1"}, "https://discord.com/api", None),
        ({"https_proxy": "nonsense"}, "https://discord.com/api", None),
        ({"https_proxy": ""}, "https://discord.com/api", None),
    ],
)
async def test_which_proxy_leads_to_an_address(
    proxy: ModelServer, monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], address: str, found: str | None
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert find_proxy(address) == found
