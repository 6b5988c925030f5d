"""People of Discord as Moot's persons, and the permissions that the bot needs where they ask."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import discord

from adapters.discord.memberships import DIRECT, Memberships, role_words
from adapters.discord.permissions import missing_permissions
from adapters.discord.places import Channel, Places, may_write
from bot.actions.permissions import Person, require_admitted
from bot.errors import Refused
from bot.settings.platforms import ServerSettings


class Admissions:
    """The people who may use the bot: of servers that are allowed, and not denied there."""

    def __init__(self, places: Places, memberships: Memberships, rules: Callable[[str], ServerSettings]) -> None:
        self._places = places
        self._memberships = memberships
        self._rules = rules

    async def find_person(
        self, user: discord.abc.User, channel: Channel, guild: int | None, granted: discord.Permissions
    ) -> Person:
        """Return a user as a person who acts in a channel. Raises Refused for those who may not use the bot.

        `granted`: their permissions there. In a direct message each person is a server of their own, so that nobody
        sees the runs of others; the rules of the servers that they share with the bot hold.
        """
        if guild is None:
            shared = await self._memberships.find_shared(user.id)
            server = f"{DIRECT}{user.id}"
            key, where = f"discord:{user.id}", str(channel.id)
            person = Person(key, user.display_name, server, manager=False, channel=where, shared=shared)
        else:
            self._memberships.require_allowed(guild)
            person = make_person(user, guild, granted, channel)
        for member in person.as_members():
            require_admitted(member, self._rules(member.server))
        return replace(person, rights_at=partial(self._places.find_rights, user=user, here=channel, granted=granted))


def make_person(user: discord.abc.User, guild: int, granted: discord.Permissions, channel: Channel) -> Person:
    """Return a user as a person in a server. `granted`: their permissions in the channel."""
    whole = user.guild_permissions if isinstance(user, discord.Member) else discord.Permissions.none()
    return Person(
        key=f"discord:{user.id}",
        name=user.display_name,
        server=f"discord:{guild}",
        moderator=granted.manage_messages or granted.administrator,
        roles=role_words(user),
        manager=whole.manage_guild or whole.administrator,
        channel=str(_find_parent(channel).id),
        may_write=may_write(channel, granted),
    )


def channel_words(channel: Channel) -> tuple[str, ...]:
    """Return id and name of a channel; for a thread its id, then those of its parent, as anybody names a thread."""
    parent = _find_parent(channel)
    words = (str(channel.id), str(parent.id), "" if isinstance(parent, discord.Thread) else getattr(parent, "name", ""))
    return tuple(dict.fromkeys(word for word in words if word))


def _find_parent(channel: Channel) -> Channel:
    """Return the channel around a thread, unless it is not known; any other channel as it is."""
    return (channel.parent or channel) if isinstance(channel, discord.Thread) else channel


def require_permissions(granted: discord.Permissions, channel: Channel) -> None:
    """Raise Refused, naming the permissions, if some are missing without which a channel can hold no run."""
    lacking = [p for p in missing_permissions(granted) if p.needed]
    if isinstance(channel, discord.Thread):
        lacking = [p for p in lacking if p.flag != "create_public_threads"]
    if lacking:
        names = ", ".join(f"“{p.label}”" for p in lacking)
        raise Refused(f"I lack {names} in this channel: somebody who manages it can grant that to my role.")
