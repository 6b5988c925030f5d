"""Runs that are set aside while no process conducts them: processes died in them, or an operator closes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager

import structlog

from bot.domain.facts import CaughtUp, Fact, ProcessDied, RunFinished, SetAside, TurnEnded, TurnStarted
from bot.domain.transcript import Transcript, fold_all
from bot.ports.process import RunningNote
from bot.ports.store import Store, last_texts

log = structlog.get_logger()

MOST_DEATHS = 2  # of processes in one run; one may be chance
MOST_TAKE_OVERS = 3  # in a row: a process that died held many runs, and which of them it worked on nobody knows
DEADLY = "Moot stopped twice in the middle of this run, so it was set aside. What was said is kept."
BROKEN = "Moot made a mistake in this run, so it was set aside; it has been logged. What was said is kept."
CLOSED = "The operator has closed this run. What was said is kept."


class NoNote:
    """The `RunningNote` of one of several processes: the next process may be on another machine."""

    found: Sequence[str] = ()
    report = ""

    def write(self, runs: Iterable[str]) -> None:
        """Note nothing."""


async def read_run(store: Store, run: str, watch: Callable[[str], AbstractContextManager[None]]) -> Transcript:
    """Return what has happened in a stored run. One whose facts do not fold is set aside unseen.

    `watch` bounds the work on a run that holds the event loop.
    """
    entries = await store.read(run)
    try:
        with watch(run):
            return fold_all(Transcript(), entries)
    except Exception:
        await store.append(run, [SetAside(BROKEN), CaughtUp()])
        raise


async def set_aside(store: Store, run: str, why: str) -> None:
    """Set a run aside: what its turns had shown is their end. The next process that finds its place shows that."""
    t = fold_all(Transcript(), await store.read(run))
    shown = last_texts(await store.snapshots(run))
    ends = [TurnEnded(i, "stopped", shown.get(i, "")) for i, turn in t.turns.items() if turn.ended is None]
    await store.append(run, [*ends, SetAside(why)])


def is_deadly(facts: Sequence[Fact]) -> bool:
    """Return whether the processes that died in a run died of it: several crashed, or several died at one point of it.

    A kill from outside, by a deploy or for want of memory, falls into whatever run is worked on at that moment; it
    hardly falls into the same run again before anything has happened there.
    """
    crashed = in_a_row = taken_over = 0
    for fact in facts:
        match fact:
            case ProcessDied(held=True):
                taken_over += 1
            case ProcessDied():
                crashed, in_a_row = crashed + fact.crashed, in_a_row + 1
            case TurnStarted() | TurnEnded() | RunFinished():
                in_a_row = taken_over = 0
    return max(crashed, in_a_row) >= MOST_DEATHS or taken_over >= MOST_TAKE_OVERS


async def count_deaths(store: Store, note: RunningNote) -> None:
    """Count the death of an earlier process in each run that it worked on; set aside what is deadly.

    A run that was set aside and is deadly when it is merely shown is shown no more: at the next death where it was set
    aside for its deaths, else at the second, as one may be chance.
    """
    for run in note.found:
        if facts := [entry.fact for entry in await store.read(run)]:
            log.error("the last process died in a run", run=run, report=note.report)
            await _count_death(store, run, facts, ProcessDied(crashed=bool(note.report)))
    note.write(())


async def count_take_over(store: Store, run: str) -> None:
    """Count the death of another process that held the run; set it aside where it has killed several."""
    if facts := [entry.fact for entry in await store.read(run)]:
        await _count_death(store, run, facts, ProcessDied(held=True))


async def _count_death(store: Store, run: str, facts: Sequence[Fact], died: ProcessDied) -> None:
    await store.append(run, [died])
    if asides := [i for i, fact in enumerate(facts) if isinstance(fact, SetAside)]:
        if facts[asides[-1]] == SetAside(DEADLY) or is_deadly([*facts[asides[-1] :], died]):
            await store.append(run, [CaughtUp()])
    elif is_deadly([*facts, died]):
        await set_aside(store, run, DEADLY)
