"""Rate limits as Discord keeps them: a bucket for each limit and major parameter, reported in headers.

https://docs.discord.com/developers/topics/rate-limits
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Literal, NamedTuple

from bot.ports.process import Clock
from tests.servers.discord.errors import DiscordError

Scope = Literal["user", "global", "shared"]
Ceiling = Literal["bot", "address", ""]  # who has a limit over all routes; "": interactions have none


class Rule(NamedTuple):
    """A limit of `calls` in a window of `window_s` seconds, which opens with its first call."""

    calls: int
    window_s: float


RULES: Mapping[str, Rule] = MappingProxyType(
    {
        "message.create": Rule(5, 5.0),
        "message.edit": Rule(5, 5.0),
        "message.edit.old": Rule(3, 6.0),  # messages older than an hour have this limit beside the bucket's
        "webhook": Rule(5, 2.0),
        "reaction": Rule(1, 0.25),
        "thread.create": Rule(50, 300.0),
    }
)

# a webhook's posts, edits and deletions share a bucket: https://github.com/discord/discord-api-docs/pull/2243
SHARED: Mapping[str, str] = MappingProxyType(
    dict.fromkeys(("webhook.execute", "webhook.edit", "webhook.delete"), "webhook")
)

OTHER, GLOBAL = Rule(100, 1.0), Rule(50, 1.0)


@dataclass(frozen=True, slots=True)
class Limits:
    """The limits of a server.

    `rules` holds limits by name; those that it does not name keep Discord's. Routes without a rule have `other`.
    `shared` tells of a limit which bucket it is counted in; one that `rules` names counts apart all the same. `named`:
    the bucket that headers name, whatever counts. `hidden`: a second limit, which no header shows. `told`: headers by
    bucket that answers carry instead of the true ones, None for one that is left out; a 429 tells the truth.
    """

    rules: Mapping[str, Rule] = field(default_factory=dict)
    shared: Mapping[str, str] = field(default_factory=lambda: SHARED)
    named: Mapping[str, str] = field(default_factory=dict)
    hidden: Mapping[str, Rule] = field(default_factory=dict)
    told: Mapping[str, Mapping[str, str | None]] = field(default_factory=dict)
    other: Rule = OTHER
    global_rule: Rule = GLOBAL

    def bucket(self, name: str) -> str:
        """Return the bucket that a limit is counted in."""
        return name if name in self.rules else self.shared.get(name, name)

    def rule(self, name: str) -> Rule:
        return {**RULES, **self.rules}.get(name, self.other)


@dataclass(slots=True)
class _Window:
    opened_at: float
    used: int = 0


class Buckets:
    """Counters of calls per bucket. `now` is loop time; `wall` is only for the header that gives a wall time."""

    def __init__(self, limits: Limits, now: Callable[[], float], wall: Clock) -> None:
        self.limits = limits
        self._now = now
        self._wall = wall
        self._windows: dict[tuple[str, str], _Window] = {}

    def take(self, name: str, major: str) -> dict[str, str]:
        """Spend one call and return the headers of the response. Raises the 429 where no call is left."""
        bucket = self.limits.bucket(name)
        rule = self.limits.rule(bucket)
        window = self._open_window(bucket, major, rule)
        hidden_s = self._take_hidden(name, major)
        spent = window.used >= rule.calls
        window.used += not (spent or hidden_s)
        left_s = max(0.001, window.opened_at + rule.window_s - self._now())
        headers = {
            "X-RateLimit-Limit": str(rule.calls),
            "X-RateLimit-Remaining": str(rule.calls - window.used),
            "X-RateLimit-Reset": f"{self._wall() + left_s:.3f}",
            "X-RateLimit-Reset-After": f"{_round_up(left_s):.3f}",
            "X-RateLimit-Bucket": bucket_hash(self.limits.named.get(name, bucket)),
        }
        if spent or hidden_s:
            raise rate_limit_error(hidden_s or left_s, "user", headers=headers)
        told = {**headers, **self.limits.told.get(bucket, {})}
        return {name: value for name, value in told.items() if value is not None}

    def _take_hidden(self, name: str, major: str) -> float:
        """Spend one call of a limit that no header shows; return the seconds to wait where none is left, else 0."""
        rule = self.limits.hidden.get(name)
        if rule is None:
            return 0.0
        window = self._open_window(f"hidden {name}", major, rule)
        if window.used >= rule.calls:
            return window.opened_at + rule.window_s - self._now()
        window.used += 1
        return 0.0

    def take_global(self, of: Ceiling) -> None:
        """Spend one call of the limit over all routes, of the bot's token or of an address without one."""
        rule = self.limits.global_rule
        window = self._open_window("global", of, rule)
        if window.used >= rule.calls:
            raise rate_limit_error(window.opened_at + rule.window_s - self._now(), "global")
        window.used += 1

    def take_old_edit(self, channel_id: int) -> None:
        """Spend one edit of an old message. Raises 30046 where none is left, though the bucket may have room."""
        try:
            self.take("message.edit.old", str(channel_id))
        except DiscordError as spent:
            raise rate_limit_error(
                spent.body["retry_after"],
                "user",
                code=30046,
                message="Maximum number of edits to messages older than 1 hour reached. Try again later.",
            ) from None

    def _open_window(self, name: str, major: str, rule: Rule) -> _Window:
        now = self._now()
        window = self._windows.get((name, major))
        if window is None or now >= window.opened_at + rule.window_s:
            window = self._windows[name, major] = _Window(now)
        return window


def _round_up(seconds: float) -> float:
    """Round up to the next millisecond, so that a client that waits exactly so long is never early."""
    return math.ceil(seconds * 1000) / 1000


def bucket_hash(name: str) -> str:
    """Return a bucket's hash, opaque to the client and the same for every major parameter."""
    return hashlib.md5(name.encode(), usedforsecurity=False).hexdigest()


def rate_limit_error(
    retry_after_s: float,
    scope: Scope,
    *,
    code: int = 0,
    message: str = "You are being rate limited.",
    headers: Mapping[str, str] | None = None,
) -> DiscordError:
    """Return a 429.

    `Via` and the exact content type tell a client that Discord sent it, and not a proxy in front of Discord.
    """
    own = {"Retry-After": str(math.ceil(retry_after_s)), "X-RateLimit-Scope": scope, "Via": "1.1 test"}
    if scope == "global":
        own["X-RateLimit-Global"] = "true"
    return DiscordError(
        429,
        code,
        message,
        headers={**(headers or {}), **own},
        retry_after=_round_up(retry_after_s),
        **{"global": scope == "global"},
    )
