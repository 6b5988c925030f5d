"""Messages and typed text read with names in place of ids, looked up as far as the writer may know them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from adapters.common.quotes import Content, one_line
from adapters.slack.api import Workspace
from adapters.slack.people import People
from adapters.slack.reader import SlackNames, find_unnamed, read_event, read_mrkdwn, read_typed, shown_texts

LOOKUPS = 10  # of people, and of channels, for one message

Json = Mapping[str, Any]


class SlackReader:
    """A reader with look-ups of names at Slack, which are cached."""

    def __init__(self, people: People) -> None:
        self._people = people

    async def read_message(self, workspace: Workspace, raw: Json, channel: str) -> Content:
        """Return what a message holds; `channel` is the one in which it is read."""
        return read_event(raw, await self._find_names(workspace, shown_texts(raw), channel))

    async def read_text(self, workspace: Workspace, text: str, channel: str) -> str:
        """Return what somebody has typed in a channel."""
        return read_mrkdwn(text, await self._find_names(workspace, (text,), channel))

    async def read_typed(self, workspace: Workspace, text: str, channel: str) -> str:
        """Return what somebody has typed into a form, which Slack does not escape, with names for copied mentions."""
        return read_typed(text, await self._find_names(workspace, (text,), channel))

    async def name_author(self, workspace: Workspace, message: Json) -> str:
        """Return who has written a message."""
        if name := message.get("username") or (message.get("bot_profile") or {}).get("name"):
            return one_line(str(name))
        user = str(message.get("user") or "")
        return one_line(await self._people.name_user(workspace, user)) if user else ""

    async def _find_names(self, workspace: Workspace, texts: Iterable[str], channel: str) -> SlackNames:
        users, channels = find_unnamed(texts)
        named = {user: one_line(await self._people.name_user(workspace, user)) for user in users[:LOOKUPS]}
        places = {c: one_line(await self._people.name_channel(workspace, c, channel)) for c in channels[:LOOKUPS]}
        return SlackNames({i: n for i, n in named.items() if n}, {i: n for i, n in places.items() if n})
