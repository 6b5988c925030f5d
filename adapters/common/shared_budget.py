"""A process's share of a limit that all processes of the bot draw on, as by its token."""

from __future__ import annotations

from collections.abc import Callable

from bot.live.budget import Budget, Outlook, SentRequest

SETTLE_S = 1.0  # until every process has heard of one that came or went

MakeShare = Callable[[int, float], Budget]  # a budget of one of so many processes, from a loop time on


class SharedBudget:
    """A `Budget` that is made anew, smaller or larger, when processes come or go.

    A new share begins with nothing to spend: what was sent before counts against it, and other processes may not know
    yet that they have another one.
    """

    def __init__(self, make: MakeShare, count_peers: Callable[[], int], started: float) -> None:
        """Take the maker of shares, and what counts the processes that share, this one among them."""
        self._make = make
        self._count_peers = count_peers
        self._peers = count_peers()
        self._share = make(self._peers, started + SETTLE_S)
        self._flying: dict[int, Budget] = {}  # requests by their identity → the share that has paid

    def _now(self, now: float) -> Budget:
        if (peers := self._count_peers()) != self._peers:
            self._peers = peers
            self._share = self._make(peers, now + SETTLE_S)
        return self._share

    def tokens(self, now: float) -> float:
        return self._now(now).tokens(now)

    def outlook(self, now: float) -> Outlook:
        return self._now(now).outlook(now)

    def free_at(self, now: float) -> float:
        return self._now(now).free_at(now)

    def take(self, now: float) -> SentRequest:
        share = self._now(now)
        request = share.take(now)
        self._flying[id(request)] = share
        return request

    def record_answer(self, request: SentRequest, now: float) -> None:
        self._flying.pop(id(request)).record_answer(request, now)

    def record_refusal(self, now: float, retry_after_s: float, *, teaches: bool = True) -> None:
        self._now(now).record_refusal(now, retry_after_s, teaches=teaches)

    def learn(self, sent: float, now: float, *, limit: int, remaining: int, reset_after_s: float) -> None:
        self._now(now).learn(sent, now, limit=limit, remaining=remaining, reset_after_s=reset_after_s)
