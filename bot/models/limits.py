"""What a provider says of its own state: a circuit of its failures, and its account of what is left in its limits."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from bot.models.errors import ProviderError

_LOW = 0.05  # of the requests a provider allows; fewer left than this bring a warning


@dataclass(slots=True)
class Circuit:
    """A circuit breaker: it opens after `failures` in a row, and then lets one try through every `open_s`.

    Nygard, Release It!, "Circuit Breaker". A try that proves the provider alive closes it, whatever else it brings.
    """

    provider: str
    failures: int = 5
    open_s: float = 30.0
    _failed: int = 0
    _shut_until: float = 0.0

    def check(self, now: float) -> None:
        """Raise ProviderError("unreachable") while it is open (`now`: loop time)."""
        if self._failed < self.failures:
            return
        if left := self.seconds_left(now):
            raise ProviderError(
                "unreachable", f"{self.provider} is down and is not tried again for {math.ceil(left)} s", left
            )
        self._shut_until = now + self.open_s  # this one is the try; the others wait for what becomes of it

    def record_error(self, error: ProviderError, now: float) -> None:
        """Note whether an error shows the provider down or alive."""
        match error.kind:
            case "unreachable":
                self.record_failure(now)
            case "rate_limit" | "key" | "billing" | "window" | "refused" | "not_found" | "no_text" | "other":
                self.record_success()
            case "stalled" | "broken_off" | "cap" | "ours":
                pass
            case _ as never:
                assert_never(never)

    def record_success(self) -> None:
        self._failed = 0

    def record_failure(self, now: float) -> None:
        self._failed += 1
        self._shut_until = now + self.open_s

    def seconds_left(self, now: float) -> float:
        """Return the seconds until it is tried again; 0 while calls go through."""
        return max(0.0, self._shut_until - now) if self._failed >= self.failures else 0.0


def requests_left(headers: Mapping[str, str]) -> tuple[int, int] | None:
    """Return requests left and requests allowed, from a provider's headers; None if it does not send both.

    https://platform.openai.com/docs/guides/rate-limits#rate-limits-in-headers (many others send the same names)
    and https://docs.claude.com/en/api/rate-limits#response-headers; litellm sets a prefix of its own before them.
    """
    plain = _plain(headers)
    for left, limit in _HEADERS:
        if plain.get(left, "").isdecimal() and plain.get(limit, "").isdecimal():
            return int(plain[left]), int(plain[limit])
    return None


def find_reset_s(headers: Mapping[str, str], now: float) -> float:
    """Return the seconds until there is something left in a provider's limits, from its headers; 0 where there is.

    `now`: wall seconds.
    """
    plain = _plain(headers)
    spent = (plain.get(reset, "") for left, reset in _RESETS if plain.get(left) == "0")
    return max((parse_wait(reset, now) or 0.0 for reset in spent), default=0.0)


def parse_wait(said: str, now: float) -> float | None:
    """Return the seconds that a span or a moment is away; None: it is neither.

    `now`: wall seconds. OpenAI and others send a span ("6m0s", "120ms"), most seconds alone, Anthropic a moment
    (RFC 3339), OpenRouter one in milliseconds since 1970.
    """
    said = said.strip().rstrip(".")
    if _SPAN.fullmatch(said):
        parts = _SPAN_PART.findall(said)
        return sum(float(number) * (_UNIT_S.get(unit) or _UNIT_S[unit[0]]) for number, unit in parts)
    if _NUMBER.fullmatch(said):
        number = float(said)
        moment = number / 1000 if number >= _LEAST_MOMENT * 1000 else number
        return max(0.0, moment - now) if moment >= _LEAST_MOMENT else number
    try:
        return max(0.0, datetime.fromisoformat(said).timestamp() - now)
    except (ValueError, OverflowError):
        return None


def _plain(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.lower().removeprefix("llm_provider-"): value for name, value in headers.items()}


_HEADERS = (
    ("x-ratelimit-remaining-requests", "x-ratelimit-limit-requests"),
    ("anthropic-ratelimit-requests-remaining", "anthropic-ratelimit-requests-limit"),
)
_RESETS = (
    *((f"{name}-remaining", f"{name}-reset") for name in ("x-ratelimit", "ratelimit")),
    *((f"x-ratelimit-remaining-{what}", f"x-ratelimit-reset-{what}") for what in ("requests", "tokens")),
    *(
        (f"anthropic-ratelimit-{what}-remaining", f"anthropic-ratelimit-{what}-reset")
        for what in ("requests", "tokens", "input-tokens", "output-tokens")
    ),
)
_UNIT = r"ms|s(?:ec(?:ond)?s?)?|m(?:in(?:ute)?s?)?|h(?:ours?)?|d(?:ays?)?"
_SPAN = re.compile(rf"(?:\d{{1,9}}(?:\.\d{{1,9}})?\s?(?:{_UNIT})\s?){{1,4}}")
_SPAN_PART = re.compile(rf"(\d{{1,9}}(?:\.\d{{1,9}})?)\s?({_UNIT})")
_NUMBER = re.compile(r"\d{1,13}(?:\.\d{1,9})?")
_LEAST_MOMENT = 1_000_000_000  # seconds since 1970; nobody is asked to wait as long
_UNIT_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


def is_low(left: int, limit: int) -> bool:
    """Return whether so few requests are left of those allowed that the operator should know."""
    return left <= max(1, limit * _LOW)
