"""A check of Slack's settings, without connecting: tokens, and their scopes against the manifest."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

import aiohttp

from adapters.slack.api import Api, Denied
from adapters.slack.scopes import wanted_scopes
from bot.doctor import Check, Finding, check_clock
from bot.ports.process import Clock
from bot.ports.surface import SurfaceError
from bot.settings.platforms import SlackSettings

_TIMEOUT_S = 20.0  # for all answers together
_APP = "api.slack.com/apps → your app →"
_NEW_TOKEN = f"{_APP} OAuth & Permissions shows the bot's token; put it into MOOT_SLACK__BOT_TOKEN in .env."
_NEW_APP_TOKEN = (
    f"{_APP} Basic Information → App-Level Tokens: make one with connections:write; MOOT_SLACK__APP_TOKEN in .env."
)
_NETWORK = "Look at this machine's network, at slack.api_base, and at slack-status.com."
_REINSTALL = f"{_APP} App Manifest: paste what `moot manifest slack` prints, then reinstall the app."


def slack_check(settings: SlackSettings, now: Clock) -> Check:
    """Return the check of tokens, granted scopes, Socket Mode and this machine's clock."""
    return Check("slack", partial(_examine, settings, now))


async def _examine(settings: SlackSettings, now: Clock) -> list[Finding]:
    async with _open_api(settings) as api:
        found: list[Finding] = []
        if settings.bot:
            found += await _check_bot(api, settings, now)
        else:
            found.append(Finding("slack token", "ok", "by OAuth: each workspace brings its own"))
            if settings.allow == "everyone":
                means = "every workspace that installs the app is answered"
                found.append(Finding("slack allow", "warning", means, 'Set slack.allow = ["T…"] to your workspaces.'))
        if settings.mode == "socket":
            found.append(await _check_socket(api, settings))
        return found


@asynccontextmanager
async def _open_api(settings: SlackSettings) -> AsyncIterator[Api]:
    async with asyncio.timeout(_TIMEOUT_S), aiohttp.ClientSession() as session:
        yield Api(session, settings.api_base)


async def _check_bot(api: Api, settings: SlackSettings, now: Clock) -> list[Finding]:
    try:
        answer, headers = await api.call_with_headers(settings.bot, "auth.test")
    except Denied:
        return [Finding("slack token", "broken", "Slack refuses it", _NEW_TOKEN)]
    except SurfaceError as error:
        return [Finding("slack", "broken", str(error), _NETWORK)]
    token = Finding("slack token", "ok", f"valid: {answer.get('user')} in {answer.get('team')}")
    return [
        token,
        *_check_scopes(headers.get("x-oauth-scopes"), listen=settings.listen),
        *check_clock(headers.get("date"), now()),
    ]


def _check_scopes(granted: str | None, *, listen: bool) -> Sequence[Finding]:
    """Compare granted scopes with those we need. Every answer of Slack's has them in a header.

    https://docs.slack.dev/authentication/installing-with-oauth
    """
    if granted is None:
        return [Finding("slack scopes", "warning", "Slack does not tell which are granted", _REINSTALL)]
    have = {scope.strip() for scope in granted.split(",")}
    wanted = wanted_scopes(listen=listen)
    lacking = [scope for scope in wanted if scope.name not in have]
    means = "; ".join(f"{scope.name} ({scope.why})" for scope in lacking)
    if any(not scope.optional for scope in lacking):
        return [Finding("slack scopes", "broken", f"missing: {means}", _REINSTALL)]
    if lacking:
        return [Finding("slack scopes", "warning", f"all works; without {means}", _REINSTALL)]
    if surplus := sorted(have - {scope.name for scope in wanted}):
        return [Finding("slack scopes", "warning", f"not needed: {', '.join(surplus)}", _REINSTALL)]
    return [Finding("slack scopes", "ok", "as in the manifest")]


async def _check_socket(api: Api, settings: SlackSettings) -> Finding:
    try:
        await api.call_with_token(settings.app, "apps.connections.open")
    except Denied:
        return Finding("slack app token", "broken", "Slack refuses it", _NEW_APP_TOKEN)
    except SurfaceError as error:
        return Finding("slack app token", "broken", str(error), _NETWORK)
    return Finding("slack app token", "ok", "valid: Socket Mode can be used")
