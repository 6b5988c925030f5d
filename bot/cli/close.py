"""`moot close`: a run set aside by the operator, also beside a running bot."""

from __future__ import annotations

import asyncio
import time

from bot.cli.console import print_plain
from bot.cli.core import load_configuration
from bot.cli.exit import FAILED, OK, complain
from bot.domain.facts import CaughtUp
from bot.domain.transcript import Transcript, fold_all
from bot.engine.quarantine import CLOSED, count_deaths, set_aside
from bot.errors import Refused
from storage import SqlStore, open_store
from storage.closing import forget_closing, request_closing, requested_closings
from storage.errors import InUse
from storage.locations import Location
from storage.note import open_note

ANSWERED_WITHIN_S = 15.0  # the bot looks for requests every second
LOOK_AGAIN_S = 0.2


async def close_run(run: str) -> int:
    """Set a run aside: by the bot that runs, or here where none does. Raises Refused where there is no such run."""
    settings = load_configuration().storage
    try:
        async with open_store(settings.location, clock=time.time) as store:
            if (status := await _check_open(store, run)) is None:
                # a death before is counted before, or it looks as if showing were deadly
                with open_note(settings.path) as note:
                    await count_deaths(store, note)
                await set_aside(store, run, CLOSED)
                await forget_closing(store, run)
                print_plain(f"Run {run} is closed; its board says so once the bot runs.")
            return OK if status is None else status
    except InUse:
        return await _close_beside(settings.location, run)


async def _close_beside(location: Location, run: str) -> int:
    """Let the bot that holds the database close the run."""
    async with open_store(location, clock=time.time, read_only=True) as store:
        if (status := await _check_open(store, run)) is not None:
            return status
        await request_closing(location, run)
        for _ in range(round(ANSWERED_WITHIN_S / LOOK_AGAIN_S)):
            await asyncio.sleep(LOOK_AGAIN_S)
            if run not in await requested_closings(store):
                print_plain(f"Run {run} is closed.")
                return OK
    return complain(
        f"The running bot has not closed run {run} within {ANSWERED_WITHIN_S:.0f} s. The request is kept: the next "
        "start closes the run before it takes it up. Restart the bot if it hangs.",
        FAILED,
    )


async def _check_open(store: SqlStore, run: str) -> int | None:
    """Return the status of a command that has nothing to close; None where the run can be closed. Raises Refused."""
    t = fold_all(Transcript(), await store.read(run))
    if t.start is None:
        raise Refused(f"There is no run “{run}”. `moot runs` lists them.")
    if not (t.set_aside or t.deleted or any(isinstance(entry.fact, CaughtUp) for entry in t.entries)):
        return None
    print_plain(f"Run {run} is over already.")
    return OK
