"""A check of Discord's settings, and the bot's application id: over REST alone, without connecting."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import aiohttp
import discord

from adapters.discord.api import CALL_ERRORS, set_up_library
from adapters.discord.permissions import MESSAGE_CONTENT, SERVER_MEMBERS, Intent, missing_permissions
from bot.doctor import Check, Finding, check_clock
from bot.errors import Misconfigured
from bot.network import describe_certificate_error, find_proxy
from bot.ports.process import Clock
from bot.settings.platforms import DiscordSettings
from bot.text import join_names

_TIMEOUT_S = 20.0  # for all answers together, with the retries that discord.py makes by itself
_PAGE = 200  # servers: https://discord.com/developers/docs/resources/user#get-current-user-guilds
_MAX_NAMED = 20  # further servers are only counted
# https://docs.discord.com/developers/gateway/getting-started-with-privileged-intent-review
_REVIEWED_FROM_USERS = 10_000

_PORTAL = "discord.com/developers/applications → your application →"
_NEW_TOKEN = f"{_PORTAL} Bot → Reset Token makes a new one; put it into MOOT_DISCORD__TOKEN in .env."


@dataclass(frozen=True, slots=True)
class _Guild:
    name: str
    granted: discord.Permissions
    members: int  # about so many


def discord_check(settings: DiscordSettings, now: Clock) -> Check:
    """Return the check of token, application, intents, the servers' permissions, and this machine's clock."""
    return Check("discord", partial(_examine, settings, now))


async def find_application_id(settings: DiscordSettings) -> tuple[int, bool]:
    """Return the application's id, and whether Discord confirmed it; without an answer the id is read from the token.

    Raises Misconfigured when the token is refused, or is not a token.
    """
    try:
        async with _log_in(settings) as (client, _):
            return _get_application(client).id, True
    except discord.LoginFailure:
        raise Misconfigured(f"discord.token: Discord refuses it. {_NEW_TOKEN}") from None
    except CALL_ERRORS:
        return _decode_id(settings.token.get_secret_value()), False


def _decode_id(token: str) -> int:
    """Return the application's id from a token, which begins with the bot's user id in Base64. Raises Misconfigured.

    An application made since 2016 has the same id as its bot.
    """
    head = token.strip().partition(".")[0]
    try:
        return int(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except ValueError:
        raise Misconfigured(f"discord.token: this is no bot token. {_NEW_TOKEN}") from None


async def _examine(settings: DiscordSettings, now: Clock) -> list[Finding]:
    try:
        async with _log_in(settings) as (client, dated):
            skew = check_clock(dated.date, now())
            guilds = [guild async for guild in _list_guilds(client)]
            application = _get_application(client)
    except discord.LoginFailure:
        return [Finding("discord token", "broken", "Discord refuses it", _NEW_TOKEN)]
    except CALL_ERRORS as error:
        remedy = "Look at this machine's network, at discord.api_base, and at discordstatus.com."
        return [Finding("discord", "broken", _explain(error), remedy)]
    return [
        Finding("discord token", "ok", f"valid: {application.name} ({application.id})"),
        *_check_portal(application),
        *_check_allowed(application, settings),
        *_check_intents(application.flags, settings),
        *_check_review(application.flags, settings, sum(guild.members for guild in guilds)),
        *_check_guilds(guilds),
        *skew,
    ]


def _explain(error: BaseException) -> str:
    """Return why nothing is known, without the libraries' own texts, which may quote a request."""
    match error:
        case TimeoutError():
            return f"no answer in {_TIMEOUT_S:.0f} s"
        case discord.HTTPException():
            return f"it answered with status {error.status}"
        case _:
            return f"it cannot be reached ({describe_certificate_error(error) or type(error).__name__})"


@dataclass(slots=True)
class _ResponseDate:
    """The `Date` header of the newest response."""

    date: str | None = None

    async def note(self, _: aiohttp.ClientSession, __: object, end: aiohttp.TraceRequestEndParams) -> None:
        self.date = end.response.headers.get("Date")


@asynccontextmanager
async def _log_in(settings: DiscordSettings) -> AsyncIterator[tuple[discord.Client, _ResponseDate]]:
    """Yield a client for REST that never connects to the gateway.

    Raises LoginFailure for a token that is refused, and the errors in `CALL_ERRORS`.
    """
    token = settings.token.get_secret_value().strip()
    dated, trace = _ResponseDate(), aiohttp.TraceConfig()
    trace.on_request_end.append(dated.note)
    set_up_library(settings.api_base, settings.gateway_url)
    async with (
        asyncio.timeout(_TIMEOUT_S),
        discord.Client(
            intents=discord.Intents(guilds=True), http_trace=trace, proxy=find_proxy(settings.api_base)
        ) as client,
    ):
        await client.login(token)
        yield client, dated


def _get_application(client: discord.Client) -> discord.AppInfo:
    assert client.application is not None, "login has asked for it"
    return client.application


async def _list_guilds(client: discord.Client) -> AsyncIterator[_Guild]:
    """Yield all servers with the bot's permissions, without the overwrites of single channels.

    `Client.fetch_guilds` would drop the permissions, which come with each server.
    """
    after = 0
    while True:
        page: Sequence[Any] = await client.http.get_guilds(_PAGE, after=after, with_counts=True)
        for guild in page:
            granted = discord.Permissions(int(guild["permissions"]))
            yield _Guild(guild["name"], granted, int(guild.get("approximate_member_count") or 0))
        if len(page) < _PAGE:
            return
        after = int(page[-1]["id"])


def _check_portal(application: discord.AppInfo) -> list[Finding]:
    """Return findings on switches in the portal that keep a bot from working though its token is good."""
    found = []
    if application.interactions_endpoint_url:
        deaf = "Interactions Endpoint URL is set: commands and buttons go there and never reach the bot"
        found.append(Finding("discord application", "broken", deaf, f"{_PORTAL} General Information: empty it."))
    if application.bot_require_code_grant:
        barred = "Requires OAuth2 Code Grant is on: nobody can invite the bot"
        found.append(Finding("discord application", "warning", barred, f"{_PORTAL} Bot: switch it off."))
    return found


def _check_allowed(application: discord.AppInfo, settings: DiscordSettings) -> list[Finding]:
    """Return a warning where anybody can invite the bot, and whoever does is answered at the operator's cost."""
    if not application.bot_public or settings.allow != "everyone":
        return []
    remedy = f'Set discord.allow = ["…"] to your servers\' ids, or switch Public Bot off: {_PORTAL} Bot.'
    return [Finding("discord allow", "warning", "anybody can invite the bot, and every server is answered", remedy)]


def _check_intents(flags: discord.ApplicationFlags, settings: DiscordSettings) -> list[Finding]:
    content = flags.gateway_message_content or flags.gateway_message_content_limited
    found = [_check_intent(MESSAGE_CONTENT, "listen", granted=content, wanted=settings.listen)]
    if settings.members:
        known = flags.gateway_guild_members or flags.gateway_guild_members_limited
        found.append(_check_intent(SERVER_MEMBERS, "members", granted=known, wanted=True))
    return found


def _check_intent(intent: Intent, setting: str, *, granted: bool, wanted: bool) -> Finding:
    if granted:
        return Finding("discord intents", "ok", f"{intent.label} is on")
    if not wanted:
        return Finding("discord intents", "ok", f"{intent.label} is off, and not needed without discord.{setting}")
    refused = f"discord.{setting} needs the {intent.label}, which is off: the gateway will refuse the bot"
    return Finding("discord intents", "broken", refused, f"{_PORTAL} Bot: switch it on, or set {setting} = false.")


def _check_review(flags: discord.ApplicationFlags, settings: DiscordSettings, users: int) -> list[Finding]:
    """Return what is known of Discord's review of the privileged intents that are wanted.

    `users`: the members of all servers together, who are fewer people where some are in several.
    """
    reviewed = {MESSAGE_CONTENT: flags.gateway_message_content, SERVER_MEMBERS: flags.gateway_guild_members}
    wanted = {MESSAGE_CONTENT: settings.listen, SERVER_MEMBERS: settings.members}
    labels = [intent.label for intent in wanted if wanted[intent] and not reviewed[intent]]
    if not labels:
        return []
    bound = f"from {_REVIEWED_FROM_USERS:,} users on Discord reviews the {join_names(labels)}"
    told = f"about {users:,} members in all servers; {bound}"
    if users < _REVIEWED_FROM_USERS:
        return [Finding("discord review", "ok", told)]
    remedy = f"{_PORTAL} Bot: ask for the review, which comes every year; or set listen = false and members = false."
    return [Finding("discord review", "warning", f"{told}, which has not been granted yet", remedy)]


def _check_guilds(guilds: Sequence[_Guild]) -> list[Finding]:
    """Return a finding for each server where a permission is missing, and one for all others."""
    if not guilds:
        return [Finding("discord servers", "warning", "the bot is in none", "`moot invite discord` prints the link.")]
    lacking = [found for guild in guilds for found in _check_permissions(guild)]
    shown = lacking[:_MAX_NAMED]
    if rest := len(lacking) - len(shown):
        shown.append(Finding("discord servers", "warning", f"{rest} more lack permissions", "Mend those above first."))
    if fine := len(guilds) - len(lacking):
        shown.insert(0, Finding("discord servers", "ok", f"{fine} of {len(guilds)} grant all permissions"))
    return shown


def _check_permissions(guild: _Guild) -> Iterable[Finding]:
    if lacks := missing_permissions(guild.granted):
        means = "; ".join(f"without {p.label} {p.without}" for p in lacks)
        labels = ", ".join(p.label for p in lacks)
        remedy = f"Server Settings → Roles → the bot's role → Permissions: {labels}. Or invite it again."
        yield Finding(f"discord {guild.name}", "broken" if any(p.needed for p in lacks) else "warning", means, remedy)
