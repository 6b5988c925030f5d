"""Work on the runs that are not shown to their end yet."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import structlog

from bot.concurrency import for_each
from bot.errors import StoreFailed, UnknownFacts
from bot.ports.store import Fenced, Store

log = structlog.get_logger()

AT_ONCE = 20


async def for_each_unfinished(store: Store, work: Callable[[str], Awaitable[None]]) -> None:
    """Do the work for each unfinished run, several at a time; an error in one does not hold up the others.

    Raises StoreFailed where the store failed meanwhile: then the work is to be done again. One run that cannot be read
    is no reason.
    """
    failures = list[StoreFailed]()

    async def try_run(run: str) -> None:
        try:
            await work(run)
        except Fenced as error:
            log.info("a run is left as it is", run=run, reason=str(error))
        except Exception as error:
            if isinstance(error, StoreFailed) and not isinstance(error, UnknownFacts):
                failures.append(error)
            else:
                log.exception("a run could not be resumed", run=run)

    await for_each(await store.unfinished_runs(), try_run, AT_ONCE)
    if failures:
        raise failures[0]
