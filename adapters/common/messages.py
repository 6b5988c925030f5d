"""Messages of runs by where they stand: whose a message is, and taking a run's away. The same on every platform."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import groupby
from operator import attrgetter

from adapters.common.retry import retry_when_limited
from bot.ports import Gone, MessageRef, PostedPage, Store, SurfaceError

JUST_S, MOMENT_S = 10.0, 0.5  # a message that is younger may not be stored yet; a moment later it is

Find = Callable[[MessageRef], Awaitable[tuple[str, PostedPage] | None]]  # as a store's
Delete = Callable[[MessageRef], Awaitable[None]]  # raises SurfaceError


async def look_up(find: Find, *refs: MessageRef, age_s: float) -> tuple[str, PostedPage] | None:
    """The run and the page that a message shows, under any of its names. One that has just appeared is looked for once
    more: where it stands is stored a moment after people see it."""
    found = await _under_any(find, refs)
    if found is None and age_s < JUST_S:
        await asyncio.sleep(MOMENT_S)
        found = await _under_any(find, refs)
    return found


async def _under_any(find: Find, refs: tuple[MessageRef, ...]) -> tuple[str, PostedPage] | None:
    for ref in refs:
        if found := await find(ref):
            return found
    return None


async def erase(store: Store, run: str, deletes: Callable[[str], Awaitable[Delete | None]]) -> list[str]:
    """Delete the run's messages; why each of those that are left could not be.

    `deletes`: how messages at an address are deleted; None where it is another platform's, or out of reach.
    """
    left: list[str] = []
    for address, placed in groupby(await store.posted_pages(run), attrgetter("address")):
        if delete := await deletes(address):
            for page in (p for p in placed if p.ref):
                try:
                    await retry_when_limited(partial(delete, page.ref))
                except Gone:
                    pass
                except SurfaceError as error:
                    left.append(str(error))
    return left
