"""What can be wrong with Slack: tokens, and scopes against the manifest, asked without connecting."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

import aiohttp

from adapters.slack.api import Api, Denied
from adapters.slack.scopes import scopes
from bot.doctor import Check, Finding, check_clock
from bot.ports import Clock, SurfaceError
from bot.settings import SlackSettings

_TIMEOUT_S = 20.0  # for all answers together
_APP = "api.slack.com/apps → your app →"
_NEW_TOKEN = f"{_APP} OAuth & Permissions shows the bot's token; put it into MOOT_SLACK__BOT_TOKEN in .env."
_NEW_APP_TOKEN = (
    f"{_APP} Basic Information → App-Level Tokens: make one with connections:write; MOOT_SLACK__APP_TOKEN in .env."
)
_NETWORK = "Look at this machine's network, at slack.api_base, and at slack-status.com."
_REINSTALL = f"{_APP} App Manifest: paste what `moot manifest slack` prints, then reinstall the app."


def check(settings: SlackSettings, now: Clock) -> Check:
    """Tokens, granted scopes, Socket Mode and this machine's clock."""
    return Check("slack", partial(_findings, settings, now))


async def _findings(settings: SlackSettings, now: Clock) -> list[Finding]:
    async with _asking(settings) as api:
        found: list[Finding] = []
        if settings.bot:
            found += await _bot(api, settings, now)
        else:
            found.append(Finding("slack token", "ok", "by OAuth: each workspace brings its own"))
        if settings.mode == "socket":
            found.append(await _socket(api, settings))
        return found


@asynccontextmanager
async def _asking(settings: SlackSettings) -> AsyncIterator[Api]:
    async with asyncio.timeout(_TIMEOUT_S), aiohttp.ClientSession() as session:
        yield Api(session, settings.api_base)


async def _bot(api: Api, settings: SlackSettings, now: Clock) -> list[Finding]:
    try:
        said, headers = await api.asked(settings.bot, "auth.test")
    except Denied:
        return [Finding("slack token", "broken", "Slack refuses it", _NEW_TOKEN)]
    except SurfaceError as error:
        return [Finding("slack", "broken", str(error), _NETWORK)]
    token = Finding("slack token", "ok", f"valid: {said.get('user')} in {said.get('team')}")
    return [
        token,
        *_scopes(headers.get("x-oauth-scopes"), listen=settings.listen),
        *check_clock(headers.get("date"), now()),
    ]


def _scopes(granted: str | None, *, listen: bool) -> Sequence[Finding]:
    """Slack tells a token's scopes with every answer (https://docs.slack.dev/authentication/installing-with-oauth)."""
    if granted is None:
        return [Finding("slack scopes", "warning", "Slack does not tell which are granted", _REINSTALL)]
    have = {scope.strip() for scope in granted.split(",")}
    wanted = scopes(listen=listen)
    lacking = [scope for scope in wanted if scope.name not in have]
    if lacking:
        means = "; ".join(f"{scope.name} ({scope.why})" for scope in lacking)
        found = Finding("slack scopes", "broken", f"missing: {means}", _REINSTALL)
        return [found]
    if surplus := sorted(have - {scope.name for scope in wanted}):
        return [Finding("slack scopes", "warning", f"not needed: {', '.join(surplus)}", _REINSTALL)]
    return [Finding("slack scopes", "ok", "as in the manifest")]


async def _socket(api: Api, settings: SlackSettings) -> Finding:
    try:
        await api.call_with(settings.app, "apps.connections.open")
    except Denied:
        return Finding("slack app token", "broken", "Slack refuses it", _NEW_APP_TOKEN)
    except SurfaceError as error:
        return Finding("slack app token", "broken", str(error), _NETWORK)
    return Finding("slack app token", "ok", "valid: Socket Mode can be used")
