"""Slack's limits as budgets by name: counted per method and workspace, posting per channel.

https://docs.slack.dev/apis/web-api/rate-limits
"""

from __future__ import annotations

from adapters.slack.scopes import Method
from bot.live.budget import Budget, SlidingWindow

PREFIX = "slack "
MINUTE_S = 60.0
A_MINUTE = {
    "chat.update": 50,
    "chat.delete": 50,
    "chat.appendStream": 100,
    "chat.startStream": 20,
    "chat.stopStream": 20,
}
USUAL_A_MINUTE = 50  # tier 3
POSTS_A_MINUTE = 200  # "several hundred", of all channels together
POSTS, POSTS_S = 5, 5.0  # "1 per second per channel", short bursts may be allowed


def budget(name: str, started: float) -> Budget:
    """As `Budgets` wants it. After a start edits count as spent: an earlier process may have used them until then, and
    Slack tells nothing. Posts do not: a run that goes on has its messages."""
    _, _, method, *channel = name.split(" ")
    if method == "chat.postMessage":
        limit, window_s = (POSTS, POSTS_S) if channel else (POSTS_A_MINUTE, MINUTE_S)
        return SlidingWindow(limit, window_s)
    return SlidingWindow(A_MINUTE.get(method, USUAL_A_MINUTE), MINUTE_S, at_once=1, spent_at=started)


def bucket(team: str, method: Method, channel: str = "") -> str:
    return f"{PREFIX}{team} {method} {channel}".rstrip()
