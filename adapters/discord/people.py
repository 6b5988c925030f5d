"""Who somebody on Discord is to Moot, and what the bot may do where they ask."""

from __future__ import annotations

from typing import Any

import discord

from adapters.discord.permissions import missing
from bot.actions.permissions import Person
from bot.errors import Refused

Channel = Any  # discord.py's many kinds of channels


def person(user: discord.abc.User, guild_id: int | None, rights: discord.Permissions) -> Person:
    """`rights`: theirs in the channel. In a direct message each is their own server, so that nobody sees another's."""
    server = f"discord:{guild_id}" if guild_id else f"discord:@{user.id}"
    roles = [role for role in getattr(user, "roles", ()) if not role.is_default()]
    return Person(
        key=f"discord:{user.id}",
        name=user.display_name,
        server=server,
        moderator=rights.manage_messages or rights.administrator,
        roles=frozenset(word for role in roles for word in (str(role.id), role.name)),
    )


def channels(channel: Channel) -> tuple[str, ...]:
    """The channel and, for a thread, its parent: by id and by name."""
    around = (channel, getattr(channel, "parent", None))
    return tuple(word for c in around if c is not None for word in (str(c.id), str(getattr(c, "name", ""))) if word)


def check_bot(granted: discord.Permissions, channel: Channel) -> None:
    """Raises Refused, naming the permissions without which no run can be held in a channel of a server."""
    lacking = [p for p in missing(granted) if p.needed]
    if isinstance(channel, discord.Thread):
        lacking = [p for p in lacking if p.flag != "create_public_threads"]
    if lacking:
        names = ", ".join(f"“{p.label}”" for p in lacking)
        raise Refused(f"I lack {names} in this channel: somebody who manages it can grant that to my role.")
