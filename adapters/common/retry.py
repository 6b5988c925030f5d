"""Retries for calls outside the scheduler, whose content does not change meanwhile, and for a store that fails."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from bot.errors import StoreFailed
from bot.ports.surface import RateLimited

T = TypeVar("T")

MAX_WAITS = 3
STORE_WAITS_S = (1.0, 2.0, 4.0, 8.0, 15.0, 30.0)  # a database is restarted, or another takes its place, within a minute


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
