"""Messages and typed text read with names in place of ids, looked up as far as the writer may know them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import discord

from adapters.common.quotes import Content, one_line
from adapters.common.recent import RecentDict
from adapters.discord.api import CALL_ERRORS
from adapters.discord.places import Channel
from adapters.discord.reader import DiscordNames, find_mentions, message_texts, quote_raw, read_content, read_raw

LOOKUPS = 10  # of people whom nothing here knows yet, for one message
KEPT_S, KEPT = 600.0, 5_000  # of people who were looked up

Json = Mapping[str, Any]


class DiscordReader:
    """A reader with look-ups of names: among what Discord sent along, in the cache, and at last by a call."""

    def __init__(self, client: discord.Client) -> None:
        self._client = client
        self._fetched: RecentDict[tuple[int, int], str] = RecentDict(size=KEPT, age_s=KEPT_S)  # guild, user → name

    async def read_message(self, raw: Json, channel: Channel, writer: discord.abc.User) -> Content:
        """Return what a message, given as Discord's JSON, holds."""
        known = _known_people(raw.get("mentions") or (), {})
        return read_raw(raw, await self._find_names(message_texts(raw), channel, writer, known))

    async def quote(self, raw: Json, channel: Channel, reader: discord.abc.User) -> Content:
        """Return what a message holds as a quotation; `reader` is the person who quotes it."""
        known = _known_people(raw.get("mentions") or (), {})
        return quote_raw(raw, await self._find_names(message_texts(raw), channel, reader, known))

    async def read_values(
        self, values: Mapping[str, Any], channel: Channel, writer: discord.abc.User, resolved: Json
    ) -> dict[str, Any]:
        """Return what somebody has typed into options or a form; `resolved` is what Discord sent along."""
        known = _known_people(resolved.get("users", {}).values(), resolved.get("members", {}))
        typed = [value for value in values.values() if isinstance(value, str)]
        names = await self._find_names(typed, channel, writer, known)
        return {key: read_content(value, names) if isinstance(value, str) else value for key, value in values.items()}

    async def _find_names(
        self, texts: Iterable[str], channel: Channel, writer: discord.abc.User, known: Mapping[int, str]
    ) -> DiscordNames:
        """Return the names of all that texts mention; `known` are people by id whom Discord named along with them.

        A channel is named if the writer can see it.
        """
        ids = find_mentions(texts)
        guild: discord.Guild | None = getattr(channel, "guild", None)
        roles = {i: role.name for i in ids.roles if guild and (role := guild.get_role(i))}
        channels = {i: name for i in ids.channels if (name := _channel_name(guild, i, channel, writer))}
        users = dict(known)
        left = LOOKUPS
        for number in ids.users:
            name = self._cached_name(guild, number) or users.get(number, "")
            if not name and left:
                left -= 1
                name = await self._fetch(guild, number)
            if name:
                users[number] = name
        return DiscordNames(
            {i: one_line(n) for i, n in users.items()},
            {i: one_line(n) for i, n in roles.items()},
            {i: one_line(n) for i, n in channels.items()},
        )

    def _cached_name(self, guild: discord.Guild | None, number: int) -> str:
        user = (guild.get_member(number) if guild else None) or self._client.get_user(number)
        return user.display_name if user else self._fetched.get((guild.id if guild else 0, number)) or ""

    async def _fetch(self, guild: discord.Guild | None, number: int) -> str:
        try:
            user = await (guild.fetch_member(number) if guild else self._client.fetch_user(number))
        except CALL_ERRORS:
            return ""
        return self._fetched.put((guild.id if guild else 0, number), user.display_name)


def _channel_name(guild: discord.Guild | None, number: int, here: Channel, writer: discord.abc.User) -> str:
    if number == here.id:
        return str(getattr(here, "name", ""))
    found = guild.get_channel_or_thread(number) if guild else None
    if found is None or not isinstance(writer, discord.Member) or not found.permissions_for(writer).view_channel:
        return ""
    if isinstance(found, discord.Thread) and found.is_private() and not found.permissions_for(writer).manage_threads:
        return ""
    return found.name


def _known_people(users: Iterable[Json], members: Mapping[str, Json]) -> dict[int, str]:
    """Return the names of people whom Discord sent along, by id. `members` have nicknames."""
    found = {int(user["id"]): str(user.get("global_name") or user.get("username") or "") for user in users}
    return found | {int(i): str(member["nick"]) for i, member in members.items() if member.get("nick")}
