"""What the doctor finds wrong with Slack, against a server that answers as Slack does."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web

pytest.importorskip("slack_bolt", reason="slack_bolt and slack_sdk are not installed")

from cryptography.fernet import Fernet

from adapters.slack.doctor import slack_check
from adapters.slack.scopes import wanted_scopes
from bot.doctor import Finding
from bot.settings.platforms import SlackSettings

ALL = [scope.name for scope in wanted_scopes(listen=False)]


@asynccontextmanager
async def serve_slack(granted: list[str] | None = None, *, token: str = "xoxb-1", date: str = "") -> AsyncIterator[str]:
    """Serve two methods, with the headers that Slack sends with every answer; yield the API's base."""

    def answer_with(good: str) -> Callable[[web.Request], web.Response]:
        def answer(request: web.Request) -> web.Response:
            headers = {"X-OAuth-Scopes": ",".join(granted)} if granted is not None else {}
            headers |= {"Date": date} if date else {}
            if request.headers.get("Authorization") != f"Bearer {good}":
                return web.json_response({"ok": False, "error": "invalid_auth"}, headers=headers)
            return web.json_response({"ok": True, "user": "moot", "team": "acme", "url": "wss://x"}, headers=headers)

        return answer

    async def bot(request: web.Request) -> web.Response:
        return answer_with(token)(request)

    async def app(request: web.Request) -> web.Response:
        return answer_with("xapp-1")(request)

    served = web.Application()
    served.router.add_post("/api/auth.test", bot)
    served.router.add_post("/api/apps.connections.open", app)
    runner = web.AppRunner(served)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/api/"
    finally:
        await runner.cleanup()


async def find_all(api_base: str, **more: object) -> dict[str, Finding]:
    given = {"bot_token": "xoxb-1", "app_token": "xapp-1", "api_base": api_base, **more}
    return {found.what: found for found in await slack_check(SlackSettings.model_validate(given), time.time).run()}


async def test_all_is_well() -> None:
    async with serve_slack(ALL) as base:
        found = await find_all(base)
    assert {name: f.state for name, f in found.items()} == {
        "slack token": "ok",
        "slack scopes": "ok",
        "slack app token": "ok",
        "clock": "ok",
    }


async def test_tokens_that_slack_refuses() -> None:
    async with serve_slack(ALL, token="xoxb-other") as base:
        found = await find_all(base, app_token="xapp-other")
    assert (found["slack token"].state, found["slack app token"].state) == ("broken", "broken")
    assert not any("xoxb-1" in f.meaning + f.remedy or "xapp-other" in f.meaning + f.remedy for f in found.values())


async def test_scopes_are_held_against_the_manifest() -> None:
    async with serve_slack([name for name in ALL if name != "reactions:read"]) as base:
        lacking = (await find_all(base))["slack scopes"]
    assert lacking.state == "broken"
    assert "reactions:read" in lacking.meaning
    async with serve_slack([*ALL, "channels:history"]) as base:
        assert (await find_all(base))["slack scopes"].state == "warning"
        assert "channels:history" not in (await find_all(base, listen=True))["slack scopes"].meaning.split("missing")[0]
    async with serve_slack(None) as base:
        assert (await find_all(base))["slack scopes"].state == "warning"


async def test_an_app_from_before_agents_is_told_what_they_bring() -> None:
    async with serve_slack([name for name in ALL if name != "assistant:write"]) as base:
        found = (await find_all(base))["slack scopes"]
    assert (found.state, "assistant:write" in found.meaning, "stop button" in found.meaning) == ("warning", True, True)
    assert "moot manifest slack" in found.remedy


async def test_a_host_that_is_not_there() -> None:
    async with serve_slack(ALL) as base:
        pass
    found = await find_all(base)
    for what in ("slack", "slack app token"):
        assert (found[what].state, "slack.api_base" in found[what].remedy) == ("broken", True)


async def test_a_clock_that_is_wrong() -> None:
    async with serve_slack(ALL, date="Tue, 03 Mar 2020 00:00:00 GMT") as base:
        assert (await find_all(base))["clock"].state == "broken"


async def test_an_app_that_any_workspace_may_install_is_warned_of() -> None:
    key = Fernet.generate_key().decode()
    oauth = {"client_id": "1", "client_secret": "s", "signing_secret": "s", "installations_key": key, "bot_token": None}
    async with serve_slack(ALL) as base:
        found = (await find_all(base, **oauth))["slack allow"]
        assert (found.state, "slack.allow" in found.remedy) == ("warning", True)
        assert "slack allow" not in await find_all(base, **oauth, allow=["T1"])
