"""Discord's limits as budgets by name: which limit is assumed before the first answer.

A bucket is a kind of call and a channel or a webhook, whichever the path names: the messages of a thread share the
thread's bucket, and all threads of a channel share the bucket of the webhook that speaks in them
(https://discord.com/developers/docs/topics/rate-limits). `Buckets` knows which kinds of calls share one.
"""

from __future__ import annotations

import re

from bot.live.budget import Budget, SlidingWindow, TokenBucket
from bot.live.fixed_window import FixedWindow
from bot.live.hidden_limit import HiddenLimit

BOT_CEILING = "discord"  # over all buckets, of calls with the bot's token
ADDRESS_CEILING = "discord address"  # over all buckets, of calls without it
REQUESTS_PER_S = 50  # requests below each ceiling
DEFAULT_REQUESTS, DEFAULT_WINDOW_S = 5, 5.0  # until the first answer tells a bucket's own limit
OLD_EDITS, OLD_EDITS_WINDOW_S = 3, 6.0  # edits a channel, of messages that are older than an hour
HIDDEN = "discord hidden "  # one a kind of call and place, for what no header shows
THREAD_GATE = "discord thread "  # one budget a run: Discord may put off the opening of its thread for minutes

_BY_WEBHOOK = re.compile(r"/webhooks/\d+/[^/]+")


def discord_budget(name: str, started: float) -> Budget:
    """Make the budget of that name, full at the start. A bucket allows one call at a time.

    discord.py would queue further calls with the text that they were given. What an earlier process has left of a
    budget is told by the first answer, or by one refusal that names the time to wait; of several processes, one that
    takes a run over waits for a window first.
    """
    if name in (BOT_CEILING, ADDRESS_CEILING):
        return SlidingWindow(REQUESTS_PER_S, 1.0, documented=True)
    if name.startswith(THREAD_GATE):
        return TokenBucket(1000, 1000, documented=True)  # never spent: it exists to be paused
    if name.startswith(HIDDEN):
        return HiddenLimit()
    if name.endswith(" old"):
        return FixedWindow(OLD_EDITS, OLD_EDITS_WINDOW_S, at_once=1)
    return FixedWindow(DEFAULT_REQUESTS, DEFAULT_WINDOW_S, at_once=1, eager=True)


def share_ceiling(peers: int, started: float) -> Budget:
    """Make a ceiling of one of so many processes; other ones may have sent until `started`."""
    return SlidingWindow(max(1, REQUESTS_PER_S // peers), 1.0, spent_at=started, documented=True)


def ceiling_name(path: str) -> str:
    """Return the ceiling that a call counts against.

    A webhook's call has a token of its own in its path. Sent without the bot's token it counts as this machine's.
    """
    return ADDRESS_CEILING if _BY_WEBHOOK.search(path) else BOT_CEILING


def old_bucket_name(name: str) -> str:
    """Return the name of the second bucket that edits of old messages draw on."""
    return f"{name} old"
