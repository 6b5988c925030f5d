"""Calls that no lane bids for: they wait when a platform asks them to, where a lane's next try takes a newer text."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from bot.ports import RateLimited

T = TypeVar("T")

MOST_WAITS = 3


async def retry_when_limited(call: Callable[[], Awaitable[T]]) -> T:
    """Waits as long as the platform asks, `MOST_WAITS` times at most. Raises what the call raises otherwise."""
    for _ in range(MOST_WAITS):
        try:
            return await call()
        except RateLimited as error:
            await asyncio.sleep(error.retry_after_s)
    return await call()
