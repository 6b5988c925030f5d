"""Slack's limits: calls per time, and lifetimes. A test can set all of them.

Rates: https://docs.slack.dev/apis/web-api/rate-limits (per method, per workspace, per app; posting per channel).
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple

Tier = Literal["t2", "t3", "t4", "t5"]


class Rate(NamedTuple):
    """A limit of `calls` in any `per_s` seconds."""

    calls: int
    per_s: float


TIERS: dict[Tier, Rate | None] = {"t2": Rate(20, 60), "t3": Rate(50, 60), "t4": Rate(100, 60), "t5": None}
POSTING = Rate(5, 5)  # "1 per second per channel, short bursts may be allowed"


@dataclass(slots=True)
class Times:
    """Deadlines and lifetimes in seconds.

    `redeliver_after_s` holds the pause before each redelivery of an event that nobody acknowledged.
    """

    acknowledge_s: float = 3.0
    redeliver_after_s: Sequence[float] = (0.0, 60.0, 300.0)
    trigger_s: float = 3.0
    stream_s: float = 300.0
    response_url_s: float = 1800.0


class Limits:
    """Counters of calls in sliding windows. A refused call is not counted."""

    def __init__(self, now: Callable[[], float]) -> None:
        self.times = Times()
        self._now = now
        self._rates: dict[str, Rate | None] = {"chat.postMessage": POSTING}
        self._calls: dict[tuple[str, ...], deque[float]] = {}

    def set(self, method: str, calls: int | None, per_s: float = 60.0) -> None:
        """Set the rate of a method; `calls` None: as many as wanted."""
        self._rates[method] = None if calls is None else Rate(calls, per_s)

    def set_times(self, **seconds: float | Sequence[float]) -> None:
        """Set deadlines and lifetimes, by their names in `Times`."""
        for name, value in seconds.items():
            if name not in Times.__slots__:
                raise ValueError(f"no time is called {name!r}")
            setattr(self.times, name, value)

    def rate(self, method: str, tier: Tier) -> Rate | None:
        return self._rates[method] if method in self._rates else TIERS[tier]

    def spend(self, method: str, tier: Tier, team: str, channel: str) -> int | None:
        """Count one call. Returns None, or for one too many the whole seconds until there is room again."""
        rate = self.rate(method, tier)
        if rate is None:
            return None
        key = (team, method, channel) if method == "chat.postMessage" else (team, method)
        calls = self._calls.setdefault(key, deque())
        now = self._now()
        while calls and calls[0] <= now - rate.per_s:
            calls.popleft()
        if len(calls) >= rate.calls:
            return max(1, math.ceil((calls[0] if calls else now) + rate.per_s - now))
        calls.append(now)
        return None
