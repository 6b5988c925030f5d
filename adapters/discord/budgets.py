"""Discord's limits as budgets by name: which calls share one, and which limit is assumed before the first answer.

A bucket is a kind of call and a channel or a webhook, whichever the path names: the messages of a thread share the
thread's bucket, and all threads of a channel share the bucket of the webhook that speaks in them
(https://discord.com/developers/docs/topics/rate-limits).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from bot.live.budget import Budget, FixedWindow, SlidingWindow, TokenBucket

BOT_CEILING = "discord"  # over all buckets, of calls with the bot's token
ADDRESS_CEILING = "discord address"  # over all buckets, of calls without it
REQUESTS_PER_S = 50  # requests below each ceiling
DEFAULT_REQUESTS, DEFAULT_WINDOW_S = 5, 5.0  # until the first answer tells a bucket's own limit
OLD_EDITS, OLD_EDITS_WINDOW_S = 3, 6.0  # edits a channel, of messages that are older than an hour
THREAD_GATE = "discord thread "  # one budget a run: Discord may put off the opening of its thread for minutes

_BY_WEBHOOK = re.compile(r"/webhooks/\d+/[^/]+")
_ROUTE = re.compile(r"/(?P<kind>channels|webhooks)/(?P<id>\d+)(/(?!messages)[^/]+)?/?(messages(?P<one>/[^/]+)?)?$")


def discord_budget(name: str, started: float) -> Budget:
    """Make the budget of that name, full at the start. A bucket allows one call at a time.

    discord.py would queue further calls with the text that they were given. What an earlier process has left of a
    budget is told by the first answer, or by one refusal that names the time to wait.
    """
    if name in (BOT_CEILING, ADDRESS_CEILING):
        return SlidingWindow(REQUESTS_PER_S, 1.0, documented=True)
    if name.startswith(THREAD_GATE):
        return TokenBucket(1000, 1000, documented=True)  # never spent: it exists to be paused
    if name.endswith(" old"):
        return FixedWindow(OLD_EDITS, OLD_EDITS_WINDOW_S, at_once=1)
    return FixedWindow(DEFAULT_REQUESTS, DEFAULT_WINDOW_S, at_once=1, eager=True)


def bucket_name(method: str, place: str, place_id: int) -> str:
    """Return the name of a bucket. `place`: "channels" or "webhooks".

    A webhook is named by its channel: its own id is not known before the first post, and everything that waits to be
    posted must draw on one budget by then.
    """
    return f"discord {method} {place}/{place_id}"


def ceiling_name(path: str) -> str:
    """Return the ceiling that a call counts against.

    A webhook's call has a token of its own in its path. Sent without the bot's token it counts as this machine's.
    """
    return ADDRESS_CEILING if _BY_WEBHOOK.search(path) else BOT_CEILING


def old_bucket_name(name: str) -> str:
    """Return the name of the second bucket that edits of old messages draw on."""
    return f"{name} old"


def route_bucket_name(method: str, path: str, channels: Mapping[int, int]) -> str:
    """Return the bucket that a call draws on; "" for a call that shows no text. `channels`: webhook → its channel."""
    found = _ROUTE.search(path)
    if found is None or (found["kind"] == "channels" and "messages" not in path):
        return ""
    place_id = int(found["id"])
    if found["kind"] == "webhooks":
        place_id = channels.get(place_id, place_id)
    verbs = {"POST": "post", "PATCH": "edit", "DELETE": "delete", "GET": "find"}
    return bucket_name(verbs[method], found["kind"], place_id) if method in verbs else ""
