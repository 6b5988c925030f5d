"""Limits a minute of one model: its requests and tokens as set, and the pauses that its provider asks for."""

from __future__ import annotations

import math
from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from bot.models.catalogue import Model, key_of

MINUTE_S = 60.0


@dataclass(slots=True, eq=False)
class Charge:
    """What one call counts for in its minute: when it was let through, and its tokens."""

    at: float
    tokens: int


class RateLimit:
    """At most so many requests and tokens in any 60 s; None: as many as the provider takes. Times are loop time.

    A minute that slides keeps the provider's own, wherever that begins. It is our own: libraries of rate limits neither
    say how long a call will wait nor take back what it has not used.
    """

    def __init__(self, requests: int | None, tokens: int | None) -> None:
        self.requests = requests
        self.tokens = tokens
        self._charges: deque[Charge] = deque()  # of the last minute
        self._used = 0  # their tokens
        self._paused_until = -math.inf

    def wait_s(self, tokens: int, now: float) -> float:
        """Return the seconds until a call of at most so many tokens has room; one above the limit goes alone."""
        while self._charges and self._charges[0].at + MINUTE_S <= now:
            self._used -= self._charges.popleft().tokens
        free_at = max(now, self._paused_until)
        if self.requests is not None and len(self._charges) >= self.requests:
            free_at = max(free_at, self._charges[-self.requests].at + MINUTE_S)
        if self.tokens is not None:
            over = self._used + min(tokens, self.tokens) - self.tokens
            for charge in self._charges:
                if over <= 0:
                    break
                over -= charge.tokens
                free_at = max(free_at, charge.at + MINUTE_S)
        return free_at - now

    def take(self, tokens: int, now: float) -> Charge:
        """Count a call at what it may use at most."""
        charge = Charge(now, tokens)
        if self.requests is not None or self.tokens is not None:
            self._charges.append(charge)
            self._used += tokens
        return charge

    def settle(self, charge: Charge, tokens: int) -> None:
        """Count a call at what it has used."""
        if charge in self._charges:
            self._used += tokens - charge.tokens
            charge.tokens = tokens

    def withdraw(self, charge: Charge) -> None:
        """Count a call no more, as it was not made."""
        if charge in self._charges:
            self._charges.remove(charge)
            self._used -= charge.tokens

    def pause(self, until: float) -> None:
        """Let no call through before that time, as the provider would refuse it."""
        self._paused_until = max(self._paused_until, until)

    def paused_s(self, now: float) -> float:
        """Return the seconds until the provider takes calls again; 0 while it does."""
        return max(0.0, self._paused_until - now)


def make_rate_limits(models: Mapping[str, Model]) -> dict[str, RateLimit]:
    """Make the limit of each model, by its key. Models that are one at the provider share it, and the least holds."""
    groups = defaultdict(list)
    for model in models.values():
        groups[model.litellm, model.api_base, key_of(model)].append(model)
    limits: dict[str, RateLimit] = {}
    for group in groups.values():
        limit = RateLimit(_least(m.requests_per_minute for m in group), _least(m.tokens_per_minute for m in group))
        limits |= {model.key: limit for model in group}
    return limits


def _least(limits: Iterable[int | None]) -> int | None:
    return min((limit for limit in limits if limit is not None), default=None)
