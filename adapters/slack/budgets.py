"""Slack's limits as budgets by name: counted per method and workspace, posting per channel.

https://docs.slack.dev/apis/web-api/rate-limits
"""

from __future__ import annotations

import math
from collections import deque

from adapters.slack.scopes import Method
from bot.live.budget import FORGET_S, ROUNDING, Budget, Outlook, Ticket

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


class SlidingWindow:
    """At most `limit` requests in any `window_s`, however the platform places its own windows.

    A request counts from its sending, and until `window_s` after its answer: it arrived at some moment between.
    """

    def __init__(self, limit: int, window_s: float, *, at_once: float = math.inf, spent_at: float = -math.inf) -> None:
        """`at_once`: requests under way together; with 1 a limit that is lower than thought is met once. `spent_at`:
        what another process may have sent until then counts as spread evenly over the window before."""
        self.limit = limit
        self.window_s = window_s
        self._full = limit
        self._at_once = at_once
        self._guessed_at = -math.inf
        self._paused_until = -math.inf
        self._flying = 0
        self._ends: deque[float] = deque()  # when those that were answered leave the window, in order
        if spent_at > -math.inf:
            self._ends.extend(spent_at + window_s * (k + 1) / limit for k in range(limit))

    def tokens(self, now: float) -> float:
        if now < self._paused_until:
            return 0.0
        return min(self._free(now), self._at_once - self._flying)

    def outlook(self, now: float) -> Outlook:
        """The stretch from now on in which requests are scarcest."""
        free, span_s = float(self._free(now)), self.window_s
        scarce = Outlook(float(self._limit(now)), span_s, 0.0)
        for k, end in enumerate(self._ends):
            if end > now and (free + k) * scarce.span_s < scarce.tokens * (end - now):
                scarce = Outlook(free + k, end - now, 0.0)
        return scarce

    def free_at(self, now: float) -> float:
        if self.tokens(now) >= 1 - ROUNDING:
            return now
        if self._flying >= self._at_once:
            return math.inf  # only an answer tells
        missing = 1 - self._free(now)
        if missing <= 0:
            return self._paused_until
        if missing > len(self._ends):
            return math.inf
        return max(self._ends[missing - 1], self._paused_until)

    def take(self, now: float) -> Ticket:
        self._flying += 1
        return Ticket(now)

    def landed(self, ticket: Ticket, now: float) -> None:
        self._flying -= 1
        self._ends.append(now + self.window_s)

    def refused(self, now: float, retry_after_s: float) -> None:
        """The limit is lower than thought: half of it is tried, and all of it again after a while."""
        if now >= self._paused_until:
            self.limit = max(1, self.limit // 2)
        self._guessed_at = now
        self._paused_until = max(self._paused_until, now + retry_after_s)

    def learn(self, now: float, *, limit: int, remaining: int, reset_after_s: float) -> None:
        """Slack says nothing of its limits."""

    def _free(self, now: float) -> int:
        while self._ends and self._ends[0] <= now:
            self._ends.popleft()
        return self._limit(now) - self._flying - len(self._ends)

    def _limit(self, now: float) -> int:
        if now >= self._guessed_at + FORGET_S:
            self.limit = self._full
        return self.limit
