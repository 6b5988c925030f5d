"""A proxy in the environment: it takes what goes to Slack, never what goes to an address on a private network."""

from __future__ import annotations

from collections.abc import AsyncIterator

import aiohttp
import pytest

from adapters.slack.api import Api
from bot.ports.surface import SurfaceError
from tests.servers.model_server import ModelServer
from tests.support.slack_app import StartApp, wait_until

VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "WS_PROXY", "WSS_PROXY")


@pytest.fixture
async def proxy(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[ModelServer]:
    async with ModelServer() as proxy:
        for name in VARIABLES:
            monkeypatch.setenv(name, proxy.url)
            monkeypatch.setenv(name.lower(), proxy.url)
        for name in ("NO_PROXY", "no_proxy"):
            monkeypatch.delenv(name, raising=False)
        yield proxy


@pytest.mark.parametrize("http", [False, True], ids=["sockets", "HTTP"])
async def test_a_slack_nearby_is_reached_directly(start_app: StartApp, proxy: ModelServer, http: bool) -> None:
    """From the connection over a command, a message with a file and a refusal to the last of its messages."""
    app = await start_app(http=http)
    await app.ask()
    await app.ask("")
    notes = [("notes.txt", b"Milk first.")]
    await (await app.server.people.say(app.ann.id, app.hall.id, "Tea?", mention=True, files=notes))
    await wait_until(lambda: len(app.speaker.asked) >= 4)
    await app.wait_until_over()
    assert "Milk first." in str([ask for _, ask in app.speaker.asked])
    assert proxy.log == []


@pytest.mark.parametrize("host", ["slack.example", "10.1.2.3", "slack.internal"])
async def test_only_what_leaves_the_private_network_takes_the_proxy(proxy: ModelServer, host: str) -> None:
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(connect=0.5)) as session:
        client = Api(session, f"http://{host}:9/api/").client("xoxb-1")
        if host != "slack.example":
            assert client.proxy is None
            return
        with pytest.raises(SurfaceError):
            await Api(session, f"http://{host}:9/api/").call_with_token("xoxb-1", "auth.test")
    assert [(seen.path, seen.headers["Host"]) for seen in proxy.log] == [("/api/auth.test", "slack.example:9")]
