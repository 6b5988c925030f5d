"""Retries for calls outside the scheduler, whose content does not change while they wait."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from bot.ports.surface import RateLimited

T = TypeVar("T")

MAX_WAITS = 3


async def retry_when_limited(call: Callable[[], Awaitable[T]]) -> T:
    """Retry a call after each rate limit, at most `MAX_WAITS` times; let its other errors through."""
    for _ in range(MAX_WAITS):
        try:
            return await call()
        except RateLimited as error:
            await asyncio.sleep(error.retry_after_s)
    return await call()
