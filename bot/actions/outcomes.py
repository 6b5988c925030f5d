"""What became of a run's decision: marked by its starter and moderators, asked for once where the starter agreed."""

from __future__ import annotations

from typing import Protocol

from bot.actions.access import RunAccess
from bot.actions.permissions import Person
from bot.actions.services import Services
from bot.domain.controls import Control
from bot.domain.facts import AskLater, Mark, OutcomeAsked, OutcomeMarked
from bot.domain.transcript import Transcript
from bot.engine.thread import ASK_LATER, MARKS
from bot.errors import Refused
from bot.ports.process import Clock
from bot.ports.store import Store

ASK_AFTER_DAYS = 30
DAY_S = 86_400.0
TOLD = {"done": "you did it", "right": "it was right", "wrong": "it was wrong", "undecided": "it is undecided"}


class AskingStore(Store, Protocol):
    """A `Store` that finds the runs whose starters are to be asked."""

    async def runs_to_ask(self, now: float) -> list[str]:
        """Return runs, not deleted, whose starters wanted to be asked by now, some hundreds at most."""
        ...


class OutcomeActions:
    """Actions on what became of a run: each returns a sentence for its person, or raises Refused with one."""

    def __init__(self, services: Services, access: RunAccess, clock: Clock) -> None:
        self._services = services
        self._access = access
        self._clock = clock

    async def list_marks(self, run: str, by: Person) -> list[Control]:
        """Return the buttons that mark a run; its starter may also ask to be asked, where that can be kept."""
        t = await self._get_own(run, by)
        return [*MARKS.values(), *([] if self._why_not_asked(t, by) else [ASK_LATER])]

    async def mark_run(self, run: str, mark: Mark, by: Person) -> str:
        """Mark what became of a run; a later mark replaces an earlier one."""
        await self._get_own(run, by)
        await self._access.record(run, OutcomeMarked(by.key, mark, by.name))
        return f"Noted: {TOLD[mark]}."

    async def ask_later(self, run: str, by: Person) -> str:
        """Have the starter asked once, some weeks after the run."""
        t = await self._get_own(run, by)
        if why := self._why_not_asked(t, by):
            raise Refused(why)
        await self._access.record(run, AskLater(by.key, self._clock() + ASK_AFTER_DAYS * DAY_S))
        return f"In {ASK_AFTER_DAYS} days a message here asks what became of it, once."

    def _why_not_asked(self, t: Transcript, by: Person) -> str:
        """Return why nobody is asked later; "" where its starter can be."""
        kept_days = self._services.settings.keep_days(t.started.server)
        if by.key != t.started.by:
            return "Only whoever started this run is asked."
        if t.asked or t.ask_at is not None or t.mark not in (None, "done"):
            return "That is known, or settled already."
        if not t.views:
            return "This run has no place where it could be asked."
        if kept_days <= ASK_AFTER_DAYS:
            return f"Runs are kept for {kept_days:g} days here, so it will be gone by then."
        return ""

    async def _get_own(self, run: str, by: Person) -> Transcript:
        """Return a run that has come to its end and that the person steers alone. Raises Refused."""
        t = await self._access.get_writable_run(run, by)
        await self._access.require_may_steer(by, t, "Marking what became of it")
        if not t.finished:
            raise Refused("This run has come to no end yet.")
        return t


async def ask_due(store: AskingStore, now: float) -> list[str]:
    """Put the question into the runs whose starters are to be asked by now; return these runs.

    They count as unfinished until it is shown, so that it outlives this process.
    """
    due = await store.runs_to_ask(now)
    for run in due:
        await store.append(run, [OutcomeAsked()])
    return due
