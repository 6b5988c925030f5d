"""Slack's limits as budgets by name: one per method and workspace, and one per channel for posting.

https://docs.slack.dev/apis/web-api/rate-limits
"""

from __future__ import annotations

from adapters.slack.scopes import Method
from bot.live.budget import Budget, SlidingWindow

PREFIX = "slack "
MINUTE_S = 60.0
PER_MINUTE = {
    "chat.update": 50,
    "chat.delete": 50,
    "chat.appendStream": 100,
    "chat.startStream": 20,
    "chat.stopStream": 20,
}
DEFAULT_PER_MINUTE = 50  # tier 3
POSTS_PER_MINUTE = 200  # Slack says "several hundred", in all channels together
POSTS_PER_CHANNEL, POSTS_WINDOW_S = 5, 5.0  # Slack says "1 per second per channel", and allows short bursts


def slack_budget(name: str, started: float) -> Budget:
    """Make the budget of that name, as `Budgets` calls it. `started`: loop time.

    At the start edits count as spent, since an earlier process may have made some and Slack does not tell. Posts do
    not, since a run that goes on has its messages already.
    """
    _, _, method, *channel = name.split(" ")
    if method == "chat.postMessage":
        if channel:
            return SlidingWindow(POSTS_PER_CHANNEL, POSTS_WINDOW_S, at_once=1)
        return SlidingWindow(POSTS_PER_MINUTE, MINUTE_S)
    return SlidingWindow(PER_MINUTE.get(method, DEFAULT_PER_MINUTE), MINUTE_S, at_once=1, spent_at=started)


def method_bucket(team: str, method: Method, channel: str = "") -> str:
    """Return the name of the budget that a call draws on. `channel`: for posting."""
    return f"{PREFIX}{team} {method} {channel}".rstrip()
