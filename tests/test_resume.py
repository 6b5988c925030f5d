"""A run goes on in another process: in the messages that stand, asking nothing twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

from bot.facts import Rules, RunFinished, TurnStarted, ViewAttached, VoteClosed
from bot.formats import FORMATS
from bot.hall import Hall
from bot.live.budget import Budgets, TokenBucket
from bot.live.schedule import Scheduler
from bot.ports import Surface
from bot.trace import NoTrace
from bot.transcript import Transcript, fold_all
from tests.speakers import Scripted, Step
from tests.stores import MemoryStore
from tests.surfaces import Place, Platform
from tests.tables import start
from tests.virtual import run_virtual

RUN = "run"


class Town:
    """What outlives a process: a store and a place with its messages."""

    def __init__(self) -> None:
        self.store = MemoryStore(asyncio.get_running_loop().time)
        self.place = Place(Platform(round_trip_s=0.01))
        self.speakers: list[Scripted] = []

    @asynccontextmanager
    async def process(self, lines: Mapping[str, Sequence[Step]]) -> AsyncIterator[Hall]:
        now = asyncio.get_running_loop().time
        speaker = Scripted(lines)
        self.speakers.append(speaker)
        async with (
            Scheduler(Budgets(lambda name, started: TokenBucket(1000, 1000), now())) as scheduler,
            Hall(
                store=self.store, speaker=speaker, scheduler=scheduler, clock=now, trace=NoTrace(), owner="test"
            ) as hall,
        ):
            yield hall

    async def dies_after(self, seconds: float, lines: Mapping[str, Sequence[Step]]) -> None:
        """A process that begins a comparison and is gone after so long."""

        async def live() -> None:
            await self.store.append(RUN, [start("compare"), ViewAttached(self.place.address)])
            async with self.process(lines) as hall:
                await hall.begin(RUN, FORMATS["compare"], [self.place])
                await hall.finished(RUN)

        task = asyncio.create_task(live())
        await asyncio.sleep(seconds)
        task.cancel()
        await asyncio.wait([task])

    async def reopen(self, address: str, run: str, t: Transcript) -> Surface | None:
        return self.place if address == self.place.address else None

    async def transcript(self) -> Transcript:
        return fold_all(Transcript(), await self.store.read(RUN))


def test_a_run_goes_on_in_the_messages_that_stand() -> None:
    async def scene() -> None:
        town = Town()
        await town.dies_after(2.0, {"ada": ["kept"], "bob": ["ha", 60.0], "cyd": [60.0]})
        stood = set(town.place.history)
        async with town.process({"bob": ["all of it"]}) as hall:
            await hall.resume(FORMATS, town.reopen)
            t = await hall.finished(RUN)
        assert t.finished == RunFinished("compared")
        assert sorted(seat for seat, _ in town.speakers[1].asked) == ["bob", "cyd"]  # Ada's answer was there
        said = {lane.seat: text for lane, text in town.place.reads() if lane.stage == "answer"}
        assert all(
            said[seat].startswith(text) for seat, text in (("ada", "kept"), ("bob", "all of it"), ("cyd", "cyd"))
        )
        assert len([ref for ref in town.place.history if ref not in stood]) == 1  # the end card alone is new
        assert sum(isinstance(e.fact, TurnStarted) for e in t.entries) == 3

    run_virtual(scene())


def test_a_finished_run_whose_vote_is_open_goes_on_until_it_closes() -> None:
    async def scene() -> None:
        town = Town()
        begun = replace(start("compare"), rules=Rules(vote_s=60))
        await town.store.append(RUN, [begun, ViewAttached(town.place.address), RunFinished("compared")])
        async with town.process({}) as hall:
            await hall.resume(FORMATS, town.reopen)
            await asyncio.sleep(1)
            assert hall.transcript(RUN) is not None
            await town.store.append(RUN, [VoteClosed("p")])
            hall.wake(RUN)
            await asyncio.sleep(1)
            assert hall.transcript(RUN) is None

    run_virtual(scene())


def test_what_can_be_shown_nowhere_stays_as_it_is() -> None:
    async def scene() -> None:
        town = Town()
        await town.store.append(RUN, [start("compare"), ViewAttached("elsewhere")])
        async with town.process({}) as hall:
            await hall.resume(FORMATS, town.reopen)
            assert hall.transcript(RUN) is None
        assert (await town.transcript()).turns == {}

    run_virtual(scene())
