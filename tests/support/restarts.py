"""A process that dies, and the next one that goes on with its run, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from bot.domain.facts import ViewAttached
from bot.domain.transcript import Transcript, fold_all
from bot.engine.supervisor import RunSupervisor
from bot.engine.trace import NoTrace
from bot.formats import FORMATS
from bot.live.budget import Budgets, TokenBucket
from bot.live.schedule import Scheduler
from bot.ports.store import PostedPage
from bot.ports.surface import Surface
from bot.settings.operations import RestartSettings
from tests.support.speakers import ScriptedSpeaker, Step
from tests.support.stores import MemoryStore
from tests.support.surfaces import Place, Platform
from tests.support.transcripts import make_start

RUN, PLACE = "run", "place"


class RestartScene:
    """The things that outlive a process: a store and a place with its messages."""

    def __init__(self) -> None:
        self.store = MemoryStore(asyncio.get_running_loop().time)
        self.place = Place(Platform(round_trip_s=0.01))
        self.speakers: list[ScriptedSpeaker] = []

    @asynccontextmanager
    async def process(self, lines: Mapping[str, Sequence[Step]], **restart: Any) -> AsyncIterator[RunSupervisor]:
        """Run a process; `restart`: the settings of that name."""
        now = asyncio.get_running_loop().time
        speaker = ScriptedSpeaker(lines)
        self.speakers.append(speaker)
        async with (
            Scheduler(Budgets(lambda name, started: TokenBucket(1000, 1000), now())) as scheduler,
            RunSupervisor(
                store=self.store,
                speaker=speaker,
                scheduler=scheduler,
                clock=now,
                trace=NoTrace(),
                owner="test",
                restart=RestartSettings(**restart),
            ) as supervisor,
        ):
            yield supervisor

    async def begin_and_die_after(self, seconds: float, lines: Mapping[str, Sequence[Step]]) -> None:
        """Run a process that begins a comparison and is gone after so many seconds."""

        async def live() -> None:
            await self.store.append(RUN, [make_start("compare"), ViewAttached(self.place.address)])
            async with self.process(lines) as supervisor:
                await supervisor.begin(RUN, FORMATS["compare"], [self.place])
                await supervisor.wait_until_finished(RUN)

        task = asyncio.create_task(live())
        await asyncio.sleep(seconds)
        task.cancel()
        await asyncio.wait([task])

    async def reopen(self, address: str, run: str, t: Transcript, placed: Sequence[PostedPage]) -> Surface | None:
        return self.place if address == self.place.address else None

    def read_history(self, seat: str) -> list[str]:
        """Return every text that the seat's only message has had."""
        (history,) = (h for h in self.place.history.values() if h[0].lane.seat == seat)
        return [message.text for message in history]

    async def transcript(self) -> Transcript:
        return fold_all(Transcript(), await self.store.read(RUN))
