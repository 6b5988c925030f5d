"""Routes of guilds, their members and roles."""

from __future__ import annotations

from typing import Any

from tests.servers.discord import errors, payloads
from tests.servers.discord.permissions import channel_permissions, guild_permissions
from tests.servers.discord.routing import Call, Route
from tests.servers.discord.world import Guild


def get(call: Call) -> Any:
    return payloads.guild(_guild(call))


def channels(call: Call) -> Any:
    return [payloads.channel(call.hub.world, c) for c in call.hub.world.channels_of(_guild(call).id) if not c.is_thread]


def active_threads(call: Call) -> Any:
    world = call.hub.world
    seen = [c for c in world.channels_of(_guild(call).id) if c.is_thread and channel_permissions(world, c, call.me)]
    return {"threads": [payloads.channel(world, c) for c in seen if not c.archived], "members": []}


def members(call: Call) -> Any:
    after, limit = int(call.query.get("after", 0)), int(call.query.get("limit", 1))
    found = [m for i, m in sorted(_guild(call).members.items()) if i > after][:limit]
    return [payloads.member(m, call.hub.world.user(m.user_id)) for m in found]


def member(call: Call) -> Any:
    found = _guild(call).members.get(call.id("user_id"))
    if found is None:
        raise errors.unknown_member()
    return payloads.member(found, call.hub.world.user(found.user_id))


def roles(call: Call) -> Any:
    return [payloads.role(r) for r in _guild(call).roles.values()]


def own_guilds(call: Call) -> Any:
    """Return a page of partial guilds, each with what the bot may do there, single channels apart."""
    after, limit = int(call.query.get("after", 0)), int(call.query.get("limit", 200))
    own = sorted((g for g in call.hub.world.guilds.values() if call.me in g.members), key=lambda g: g.id)
    is_counted = call.query.get("with_counts") in ("1", "true")
    return [
        {
            "id": str(g.id),
            "name": g.name,
            "permissions": str(int(guild_permissions(g, call.me))),
            **({"approximate_member_count": len(g.members)} if is_counted else {}),
        }
        for g in [g for g in own if g.id > after][:limit]
    ]


def _guild(call: Call) -> Guild:
    """Return a guild that the bot is in. Raises 10004 for an unknown guild and for a guild without the bot."""
    guild = call.hub.world.guild(call.id("guild_id"))
    if call.me not in guild.members:
        raise errors.unknown_guild()
    return guild


_GUILD = "/guilds/{guild_id}"

ROUTES = (
    Route("GET", "/users/@me/guilds", own_guilds),
    Route("GET", _GUILD, get),
    Route("GET", _GUILD + "/channels", channels),
    Route("GET", _GUILD + "/threads/active", active_threads),
    Route("GET", _GUILD + "/members", members),
    Route("GET", _GUILD + "/members/{user_id}", member),
    Route("GET", _GUILD + "/roles", roles),
)
