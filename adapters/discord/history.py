"""A search for our own messages in a place, after an answer was lost or a process was killed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import discord

from adapters.discord.api import Missing, Rest
from adapters.discord.layout import has_mark
from bot.ports.surface import Forbidden, Gone

SKEW_S = 60.0  # between our clock and Discord's, whose message ids contain the time
PAGE_SIZE, MAX_PAGES = 100, 10


class FoundMessage(NamedTuple):
    """A message that carries the mark. An answer to an interaction counts as a webhook's."""

    message: int
    by_webhook: bool


async def find_marked(rest: Rest, channel: int, mark: int, since: float) -> FoundMessage | None:
    """Return the message that carries the mark, among those sent since (wall seconds). Raises SurfaceError.

    None: there is no such message, or no such place, or we may not read it.
    """
    after = _oldest_id(since)
    for _ in range(MAX_PAGES):
        query = {"after": str(after), "limit": str(PAGE_SIZE)}
        try:
            found = await rest.call("GET", "/channels/{channel_id}/messages", query=query, channel_id=channel)
        except (Forbidden, Gone, Missing):
            return None
        messages: Sequence[Mapping[str, Any]] = found["list"]
        for raw in messages:
            if has_mark(raw, mark):
                return FoundMessage(int(raw["id"]), by_webhook="webhook_id" in raw)
        if len(messages) < PAGE_SIZE:
            return None
        after = max(int(raw["id"]) for raw in messages)
    return None


async def find_forum_posts(rest: Rest, guild: int, forum: int, name: str, since: float) -> list[int]:
    """Return the posts of that name that were made in a forum since (wall seconds). Raises SurfaceError."""
    found = await rest.call("GET", "/guilds/{guild_id}/threads/active", guild_id=guild)
    mine = (t for t in found["threads"] if t["parent_id"] == str(forum) and t["name"] == name)
    return [int(thread["id"]) for thread in mine if int(thread["id"]) > _oldest_id(since)]


def _oldest_id(since: float) -> int:
    return discord.utils.time_snowflake(datetime.fromtimestamp(since - SKEW_S, UTC))
