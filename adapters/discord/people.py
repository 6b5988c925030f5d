"""People of Discord as Moot's persons, and the permissions that the bot needs where they ask."""

from __future__ import annotations

from typing import Any

import discord

from adapters.discord.permissions import missing_permissions
from bot.actions.permissions import Person
from bot.errors import Refused

Channel = Any  # discord.py's many kinds of channels


def make_person(user: discord.abc.User, guild_id: int | None, rights: discord.Permissions) -> Person:
    """Return a user as a person. `rights`: theirs in the channel.

    In a direct message each person is a server of their own, so that nobody sees the runs of others.
    """
    server = f"discord:{guild_id}" if guild_id else f"discord:@{user.id}"
    roles = [role for role in getattr(user, "roles", ()) if not role.is_default()]
    return Person(
        key=f"discord:{user.id}",
        name=user.display_name,
        server=server,
        moderator=rights.manage_messages or rights.administrator,
        roles=frozenset(word for role in roles for word in (str(role.id), role.name)),
    )


def channel_words(channel: Channel) -> tuple[str, ...]:
    """Return id and name of a channel and, for a thread, of its parent."""
    around = (channel, getattr(channel, "parent", None))
    return tuple(word for c in around if c is not None for word in (str(c.id), str(getattr(c, "name", ""))) if word)


def require_permissions(granted: discord.Permissions, channel: Channel) -> None:
    """Raise Refused, naming the permissions, if some are missing without which a channel can hold no run."""
    lacking = [p for p in missing_permissions(granted) if p.needed]
    if isinstance(channel, discord.Thread):
        lacking = [p for p in lacking if p.flag != "create_public_threads"]
    if lacking:
        names = ", ".join(f"“{p.label}”" for p in lacking)
        raise Refused(f"I lack {names} in this channel: somebody who manages it can grant that to my role.")
