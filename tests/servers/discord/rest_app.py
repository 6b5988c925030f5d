"""Routes of the application and the bot's account: login, commands, direct messages."""

from __future__ import annotations

from typing import Any

from tests.servers.discord import payloads
from tests.servers.discord.errors import DiscordError
from tests.servers.discord.gateway import Intent
from tests.servers.discord.routing import Call, Route, snowflake
from tests.servers.discord.world import Channel, ChannelKind, World


def gateway(call: Call) -> Any:
    return {"url": call.hub.gateway.url}


def gateway_bot(call: Call) -> Any:
    limit = {"total": 1000, "remaining": 999, "reset_after": 86_400_000, "max_concurrency": 1}
    return {"url": call.hub.gateway.url, "shards": 1, "session_start_limit": limit}


def me(call: Call) -> Any:
    return {**payloads.user(call.hub.world.bot), "verified": True, "mfa_enabled": False, "email": None, "flags": 0}


# the application's flags that tell of privileged intents, of an app in few servers
INTENT_FLAGS = {Intent.GUILD_MEMBERS: 1 << 15, Intent.MESSAGE_CONTENT: 1 << 19}


def user(call: Call) -> Any:
    return payloads.user(call.hub.world.user(call.id("user_id")))


def application(call: Call) -> Any:
    bot = call.hub.world.bot
    return {
        "id": str(bot.id),
        "name": bot.name,
        "icon": None,
        "description": "",
        "summary": "",
        "bot_public": True,
        "bot_require_code_grant": False,
        "verify_key": "00" * 32,
        "flags": sum(flag for intent, flag in INTENT_FLAGS.items() if call.hub.gateway.allowed & intent),
        "owner": payloads.user(bot),
        "team": None,
        "bot": payloads.user(bot),
    }


def commands(call: Call) -> Any:
    _require_own(call)
    return call.hub.commands.get(_guild_id(call), [])


def put_commands(call: Call) -> Any:
    """Replace all commands; one with the same name and type keeps its id."""
    _require_own(call)
    guild = _guild_id(call)
    old = {(c["name"], c["type"]): c["id"] for c in call.hub.commands.get(guild, [])}
    call.hub.commands[guild] = [_register_command(call, definition, guild, old) for definition in call.body]
    return call.hub.commands[guild]


def _register_command(call: Call, definition: dict[str, Any], guild: int | None, old: dict[Any, str]) -> dict[str, Any]:
    kind = definition.get("type") or 1
    number = old.get((definition["name"], kind)) or str(call.hub.world.new_id())
    rights = definition.get("default_member_permissions")
    return {
        "description": "",
        "dm_permission": True,
        "nsfw": False,
        **definition,
        "id": number,
        "type": kind,
        "application_id": str(call.me),
        "version": str(call.hub.world.new_id()),
        "default_member_permissions": None if rights is None else str(rights),
        **({} if guild is None else {"guild_id": str(guild)}),
    }


def open_direct_channel(call: Call) -> Any:
    """Open a direct channel with a person; it is the same channel every time."""
    world = call.hub.world
    person = world.user(snowflake(str(call.body["recipient_id"]), "recipient_id"))
    if person.bot:
        raise DiscordError(400, 50007, "Cannot send messages to this user")
    return payloads.channel(world, open_dm(call.hub.world, person.id))


def open_dm(world: World, user_id: int) -> Channel:
    """Return the bot's DM with this person, opened where there is none."""
    for channel in world.channels.values():
        if channel.kind is ChannelKind.DM and user_id in channel.member_ids:
            return channel
    channel = Channel(world.new_id(), ChannelKind.DM, "", member_ids=[world.bot.id, user_id])
    world.channels[channel.id] = channel
    return channel


def leave(call: Call) -> Any:
    call.hub.world.guild(call.id("guild_id")).members.pop(call.me)
    return None


def _require_own(call: Call) -> None:
    if call.id("application_id") != call.me:
        raise DiscordError(403, 20012, "You are not authorized to perform this action on this application")


def _guild_id(call: Call) -> int | None:
    return call.hub.world.guild(call.id("guild_id")).id if "guild_id" in call.path else None


_COMMANDS = "/applications/{application_id}/commands"
_GUILD_COMMANDS = "/applications/{application_id}/guilds/{guild_id}/commands"

ROUTES = (
    Route("GET", "/gateway", gateway, by_token=True),
    Route("GET", "/gateway/bot", gateway_bot),
    Route("GET", "/users/@me", me),
    Route("GET", "/users/{user_id}", user),
    Route("GET", "/applications/@me", application),
    Route("GET", "/oauth2/applications/@me", application),
    Route("GET", _COMMANDS, commands),
    Route("PUT", _COMMANDS, put_commands),
    Route("GET", _GUILD_COMMANDS, commands),
    Route("PUT", _GUILD_COMMANDS, put_commands),
    Route("POST", "/users/@me/channels", open_direct_channel),
    Route("DELETE", "/users/@me/guilds/{guild_id}", leave),
)
