"""Discord's limits as budgets by name: which calls share one, and what holds until Discord has told.

A bucket is a kind of call and a channel or a webhook, whichever the path names: the messages of a thread share the
thread's, and all threads of a channel share the one of the webhook that speaks in them
(https://discord.com/developers/docs/topics/rate-limits).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from bot.live.budget import Budget, FixedWindow, SlidingWindow, TokenBucket

BOT, ADDRESS = "discord", "discord address"  # ceilings over all buckets: of the bot's token, and of calls without it
PER_S = 50  # requests, each
USUAL, WINDOW_S = 5, 5.0  # what people see; the first answer tells
OLD, OLD_WINDOW_S = 3, 6.0  # edits of messages that are older than an hour, a channel
GATE = "discord thread "  # one a run: opening its thread may be put off for minutes

_BY_WEBHOOK = re.compile(r"/webhooks/\d+/[^/]+")
_ROUTE = re.compile(r"/(?P<kind>channels|webhooks)/(?P<id>\d+)(/(?!messages)[^/]+)?/?(messages(?P<one>/[^/]+)?)?$")


def budget(name: str, started: float) -> Budget:
    """One call of a bucket at a time: discord.py lines further ones up, each with the text of then.

    None counts as spent after a start: what an earlier process has left is told with the first answer, or by one
    refusal that names the time to wait.
    """
    if name in (BOT, ADDRESS):
        return SlidingWindow(PER_S, 1.0, documented=True)
    if name.startswith(GATE):
        return TokenBucket(1000, 1000, documented=True)  # no limit, but it can be made to wait
    if name.endswith(" old"):
        return FixedWindow(OLD, OLD_WINDOW_S, at_once=1)
    return FixedWindow(USUAL, WINDOW_S, at_once=1, eager=True)


def bucket_name(method: str, place: str, place_id: int) -> str:
    """`place`: "channels" or "webhooks". Our webhook goes by its channel, which has one: its own id is not known before
    the first post, and all that wait to be posted must draw on one budget by then."""
    return f"discord {method} {place}/{place_id}"


def ceiling(path: str) -> str:
    """The budget over all buckets that a call draws on: a webhook's has a token of its own in the path, and without the
    bot's it counts as its address's.
    """
    return ADDRESS if _BY_WEBHOOK.search(path) else BOT


def old_name(name: str) -> str:
    return f"{name} old"


def route_name(method: str, path: str, channels: Mapping[int, int]) -> str:
    """The budget that a call draws on by its path; "" for those that show no text. `channels`: of webhooks."""
    found = _ROUTE.search(path)
    if found is None or (found["kind"] == "channels" and "messages" not in path):
        return ""
    place_id = int(found["id"])
    if found["kind"] == "webhooks":
        place_id = channels.get(place_id, place_id)
    verbs = {"POST": "post", "PATCH": "edit", "DELETE": "delete", "GET": "find"}
    return bucket_name(verbs[method], found["kind"], place_id) if method in verbs else ""
