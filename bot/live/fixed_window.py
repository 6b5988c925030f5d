"""A limit of so many requests in a window, which the platform begins anew with the first request after the last one."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Iterable

from bot.live.budget import FORGET_S, ROUNDING, Budgets, Outlook, SentRequest


class FixedWindow:
    """`limit` requests a window of `window_s`, which begins with the first request to arrive after the last one.

    Discord's buckets (docs.discord.com/developers/topics/rate-limits) and limits "per minute" are taken as such.

    The current window began between `_early` and `_late`. From `_early + window_s - _delay` on a request might
    arrive in the next window, whose count we could then not know; so none is sent until `_late + window_s`.
    """

    def __init__(
        self,
        limit: int,
        window_s: float,
        *,
        at_once: float = math.inf,
        eager: bool = False,
    ) -> None:
        """Make a window. `at_once`: the most requests that are under way together.

        `eager`: the window comes back before an answer ends, so first words are shown at once while one request is left
        for an end.
        """
        self.limit = limit
        self.window_s = window_s
        self._at_once = at_once
        self._eager = eager
        self._full = limit
        self._guessed_at = -math.inf
        self._told = False
        self._early = self._late = -math.inf
        self._used = limit
        self._window = 0
        self._flying: list[SentRequest] = []
        self._strays = 0  # answered after their window may have ended: the next window may have counted them
        self._stray_at = -math.inf  # when the last stray was answered
        self._delay = 0.0  # the longest a request was lately on its way

    def tokens(self, now: float) -> float:
        return min(self._requests_left(now), self._at_once - len(self._flying))

    def outlook(self, now: float) -> Outlook:
        fresh = now >= self._late + self.window_s
        span_s = self.window_s if fresh else max(0.0, self._early + self.window_s - self._delay - now)
        return Outlook(
            self._requests_left(now),
            span_s,
            self._requests_left(now) - 1 if self._eager else None,
        )

    def free_at(self, now: float) -> float:
        if self.tokens(now) >= 1 - ROUNDING:
            return now
        if self._limit(now) < 1 or self._late == math.inf or len(self._flying) >= self._at_once:
            return math.inf
        if now < self._late + self.window_s:
            return self._late + self.window_s
        return math.inf if self._flying else self._stray_at + self.window_s

    def take(self, now: float) -> SentRequest:
        if now >= self._late + self.window_s:
            doubtful = self._doubtful(now)
            self._early = self._early + self.window_s if doubtful else now
            self._late = math.inf
            self._used = doubtful
            self._strays = 0
            self._window += 1
        self._used += 1
        request = SentRequest(now, self._window)
        self._flying.append(request)
        return request

    def record_answer(self, request: SentRequest, now: float) -> None:
        self._flying.remove(request)
        self._delay = max(now - request.sent, 0.9 * self._delay)
        if request.window == self._window:
            self._late = min(self._late, now)
            if now > self._early + self.window_s:
                self._strays += 1
                self._stray_at = now

    def record_refusal(self, now: float, retry_after_s: float, *, teaches: bool = True) -> None:
        if teaches and not self._told:
            self.limit = max(1, self.limit // 2)
            self._guessed_at = now
        self._spent_until(now + retry_after_s)

    def learn(self, sent: float, now: float, *, limit: int, remaining: int, reset_after_s: float) -> None:
        self._told = True
        self.limit = limit
        if remaining == limit - 1:  # the first of its window: that is how long one lasts
            self.window_s = reset_after_s
        is_older = now + reset_after_s < self._early + self.window_s - self._delay
        if is_older and sent < self._early:
            return  # of a window that is over for us
        began = now + reset_after_s - self.window_s  # at the latest
        if remaining == 0:
            self._spent_until(now + reset_after_s)
        elif is_older:  # a request of another process has begun it
            self._used = max(self._used, limit - remaining)
            self._early, self._late = began - self._delay, began
        else:
            self._used = max(self._used, limit - remaining)
            self._late = min(self._late, began)
            self._early = max(self._early, min(self._late, began - self._delay))

    def expect_spent(self, now: float) -> None:
        """Spend nothing for a window, as another process may have spent it; where one goes on, its count is known."""
        if now >= self._late + self.window_s:
            self._spent_until(now + self.window_s)

    def _requests_left(self, now: float) -> float:
        """Return how many of the window's requests are left."""
        if now >= self._late + self.window_s:
            return self._limit(now) - self._doubtful(now)
        if now >= self._early + self.window_s - self._delay:
            return 0
        return self._limit(now) - self._used

    def _doubtful(self, now: float) -> int:
        """Return the number of requests that the next window may have counted, or may yet."""
        return len(self._flying) + (self._strays if now < self._stray_at + self.window_s else 0)

    def _spent_until(self, end: float) -> None:
        self._early = self._late = end - self.window_s
        self._used = max(self.limit, self._used)
        self._window += 1  # what is answered later cannot end it sooner, however long it lasts

    def _limit(self, now: float) -> int:
        if not self._told and now >= self._guessed_at + FORGET_S:
            self.limit = self._full
        return self.limit


def expect_spent(budgets: Budgets, names: Iterable[str]) -> None:
    """Spend nothing for a window of those budgets that are such, as another process may have spent them just now."""
    for name in names:
        if isinstance(budget := budgets[name], FixedWindow):
            budget.expect_spent(asyncio.get_running_loop().time())
