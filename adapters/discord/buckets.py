"""Which calls share a budget, as far as Discord's answers have told.

The headers name a bucket, and what one name covers begins as one budget. A webhook's posts, edits and deletions begin
as one anyhow: they are said to share a bucket, and to take them apart wrongly costs a refusal every few seconds, while
to take them together wrongly costs until the first answers show it. Kinds are told apart once `Remaining` shows that
they count apart, as it can under one name:

- https://github.com/discord/discord-api-docs/pull/2243 (posts and edits of a webhook share a bucket)
- https://discord.com/developers/docs/topics/rate-limits (names of buckets)
"""

from __future__ import annotations

import re
from typing import Literal, NamedTuple

from adapters.discord.budgets import HIDDEN
from bot.ports.surface import Method

TOGETHER = {f"{method} webhooks": "call webhooks" for method in ("post", "edit", "delete")}

_ROUTE = re.compile(r"/(?P<place>channels|webhooks)/(?P<id>\d+)(/(?!messages)[^/]+)?/?(messages(/[^/]+)?)?$")
_VERBS: dict[str, Method] = {"POST": "post", "PATCH": "edit", "DELETE": "delete", "GET": "find"}


class Counted(NamedTuple):
    """A call that shows text, as limits count it: its method, and the channel, or the webhook of that channel."""

    method: Method
    place: Literal["channels", "webhooks"]
    channel: int

    @property
    def kind(self) -> str:
        return f"{self.method} {self.place}"


class LastAnswer(NamedTuple):
    """The last answer of a budget: the kind of its call, when it came, what was left, and when that is over at least.

    Times are loop time in seconds.
    """

    kind: str
    at: float
    remaining: int
    open_until: float


class Buckets:
    """Names of budgets by kind of call and place."""

    def __init__(self) -> None:
        self._channels: dict[int, int] = {}  # webhook → its channel
        self._sharing = dict(TOGETHER)  # kind of call → what its budget is called
        self._apart: set[str] = set()
        self._named: dict[str, str] = {}  # kind of call → the bucket that its last answer named
        self._first: dict[str, str] = {}  # bucket, as Discord names it → the kind of call that it was first told for
        self._told: dict[str, LastAnswer] = {}

    def note_webhook(self, webhook: int, channel: int) -> None:
        """Count the calls of a webhook as the channel's from now on."""
        self._channels[webhook] = channel

    def name(self, call: Counted) -> str:
        """Return the name of the budget that a call draws on.

        A webhook is named by its channel: its own id is not known before the first post, and everything that waits to
        be posted must draw on one budget by then.
        """
        return f"discord {self._sharing.get(call.kind, call.kind)}/{call.channel}"

    def read_path(self, method: str, path: str) -> Counted | None:
        """Return what a call is; None for one that shows no text."""
        found = _ROUTE.search(path)
        if found is None or method not in _VERBS or (found["place"] == "channels" and "messages" not in path):
            return None
        place_id = int(found["id"])
        if found["place"] == "webhooks":
            return Counted(_VERBS[method], "webhooks", self._channels.get(place_id, place_id))
        return Counted(_VERBS[method], "channels", place_id)

    def is_foretold(self, call: Counted, bucket: str) -> bool:
        """Return whether the answers of such calls name the bucket that has refused one, or none has come yet.

        They can name another one, with much room left (https://github.com/discord/discord-api-docs/issues/5646).
        """
        return self._named.get(call.kind, bucket) == bucket

    def learn(self, call: Counted, bucket: str, sent: float, now: float, remaining: int, reset_after_s: float) -> str:
        """Learn from the headers of an answer, and return the name of the budget that they tell of.

        A call counts apart where it was sent after another kind's answer, was answered while that one's window was
        open, and has no less left.
        """
        self._named[call.kind] = bucket
        first = self._first.setdefault(bucket, call.kind)
        if not {first, call.kind} & self._apart:
            self._sharing[call.kind] = self._sharing.get(first, first)
        last = self._told.get(self.name(call))
        if (
            last
            and last.kind != call.kind
            and last.at <= sent
            and now < last.open_until
            and remaining >= last.remaining
        ):
            self._apart.add(call.kind)
            self._sharing[call.kind] = call.kind
        name = self.name(call)
        self._told = {known: told for known, told in self._told.items() if now < told.open_until}
        self._told[name] = LastAnswer(call.kind, now, remaining, sent + reset_after_s)
        return name


def hidden_name(call: Counted) -> str:
    """Return the name of the budget for a limit of such calls that no header shows."""
    return f"{HIDDEN}{call.kind}/{call.channel}"
