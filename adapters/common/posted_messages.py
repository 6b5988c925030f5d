"""Messages of runs: which run a message belongs to, and how a run's messages are deleted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from itertools import groupby
from operator import attrgetter

from adapters.common.retry import retry_when_limited
from bot.ports.store import PostedPage, Store
from bot.ports.surface import Gone, MessageRef, SurfaceError

FRESH_S, RETRY_S = 10.0, 0.5  # a message that is younger may not be stored yet; a moment later it is

FindPage = Callable[[MessageRef], Awaitable[tuple[str, PostedPage] | None]]  # as `Store.find_page`
DeleteMessage = Callable[[MessageRef], Awaitable[None]]  # raises SurfaceError


async def find_posted(find: FindPage, *refs: MessageRef, age_s: float) -> tuple[str, PostedPage] | None:
    """Return the run and the page that a message shows, under any of its references. None: it shows none.

    `age_s`: how old the message is; a fresh one is looked up once more after `RETRY_S`.
    """
    found = await _find_any(find, refs)
    if found is None and age_s < FRESH_S:
        await asyncio.sleep(RETRY_S)
        found = await _find_any(find, refs)
    return found


async def _find_any(find: FindPage, refs: tuple[MessageRef, ...]) -> tuple[str, PostedPage] | None:
    for ref in refs:
        if found := await find(ref):
            return found
    return None


async def erase_messages(
    store: Store, run: str, delete_at: Callable[[str], Awaitable[DeleteMessage | None]]
) -> list[str]:
    """Delete a run's messages, and forget where they stood; return, for each that is left, why it was not deleted.

    `delete_at` returns the function that deletes a message at an address; None where the address is another
    platform's, or out of reach.
    """
    left: list[str] = []
    for address, pages in groupby(await store.posted_pages(run), attrgetter("address")):
        if delete := await delete_at(address):
            for page in (p for p in pages if p.ref):
                try:
                    await retry_when_limited(partial(delete, page.ref))
                except Gone:
                    pass
                except SurfaceError as error:
                    left.append(str(error))
            await store.forget_pages(run, address)
    return left
