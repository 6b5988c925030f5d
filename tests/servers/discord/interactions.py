"""Interactions and their deadlines: 3 s to answer, 15 minutes to follow up.

https://docs.discord.com/developers/interactions/receiving-and-responding
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from tests.servers.discord import errors
from tests.servers.discord.errors import DiscordError
from tests.servers.discord.world import Message

DEADLINE_S, TOKEN_LIFE_S = 3.0, 900.0

Kind = Literal["pending", "message", "deferred", "deferred_update", "update", "choices", "modal"]
KINDS: dict[int, Kind] = {4: "message", 5: "deferred", 6: "deferred_update", 7: "update", 8: "choices", 9: "modal"}


@dataclass(slots=True)
class Answer:
    """The answer to an interaction, as its person has seen it so far.

    `kind` and `ephemeral` are those of the first response. `message` is what it shows: of a deferred response the
    present text, of an update the message that was updated. `choices` are autocomplete's, `modal` is a modal's data.
    `acknowledged_after_s` is None while the interaction is pending.
    """

    kind: Kind = "pending"
    acknowledged_after_s: float | None = None
    ephemeral: bool = False
    message: Message | None = None
    choices: list[dict[str, Any]] = field(default_factory=list)
    modal: dict[str, Any] | None = None
    followups: list[Message] = field(default_factory=list)

    @property
    def content(self) -> str:
        """All text that people read in the first response; "" where it shows nothing."""
        return "" if self.message is None else self.message.text


@dataclass(slots=True)
class Pending:
    """One interaction as the server keeps it. `type`: 2 command, 3 component, 4 autocomplete, 5 modal."""

    id: int
    token: str
    type: int
    user_id: int
    channel_id: int
    born_at: float
    source: Message | None  # the message whose component was used
    event: dict[str, Any] = field(default_factory=dict)
    answer: Answer = field(default_factory=Answer)
    answered: asyncio.Event = field(default_factory=asyncio.Event)


class Interactions:
    """All interactions, by id and by token. `now` is loop time."""

    def __init__(self, now: Callable[[], float], deadline_s: float) -> None:
        self._now = now
        self._deadline_s = deadline_s
        self._by_id: dict[int, Pending] = {}
        self._by_token: dict[str, Pending] = {}

    def open(self, number: int, kind: int, user_id: int, channel_id: int, source: Message | None) -> Pending:
        token = f"aW50ZXJhY3Rpb246{secrets.token_urlsafe(24)}"
        pending = Pending(number, token, kind, user_id, channel_id, self._now(), source)
        self._by_id[number] = self._by_token[token] = pending
        return pending

    def get(self, number: int) -> Pending:
        return self._by_id[number]

    def is_shown_to(self, message: Message, user_id: int) -> bool:
        """Return whether this ephemeral message was shown to this person."""
        theirs = (p.answer for p in self._by_id.values() if p.user_id == user_id)
        return any(message is a.message or message in a.followups for a in theirs)

    def require_pending(self, number: int, token: str) -> Pending:
        """Return the interaction that a callback answers.

        Raises 10062 when it is unknown or too late, 40060 when it was answered before.
        """
        pending = self._by_id.get(number)
        if pending is None or pending.token != token:
            raise errors.unknown_interaction()
        if pending.answered.is_set():
            raise DiscordError(400, 40060, "Interaction has already been acknowledged.")
        if self._now() - pending.born_at > self._deadline_s:
            raise errors.unknown_interaction()
        return pending

    def acknowledge(self, pending: Pending, response_type: int) -> None:
        pending.answer.kind = KINDS[response_type]
        pending.answer.acknowledged_after_s = self._now() - pending.born_at
        pending.answered.set()

    def find_by_token(self, token: str) -> Pending | None:
        """Return the interaction of a follow-up; None: the token is no interaction's.

        Raises 50027 after 15 minutes, 10015 before any response.
        """
        pending = self._by_token.get(token)
        if pending is None:
            return None
        if self._now() - pending.born_at > TOKEN_LIFE_S:
            raise DiscordError(401, 50027, "Invalid Webhook Token")
        if not pending.answered.is_set():
            raise errors.unknown_webhook()
        return pending
