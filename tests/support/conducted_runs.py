"""Runs that a supervisor conducts, with a scripted speaker on a simulated platform, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from bot.domain.facts import Fact, RunStarted
from bot.domain.run import TurnId
from bot.domain.transcript import Transcript, fold_all
from bot.engine.journal import PATIENCE_S
from bot.engine.supervisor import RunSupervisor
from bot.engine.trace import NoTrace
from bot.formats import FORMATS
from bot.live.budget import Budgets, TokenBucket
from bot.live.schedule import Scheduler
from tests.support.speakers import ScriptedSpeaker, Step
from tests.support.stores import MemoryStore
from tests.support.surfaces import Place, Platform
from tests.support.transcripts import make_start
from tests.support.virtual_time import run_virtual

RUN = "run"
ADA, BOB, CYD = (TurnId("answer", 1, s) for s in ("ada", "bob", "cyd"))


class ConductedRun:
    """A run that a supervisor conducts: its store, its speaker, its place on a simulated platform."""

    def __init__(
        self,
        started: RunStarted,
        lines: Mapping[str, Sequence[Step]],
        store: MemoryStore,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.patience_s = patience_s
        self.started = started
        self.store = store
        self.speaker = ScriptedSpeaker(lines)
        self.place = Place(Platform(round_trip_s=0.01))

    @asynccontextmanager
    async def supervise(self) -> AsyncIterator[RunSupervisor]:
        now = asyncio.get_running_loop().time
        budgets = Budgets(lambda name, started: TokenBucket(1000, 1000), now())
        async with (
            Scheduler(budgets) as scheduler,
            RunSupervisor(
                store=self.store,
                speaker=self.speaker,
                scheduler=scheduler,
                clock=now,
                trace=NoTrace(),
                owner="test",
                patience_s=self.patience_s,
            ) as supervisor,
        ):
            await supervisor.begin(RUN, FORMATS[self.started.format], [self.place])
            yield supervisor

    async def tell(self, supervisor: RunSupervisor, *facts: Fact) -> None:
        await self.store.append(RUN, facts)
        supervisor.wake(RUN)

    async def transcript(self) -> Transcript:
        return fold_all(Transcript(), await self.store.read(RUN))


def conduct_run(
    form: str,
    lines: Mapping[str, Sequence[Step]],
    during: Callable[[ConductedRun, RunSupervisor], Coroutine[Any, Any, None]] | None = None,
    before: Sequence[Fact] = (),
    store: MemoryStore | None = None,
    started: RunStarted | None = None,
    patience_s: float = PATIENCE_S,
) -> tuple[ConductedRun, Transcript]:
    """Conduct a whole run, while `during` acts on it, and check that nothing is left running.

    `before`: facts that are stored before it begins. `started`: its start; None: the usual one of its form.
    """

    async def scene() -> tuple[ConductedRun, Transcript]:
        kept = store or MemoryStore(asyncio.get_running_loop().time)
        run = ConductedRun(started or make_start(form), lines, kept, patience_s)
        await run.store.append(RUN, [run.started, *before])
        async with run.supervise() as supervisor:
            if during:
                await during(run, supervisor)
            transcript = await supervisor.wait_until_finished(RUN)
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert run.speaker.speaking == 0
        return run, transcript

    return run_virtual(scene())


def read_ends(t: Transcript) -> dict[str, tuple[str, str]]:
    """Return how each turn ended, and its text."""
    return {str(i): (turn.ended.finish, turn.ended.text) for i, turn in t.turns.items() if turn.ended}
