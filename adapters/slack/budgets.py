"""Slack's limits as budgets by name: one per method and workspace, and one per channel for posting.

https://docs.slack.dev/apis/web-api/rate-limits
"""

from __future__ import annotations

import math
from typing import NamedTuple

from adapters.slack.scopes import Method
from bot.live.budget import Budget, SlidingWindow
from bot.live.lots import LotKeeper

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


class Limit(NamedTuple):
    """A limit of so many calls in any `window_s`, and how many may be under way together."""

    calls: int
    window_s: float
    at_once: float


def slack_budget(name: str, started: float) -> Budget:
    """Make the budget of that name, as `Budgets` calls it, for a process that is alone. `started`: loop time.

    At the start edits count as spent, since an earlier process may have made some and Slack does not tell. Posts do
    not, since a run that goes on has its messages already.
    """
    limit = _read_limit(name)
    spent_at = -math.inf if name.split(" ")[2] == "chat.postMessage" else started
    return SlidingWindow(limit.calls, limit.window_s, at_once=limit.at_once, spent_at=spent_at)


def draw_slack_budget(keeper: LotKeeper, name: str) -> Budget:
    """Make the budget of that name for one of several processes, which draw lots of what all have together."""
    limit = _read_limit(name)
    return keeper.make_window(name, limit.calls, limit.window_s, limit.at_once)


def _read_limit(name: str) -> Limit:
    _, _, method, *channel = name.split(" ")
    if method == "chat.postMessage" and channel:
        return Limit(POSTS_PER_CHANNEL, POSTS_WINDOW_S, 1)
    if method == "chat.postMessage":
        return Limit(POSTS_PER_MINUTE, MINUTE_S, math.inf)
    return Limit(PER_MINUTE.get(method, DEFAULT_PER_MINUTE), MINUTE_S, 1)


def method_bucket(team: str, method: Method, channel: str = "") -> str:
    """Return the name of the budget that a call draws on. `channel`: for posting."""
    return f"{PREFIX}{team} {method} {channel}".rstrip()
