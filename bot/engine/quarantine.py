"""Runs that are set aside while no process conducts them: a process died in them, or an operator closes them."""

from __future__ import annotations

import structlog

from bot.domain.facts import CaughtUp, ProcessDied, SetAside, TurnEnded
from bot.domain.transcript import Transcript, fold_all
from bot.ports import Store, last_texts

log = structlog.get_logger()

MOST_DEATHS = 2  # of processes in one run, after which it is set aside; one may be chance
DEADLY = "Moot stopped twice in the middle of this run, so it was set aside. What was said is kept."
CLOSED = "The operator has closed this run. What was said is kept."


async def set_aside(store: Store, run: str, why: str) -> None:
    """Set a run aside: what its turns had shown is their end. The next process that finds its place shows that."""
    t = fold_all(Transcript(), await store.read(run))
    shown = last_texts(await store.snapshots(run))
    ends = [TurnEnded(i, "stopped", shown.get(i, "")) for i, turn in t.turns.items() if turn.ended is None]
    await store.append(run, [*ends, SetAside(why)])


async def count_death(store: Store, run: str) -> None:
    """Note that an earlier process died while it worked on the run; set aside what has been deadly twice.

    A run that goes on to be so when it is merely shown is shown no more.
    """
    entries = await store.read(run)
    if not entries:
        return
    deaths = 1 + sum(isinstance(entry.fact, ProcessDied) for entry in entries)
    log.error("the last process died in a run", run=run, deaths=deaths)
    await store.append(run, [ProcessDied()])
    if deaths == MOST_DEATHS:
        await set_aside(store, run, DEADLY)
    elif deaths > MOST_DEATHS:
        await store.append(run, [CaughtUp()])
