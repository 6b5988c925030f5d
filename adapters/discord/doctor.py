"""What can be wrong with Discord, and the bot's application id: asked over REST alone, without connecting."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

import aiohttp
import discord

from adapters.discord.api import UNANSWERED, at
from adapters.discord.permissions import MESSAGE_CONTENT, SERVER_MEMBERS, Intent, missing
from bot.doctor import Check, Finding, check_clock
from bot.errors import Misconfigured
from bot.ports import Clock
from bot.settings import DiscordSettings

_TIMEOUT_S = 20.0  # for all answers together; discord.py tries again by itself meanwhile
_PAGE = 200  # servers: https://discord.com/developers/docs/resources/user#get-current-user-guilds
_MOST_NAMED = 20  # servers that are told of one by one

_PORTAL = "discord.com/developers/applications → your application →"
_NEW_TOKEN = f"{_PORTAL} Bot → Reset Token makes a new one; put it into MOOT_DISCORD__TOKEN in .env."


@dataclass(frozen=True, slots=True)
class _Guild:
    name: str
    granted: discord.Permissions


def check(settings: DiscordSettings, now: Clock) -> Check:
    """Token, application, intents, servers with their permissions, and this machine's clock."""
    return Check("discord", partial(_findings, settings, now))


async def application_id(settings: DiscordSettings) -> tuple[int, bool]:
    """The application's id, and whether Discord told it; where it cannot be asked the id is read from the token.

    Raises Misconfigured when the token is refused or is none.
    """
    try:
        async with _logged_in(settings) as (client, _):
            return _application_of(client).id, True
    except discord.LoginFailure:
        raise Misconfigured(f"discord.token: Discord refuses it. {_NEW_TOKEN}") from None
    except UNANSWERED:
        return _id_in(settings.token.get_secret_value()), False


def _id_in(token: str) -> int:
    """A token begins with the bot's user id in Base64; an application made since 2016 has the same id."""
    head = token.strip().partition(".")[0]
    try:
        return int(base64.urlsafe_b64decode(head + "=" * (-len(head) % 4)))
    except ValueError:
        raise Misconfigured(f"discord.token: this is no bot token. {_NEW_TOKEN}") from None


async def _findings(settings: DiscordSettings, now: Clock) -> list[Finding]:
    try:
        async with _logged_in(settings) as (client, dated):
            skew = check_clock(dated.date, now())
            guilds = [guild async for guild in _pages(client)]
            application = _application_of(client)
    except discord.LoginFailure:
        return [Finding("discord token", "broken", "Discord refuses it", _NEW_TOKEN)]
    except UNANSWERED as error:
        remedy = "Look at this machine's network, at discord.api_base, and at discordstatus.com."
        return [Finding("discord", "broken", _silence(error), remedy)]
    return [
        Finding("discord token", "ok", f"valid: {application.name} ({application.id})"),
        *_portal(application),
        *_intents(application.flags, settings),
        *_guilds(guilds),
        *skew,
    ]


def _silence(error: BaseException) -> str:
    """Why nothing is known; the libraries' own texts may quote a request."""
    match error:
        case TimeoutError():
            return f"no answer in {_TIMEOUT_S:.0f} s"
        case discord.HTTPException():
            return f"it answered with status {error.status}"
        case _:
            return f"it cannot be reached ({type(error).__name__})"


@dataclass(slots=True)
class _Dated:
    """The `Date` header of the newest answer."""

    date: str | None = None

    async def note(self, _: aiohttp.ClientSession, __: object, end: aiohttp.TraceRequestEndParams) -> None:
        self.date = end.response.headers.get("Date")


@asynccontextmanager
async def _logged_in(settings: DiscordSettings) -> AsyncIterator[tuple[discord.Client, _Dated]]:
    """A client for REST, never connected to the gateway. Raises LoginFailure for a token that is refused or cannot be
    one, and what stands in `UNANSWERED`.
    """
    token = settings.token.get_secret_value().strip()
    if not token.isascii() or not token.isprintable():
        raise discord.LoginFailure("no header can carry it")
    dated, trace = _Dated(), aiohttp.TraceConfig()
    trace.on_request_end.append(dated.note)
    at(settings.api_base, settings.gateway_url)
    async with (
        asyncio.timeout(_TIMEOUT_S),
        discord.Client(intents=discord.Intents.none(), http_trace=trace) as client,
    ):
        await client.login(token)
        yield client, dated


def _application_of(client: discord.Client) -> discord.AppInfo:
    assert client.application is not None, "login has asked for it"
    return client.application


async def _pages(client: discord.Client) -> AsyncIterator[_Guild]:
    """All servers. `Client.fetch_guilds` would drop the bot's permissions, which come with each (without overwrites
    of single channels)."""
    after = 0
    while True:
        page = await client.http.get_guilds(_PAGE, after=after, with_counts=False)
        for guild in page:
            yield _Guild(guild["name"], discord.Permissions(int(guild["permissions"])))
        if len(page) < _PAGE:
            return
        after = int(page[-1]["id"])


def _portal(application: discord.AppInfo) -> list[Finding]:
    """Switches in the portal that keep a bot from working though its token is good."""
    found = []
    if application.interactions_endpoint_url:
        deaf = "Interactions Endpoint URL is set: commands and buttons go there and never reach the bot"
        found.append(Finding("discord application", "broken", deaf, f"{_PORTAL} General Information: empty it."))
    if application.bot_require_code_grant:
        barred = "Requires OAuth2 Code Grant is on: nobody can invite the bot"
        found.append(Finding("discord application", "warning", barred, f"{_PORTAL} Bot: switch it off."))
    return found


def _intents(flags: discord.ApplicationFlags, settings: DiscordSettings) -> list[Finding]:
    content = flags.gateway_message_content or flags.gateway_message_content_limited
    found = [_intent(MESSAGE_CONTENT, "listen", granted=content, wanted=settings.listen)]
    if settings.members:
        known = flags.gateway_guild_members or flags.gateway_guild_members_limited
        found.append(_intent(SERVER_MEMBERS, "members", granted=known, wanted=True))
    return found


def _intent(intent: Intent, setting: str, *, granted: bool, wanted: bool) -> Finding:
    if granted:
        return Finding("discord intents", "ok", f"{intent.label} is on")
    if not wanted:
        return Finding("discord intents", "ok", f"{intent.label} is off, and not needed without discord.{setting}")
    refused = f"discord.{setting} needs the {intent.label}, which is off: the gateway will refuse the bot"
    return Finding("discord intents", "broken", refused, f"{_PORTAL} Bot: switch it on, or set {setting} = false.")


def _guilds(guilds: Sequence[_Guild]) -> list[Finding]:
    """A finding for each server where something is missing, and one for all others."""
    if not guilds:
        return [Finding("discord servers", "warning", "the bot is in none", "`moot invite discord` prints the link.")]
    lacking = [found for guild in guilds for found in _lacking(guild)]
    shown = lacking[:_MOST_NAMED]
    if rest := len(lacking) - len(shown):
        shown.append(Finding("discord servers", "warning", f"{rest} more lack permissions", "Mend those above first."))
    if fine := len(guilds) - len(lacking):
        shown.insert(0, Finding("discord servers", "ok", f"{fine} of {len(guilds)} grant all permissions"))
    return shown


def _lacking(guild: _Guild) -> Iterable[Finding]:
    if lacks := missing(guild.granted):
        means = "; ".join(f"without {p.label} {p.without}" for p in lacks)
        labels = ", ".join(p.label for p in lacks)
        remedy = f"Server Settings → Roles → the bot's role → Permissions: {labels}. Or invite it again."
        yield Finding(f"discord {guild.name}", "broken" if any(p.needed for p in lacks) else "warning", means, remedy)
