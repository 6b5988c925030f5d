"""Budgets of requests: counts that stay on the safe side of the platform's own.

A platform counts a request when it arrives, at some moment between our sending it and our hearing of it, and its
windows begin there. So every count here assumes the worst arrival: a window ends for us when it ends at the latest,
and no request is sent that could arrive after it ends at the earliest.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

ROUNDING = 1e-9
FORGET_S = 600.0  # a limit that was guessed from a refusal is tried in full again after this long
PAUSE_S, DOUBLINGS = 0.25, 7  # after a refusal at least; doubled so often while nothing but refusals comes


@dataclass(slots=True)
class SentRequest:
    """One request that was paid for. `window` counts the windows of its budget."""

    sent: float
    window: int = 0


class Outlook(NamedTuple):
    """The requests that a budget has for the next seconds: `tokens` for `span_s`.

    What is not spent by then is lost. `spare`: requests that first words may have at no price; None: they pay as all
    others do.
    """

    tokens: float
    span_s: float
    spare: float | None = None


class Budget(Protocol):
    """A limit of one platform. Times are loop time in seconds."""

    def tokens(self, now: float) -> float:
        """Return the requests that may be sent at this moment; below 1: none."""
        ...

    def outlook(self, now: float) -> Outlook: ...

    def free_at(self, now: float) -> float:
        """Return when at least one token will be there, as far as is known; infinity when only an answer tells."""
        ...

    def take(self, now: float) -> SentRequest: ...

    def record_answer(self, request: SentRequest, now: float) -> None:
        """Record that the answer to a request came, or never will."""
        ...

    def record_refusal(self, now: float, retry_after_s: float, *, teaches: bool = True) -> None:
        """Record a 429: nothing is sent until `retry_after_s` have passed.

        `teaches`: the limit may be lower than thought; False where only the pause was too short.
        """
        ...

    def learn(self, sent: float, now: float, *, limit: int, remaining: int, reset_after_s: float) -> None:
        """Record what the platform says of its limit with an answer, to a request sent then, that arrives now."""
        ...


class SlidingWindow:
    """At most `limit` requests in any `window_s`, however the platform places its own windows.

    A request counts from its sending, and until `window_s` after its answer: it arrived at some moment between.
    """

    def __init__(
        self,
        limit: int,
        window_s: float,
        *,
        at_once: float = math.inf,
        spent_at: float = -math.inf,
        documented: bool = False,
    ) -> None:
        """Make a window. `at_once`: the most requests under way together; with 1 a lower limit is met only once.

        `spent_at`: what another process may have sent until then counts as spread evenly over the window before.
        `documented`: the limit is the platform's word; a refusal then only pauses it.
        """
        self.limit = limit
        self.window_s = window_s
        self._full = limit
        self._at_once = at_once
        self._guessed_at = -math.inf
        self._told = documented
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
        """Return the stretch from now on in which requests are scarcest."""
        free, span_s = float(self._free(now)), self.window_s
        scarce = Outlook(float(self._limit(now)), span_s)
        for k, end in enumerate(self._ends):
            if end > now and (free + k) * scarce.span_s < scarce.tokens * (end - now):
                scarce = Outlook(free + k, end - now)
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

    def take(self, now: float) -> SentRequest:
        self._flying += 1
        return SentRequest(now)

    def record_answer(self, request: SentRequest, now: float) -> None:
        self._flying -= 1
        self._ends.append(now + self.window_s)

    def record_refusal(self, now: float, retry_after_s: float, *, teaches: bool = True) -> None:
        """Take the limit to be lower than thought: try a lower one, and all of it again after a while."""
        if teaches and not self._told and now >= self._paused_until:
            self.limit = self._guess_limit(now, retry_after_s)
        self._guessed_at = now
        self._paused_until = max(self._paused_until, now + retry_after_s)

    def _guess_limit(self, now: float, retry_after_s: float) -> int:
        return max(1, self.limit // 2)

    def learn(self, sent: float, now: float, *, limit: int, remaining: int, reset_after_s: float) -> None:
        """Learn nothing: no platform reports a limit that is counted so."""

    def _free(self, now: float) -> int:
        while self._ends and self._ends[0] <= now:
            self._ends.popleft()
        return self._limit(now) - self._flying - len(self._ends)

    def _limit(self, now: float) -> int:
        if now >= self._guessed_at + FORGET_S:
            self.limit = self._full
        return self.limit


class TokenBucket:
    """`capacity` tokens at most, `per_s` coming back a second.

    Requests may bunch on their way, by at most the longest delay seen: as much less is kept in the bucket as flows
    in meanwhile, and then the platform's level is never below ours (both as the worst burst less what flowed in).
    """

    def __init__(
        self,
        capacity: float,
        per_s: float,
        *,
        documented: bool = False,
    ) -> None:
        """Make a bucket. `documented`: the rate is the platform's word; a refusal then only pauses it."""
        self.capacity = capacity
        self.per_s = per_s
        self._full = per_s
        self._guessed_at = -math.inf
        self._told = documented
        self._level = capacity
        self._at = -math.inf
        self._delay = 0.0

    def tokens(self, now: float) -> float:
        top = max(min(1.0, self.capacity), self.capacity - self.per_s * self._delay)
        flowed = self.per_s * (now - self._at) if now > self._at else 0.0
        return min(top, self._level + flowed) if now >= self._at else 0.0

    def outlook(self, now: float) -> Outlook:
        span_s = self.capacity / self.per_s if self.per_s else 0.0
        return Outlook(self.tokens(now) + self.capacity, span_s)

    def free_at(self, now: float) -> float:
        missing = 1.0 - self.tokens(now)
        if missing <= ROUNDING:
            return now
        if self.per_s <= 0 or self.capacity < 1:
            return math.inf
        return max(now, self._at) + (missing if now >= self._at else 1.0 - self._level) / self.per_s

    def take(self, now: float) -> SentRequest:
        if not self._told and now >= self._guessed_at + FORGET_S:
            self.per_s = self._full
        self._level = self.tokens(now) - 1
        self._at = now
        return SentRequest(now)

    def record_answer(self, request: SentRequest, now: float) -> None:
        self._delay = max(now - request.sent, 0.9 * self._delay)

    def record_refusal(self, now: float, retry_after_s: float, *, teaches: bool = True) -> None:
        if teaches and not self._told and now >= self._at:  # refusals of one moment tell one thing
            self.per_s = self.per_s / 2
            self._guessed_at = now
        self._level, self._at = 0.0, now + retry_after_s

    def learn(self, sent: float, now: float, *, limit: int, remaining: int, reset_after_s: float) -> None:
        self._told = True
        self._level = min(self.tokens(now), float(remaining))
        self._at = max(now, self._at)
        self.capacity = limit
        if remaining < limit and reset_after_s > 0:
            self.per_s = (limit - remaining) / reset_after_s


class Budgets:
    """All budgets of a process by name. `make(name, started)` makes one when it is first asked for."""

    def __init__(self, make: Callable[[str, float], Budget], started: float) -> None:
        """Take the maker of budgets. `started`: loop time at which this process may have begun to send.

        Another process may have sent before. A budget whose platform reports what is left learns it from the first
        answer; any other counts as spent at `started`.
        """
        self._make = make
        self._started = started
        self._known: dict[str, Budget] = {}
        self._refused: dict[str, int] = {}  # how often in a row

    def count_by_platform(self, now: float) -> dict[str, tuple[int, int]]:
        """Return by platform how many budgets have a request to spend now, and how many have none."""
        counts: dict[str, tuple[int, int]] = {}
        for name, budget in self._known.items():
            platform = name.partition(" ")[0]
            free, spent = counts.get(platform, (0, 0))
            has_room = budget.tokens(now) >= 1 - ROUNDING
            counts[platform] = (free + has_room, spent + (not has_room))
        return counts

    def record_refusal(self, name: str, now: float, retry_after_s: float) -> None:
        """Pause a budget after a 429: as long as was asked, and longer and longer where nothing is let through since.

        A platform may ask for no wait at all, or for one that its own limit outlasts. Only the first refusal of such a
        row teaches a lower limit, as nothing has been spent since.
        """
        before = self._refused.get(name, 0)
        self._refused[name] = before + 1
        pause_s = max(retry_after_s, PAUSE_S * 2.0 ** min(before, DOUBLINGS))
        self[name].record_refusal(now, pause_s, teaches=not before)

    def end_refusals(self, names: Iterable[str]) -> None:
        """Note that a request that drew on these budgets was let through."""
        for name in names:
            self._refused.pop(name, None)

    def __getitem__(self, name: str) -> Budget:
        if name not in self._known:
            self._known[name] = self._make(name, self._started)
        return self._known[name]
