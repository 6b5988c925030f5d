"""What stands in a place: pages of ours that a lost answer, or a process that was killed, has left there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import discord

from adapters.discord.api import Missing, Rest
from adapters.discord.layout import has_mark
from bot.ports import Forbidden, Gone

SKEW_S = 60.0  # between our clock and Discord's, whose message ids tell when they were sent
A_PAGE, PAGES = 100, 10


class Found(NamedTuple):
    message: int
    by_webhook: bool


async def find(rest: Rest, channel: int, mark: int, since: float) -> Found | None:
    """The message that carries the mark, among those sent since (wall seconds). None as well where we may not look, or
    the place is not there. Raises SurfaceError."""
    after = _snowflake(since)
    for _ in range(PAGES):
        query = {"after": str(after), "limit": str(A_PAGE)}
        try:
            said = await rest.call("GET", "/channels/{channel_id}/messages", query=query, channel_id=channel)
        except (Forbidden, Gone, Missing):
            return None
        messages: Sequence[Mapping[str, Any]] = said["list"]
        for raw in messages:
            if has_mark(raw, mark):
                return Found(int(raw["id"]), by_webhook="webhook_id" in raw)
        if len(messages) < A_PAGE:
            return None
        after = max(int(raw["id"]) for raw in messages)
    return None


async def posts(rest: Rest, guild: int, forum: int, name: str, since: float) -> list[int]:
    """The posts of that name that were made in a forum since. Raises SurfaceError."""
    found = await rest.call("GET", "/guilds/{guild_id}/threads/active", guild_id=guild)
    mine = (t for t in found["threads"] if t["parent_id"] == str(forum) and t["name"] == name)
    return [int(thread["id"]) for thread in mine if int(thread["id"]) > _snowflake(since)]


def _snowflake(since: float) -> int:
    return discord.utils.time_snowflake(datetime.fromtimestamp(since - SKEW_S, UTC))
