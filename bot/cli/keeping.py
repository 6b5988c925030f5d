"""`moot name` and `moot archive`: how lists have a run, also changed beside a running bot."""

from __future__ import annotations

import time
from collections.abc import Callable

from bot.actions.keeping import read_name
from bot.cli.console import print_plain
from bot.cli.core import load_configuration
from bot.cli.exit import OK
from bot.cli.records import read_stored_run
from bot.domain.facts import Archived, Fact, Named, Restored
from bot.domain.transcript import Transcript
from bot.errors import Refused
from storage import open_store
from storage.beside import append_beside

OPERATOR = "operator"  # who does it


async def name_run(run: str, name: str) -> int:
    """Let lists have a run by a name; by its question where that is empty. Raises Refused."""
    await _record(run, lambda t: Named(OPERATOR, read_name(name)))
    print_plain(f"Lists have run {run} by {'this name' if name.strip() else 'its question'} now.")
    return OK


async def archive_run(run: str, *, undo: bool) -> int:
    """Leave a run out of lists, or with `undo` have it in them again. Raises Refused."""

    def make_fact(t: Transcript) -> Fact:
        if t.archived != undo:
            raise Refused(f"Run {run} is {'archived already' if t.archived else 'not archived'}.")
        return Restored(OPERATOR) if undo else Archived(OPERATOR)

    await _record(run, make_fact)
    told = "Lists have run {} again." if undo else "Lists leave run {} out; `moot runs --state archived` finds it."
    print_plain(told.format(run))
    return OK


async def _record(run: str, make_fact: Callable[[Transcript], Fact]) -> None:
    location = load_configuration().storage.location
    async with open_store(location, clock=time.time, read_only=True) as store:
        fact = make_fact(await read_stored_run(store, run))
    await append_beside(location, run, [fact], time.time)
