"""Waits that platforms ask for, and retries: for calls outside the scheduler, whose content stays, and for a store."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from email.utils import parsedate_to_datetime
from math import isfinite
from typing import TypeVar

from bot.errors import StoreFailed
from bot.ports.surface import RateLimited

T = TypeVar("T")

MAX_WAITS = 3
STORE_WAITS_S = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)  # a database is restarted, or another takes its place, within a minute


def read_seconds(said: object) -> float | None:
    """Return a number of seconds that a platform gives, 0 or more; None for anything else."""
    if not isinstance(said, str | int | float):
        return None
    try:
        seconds = float(said)
    except (ValueError, OverflowError):
        return None
    return seconds if isfinite(seconds) and seconds >= 0 else None


def read_retry_after(header: str | None) -> float | None:
    """Return the seconds of a Retry-After header, which is a number or a date (RFC 9110, 10.2.3); else None."""
    seconds = read_seconds(header)
    if seconds is not None or header is None:
        return seconds
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - time.time())
    except ValueError:
        return None


async def retry_when_limited(call: Callable[[], Awaitable[T]]) -> T:
    """Retry a call after each rate limit, at most `MAX_WAITS` times; let its other errors through."""
    for _ in range(MAX_WAITS):
        try:
            return await call()
        except RateLimited as error:
            await asyncio.sleep(error.retry_after_s)
    return await call()


async def retry_while_store_fails(work: Callable[[], Awaitable[T]]) -> T:
    """Do what nobody may be told the failure of, and again while the store fails, for a minute. Raises StoreFailed."""
    for wait_s in STORE_WAITS_S:
        try:
            return await work()
        except StoreFailed:
            await asyncio.sleep(wait_s)
    return await work()
