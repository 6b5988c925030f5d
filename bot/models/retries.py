"""Retries of a call that failed before its first token.

The loop is our own: people read why they wait and for how long before the wait begins, while stamina would sleep out of
sight and report its wait without its jitter.
"""

from __future__ import annotations

from bot.models.errors import Kind, ProviderError
from bot.settings.settings import RetrySettings

_PASSING: frozenset[Kind] = frozenset({"rate_limit", "unreachable"})


def wait_s(error: ProviderError, tried: int, settings: RetrySettings, chance: float) -> float | None:
    """Return the seconds until the next try after `tried` of them; None: do not try again.

    What the provider asks for comes first, however long. Otherwise the wait doubles from `base_s` to `cap_s`, of which
    between half and all is taken (`chance` in 0…1), so that many callers do not come back as one.
    """
    if error.kind not in _PASSING or tried >= settings.tries:
        return None
    if error.retry_after_s is not None:
        return error.retry_after_s
    backoff_s: float = min(settings.cap_s, settings.base_s * 2 ** (tried - 1))
    return backoff_s * (0.5 + chance / 2)


def describe_wait(error: ProviderError, wait: float) -> str:
    """Say what people read while a call waits for its next try."""
    return f"trying again in {wait:.0f} s: {error.text}" if wait >= 1 else f"trying again: {error.text}"
