"""A run goes on in another process: in the messages that stand, asking nothing twice."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from bot.domain.facts import CaughtUp, RunFinished, TurnStarted, ViewAttached, VoteClosed
from bot.domain.run import LaneId, Rules
from bot.domain.transcript import Transcript, fold_all
from bot.engine.supervisor import RESTARTING, RESUMED_AT_ONCE, TOO_OLD, RunSupervisor
from bot.engine.trace import NoTrace
from bot.formats import FORMATS
from bot.live.budget import Budgets, TokenBucket
from bot.live.schedule import Scheduler
from bot.ports import Method, PostedPage, Surface, SurfaceError
from bot.settings import RestartSettings
from tests.support.speakers import ScriptedSpeaker, Step
from tests.support.stores import MemoryStore
from tests.support.surfaces import Place, Platform
from tests.support.transcripts import make_start
from tests.support.virtual_time import run_virtual

RUN, PLACE = "run", "place"


class Town:
    """What outlives a process: a store and a place with its messages."""

    def __init__(self) -> None:
        self.store = MemoryStore(asyncio.get_running_loop().time)
        self.place = Place(Platform(round_trip_s=0.01))
        self.speakers: list[ScriptedSpeaker] = []

    @asynccontextmanager
    async def process(self, lines: Mapping[str, Sequence[Step]], **restart: Any) -> AsyncIterator[RunSupervisor]:
        """`restart`: the settings of that name."""
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
            ) as hall,
        ):
            yield hall

    async def dies_after(self, seconds: float, lines: Mapping[str, Sequence[Step]]) -> None:
        """A process that begins a comparison and is gone after so long."""

        async def live() -> None:
            await self.store.append(RUN, [make_start("compare"), ViewAttached(self.place.address)])
            async with self.process(lines) as hall:
                await hall.begin(RUN, FORMATS["compare"], [self.place])
                await hall.wait_until_finished(RUN)

        task = asyncio.create_task(live())
        await asyncio.sleep(seconds)
        task.cancel()
        await asyncio.wait([task])

    async def reopen(self, address: str, run: str, t: Transcript, placed: Sequence[PostedPage]) -> Surface | None:
        return self.place if address == self.place.address else None

    def reads(self, seat: str) -> list[str]:
        """Every text that the seat's only message has had."""
        (history,) = (h for h in self.place.history.values() if h[0].lane.seat == seat)
        return [message.text for message in history]

    async def transcript(self) -> Transcript:
        return fold_all(Transcript(), await self.store.read(RUN))


def test_a_run_goes_on_in_the_messages_that_stand() -> None:
    async def scene() -> None:
        town = Town()
        await town.dies_after(2.0, {"ada": ["kept"], "bob": ["ha", 60.0], "cyd": [60.0]})
        stood = set(town.place.history)
        async with town.process({"bob": ["all of it"]}) as hall:
            await hall.resume(FORMATS, PLACE, town.reopen)
            t = await hall.wait_until_finished(RUN)
        assert t.finished == RunFinished("compared")
        assert sorted(seat for seat, _ in town.speakers[1].asked) == ["bob", "cyd"]  # Ada's answer was there
        said = {lane.seat: text for lane, text in town.place.read_texts() if lane.stage == "answer"}
        assert all(
            said[seat].startswith(text) for seat, text in (("ada", "kept"), ("bob", "all of it"), ("cyd", "cyd"))
        )
        assert len([ref for ref in town.place.history if ref not in stood]) == 1  # the end card alone is new
        assert sum(isinstance(e.fact, TurnStarted) for e in t.entries) == 3

    run_virtual(scene())


def no_end_cards(method: Method, lane: LaneId) -> float:
    if lane.stage == "end":
        raise SurfaceError("not now", 500)
    return 0.0


def test_what_was_shown_stays_until_there_are_new_words() -> None:
    async def scene() -> None:
        town = Town()
        await town.dies_after(2.0, {"ada": ["kept"], "bob": ["a long beginning", 60.0], "cyd": [60.0]})
        ada, bob = town.reads("ada"), town.reads("bob")
        async with town.process({"bob": [5.0, "new", 5.0]}) as hall:
            await hall.resume(FORMATS, PLACE, town.reopen)
            await hall.wait_until_finished(RUN)
        assert town.reads("ada") == ada  # what was over and shown is not sent again
        assert town.reads("bob")[len(bob)] == "new"

    run_virtual(scene())


def test_half_spoken_turns_are_kept_where_that_is_set() -> None:
    async def scene() -> None:
        town = Town()
        await town.dies_after(2.0, {"bob": ["a beginning", 60.0], "cyd": [60.0]})
        async with town.process({}, half_spoken="keep") as hall:
            await hall.resume(FORMATS, PLACE, town.reopen)
            t = await hall.wait_until_finished(RUN)
        ends = {turn.id.seat: turn.ended for turn in t.turns.values()}
        assert ends["bob"] is not None
        assert (ends["bob"].finish, ends["bob"].text) == ("cut", "a beginning")
        assert [seat for seat, _ in town.speakers[1].asked] == ["cyd"]  # who had shown nothing is asked again
        assert "cut off by a restart" in town.reads("bob")[-1]

    run_virtual(scene())


def test_what_is_not_known_to_have_been_posted_is_looked_for() -> None:
    async def scene() -> None:
        town = Town()
        await town.dies_after(2.0, {"ada": ["kept"], "bob": [60.0], "cyd": [60.0]})
        stood = set(town.place.history)
        for placed in await town.store.posted_pages(RUN):  # as if nothing of what Discord answered had been stored
            await town.store.record_page(RUN, replace(placed, ref="", reads=""))
        async with town.process({}) as hall:
            await hall.resume(FORMATS, PLACE, town.reopen)
            await hall.wait_until_finished(RUN)
        assert len([ref for ref in town.place.history if ref not in stood]) == 1  # the end card
        assert all(placed.ref and placed.reads for placed in await town.store.posted_pages(RUN))

    run_virtual(scene())


def test_a_finished_run_is_left_alone_only_once_it_is_shown() -> None:
    async def scene() -> None:
        town = Town()
        town.place.platform.fault = no_end_cards
        await town.dies_after(2.0, {})
        assert (await town.transcript()).finished
        town.place.platform.fault = lambda method, lane: 0.0
        await asyncio.sleep(1e6)  # an end that nobody saw does not age
        async with town.process({}) as hall:
            await hall.resume(FORMATS, PLACE, town.reopen)
            await hall.wait_until_finished(RUN)
            assert [lane.stage for lane, _ in town.place.read_texts()][-1] == "end"
            await hall.resume(FORMATS, PLACE, town.reopen)
            assert hall.transcript(RUN) is None
        assert CaughtUp() in [entry.fact for entry in await town.store.read(RUN)]

    run_virtual(scene())


def test_a_run_that_lay_still_for_too_long_is_closed() -> None:
    async def scene() -> None:
        town = Town()
        await town.dies_after(2.0, {"bob": ["a beginning", 60.0], "cyd": [60.0]})
        await asyncio.sleep(3_600)
        async with town.process({}, max_age_s=1_800) as hall:
            await hall.resume(FORMATS, PLACE, town.reopen)
            t = await hall.wait_until_finished(RUN)
        assert t.finished == RunFinished("stopped")
        assert town.speakers[1].asked == []
        assert town.reads("bob")[-1].startswith("a beginning")
        (board,) = (text for lane, text in town.place.read_texts() if lane.stage == "board")
        assert TOO_OLD in board

    run_virtual(scene())


def test_many_runs_are_taken_up_together_and_a_bad_one_holds_up_none() -> None:
    async def scene() -> None:
        town = Town()
        for n in range(100):
            await town.store.append(f"run{n}", [make_start("compare"), ViewAttached(f"{PLACE}:{n}")])
        opening, most = 0, 0

        async def reopen(address: str, run: str, t: Transcript, placed: Sequence[PostedPage]) -> Surface | None:
            nonlocal opening, most
            opening, most = opening + 1, max(most, opening + 1)
            await asyncio.sleep(1)
            opening -= 1
            if run == "run7":
                raise RuntimeError("it cannot be read")
            return Place(town.place.platform, address)

        async with town.process({}) as hall:
            await hall.resume(FORMATS, PLACE, reopen)
        assert most == RESUMED_AT_ONCE
        assert await town.store.unfinished_runs() == ["run7"]

    run_virtual(scene())


def test_a_second_platform_that_asks_meanwhile_shows_the_run_as_well() -> None:
    async def scene() -> None:
        town = Town()
        other = Place(town.place.platform, "other")
        views = [ViewAttached(town.place.address), ViewAttached(other.address)]
        await town.store.append(RUN, [make_start("compare"), *views])

        async def elsewhere(address: str, run: str, t: Transcript, placed: Sequence[PostedPage]) -> Surface | None:
            return other if address == other.address else None

        async with town.process({}) as hall:
            await asyncio.gather(hall.resume(FORMATS, PLACE, town.reopen), hall.resume(FORMATS, "other", elsewhere))
            await hall.wait_until_finished(RUN)
        assert [lane for lane, _ in other.read_texts()] == [lane for lane, _ in town.place.read_texts()]

    run_virtual(scene())


@pytest.mark.parametrize("seconds", [1.0, 60.0])
def test_a_process_that_stops_waits_for_runs_and_hands_over_the_others(seconds: float) -> None:
    async def scene() -> None:
        town = Town()
        await town.store.append(RUN, [make_start("compare"), ViewAttached(town.place.address)])
        async with town.process({"bob": ["so far", seconds, ", so good"]}, grace_s=5.0) as hall:
            await hall.begin(RUN, FORMATS["compare"], [town.place])
            await asyncio.sleep(0.5)
            await hall.hand_over()
            assert hall.leaving
            assert hall.transcript(RUN) is None
        (board,) = (text for lane, text in town.place.read_texts() if lane.stage == "board")
        assert (RESTARTING in board) == (seconds > 5)
        assert await town.store.unfinished_runs() == ([RUN] if seconds > 5 else [])
        async with town.process({"bob": ["so far, so good"]}) as hall:
            await hall.resume(FORMATS, PLACE, town.reopen)
            await asyncio.sleep(10)
        assert town.reads("bob")[-1].startswith("so far, so good")
        assert await town.store.unfinished_runs() == []

    run_virtual(scene())


def test_a_finished_run_whose_vote_is_open_goes_on_until_it_closes() -> None:
    async def scene() -> None:
        town = Town()
        begun = replace(make_start("compare"), rules=Rules(vote_s=60))
        await town.store.append(RUN, [begun, ViewAttached(town.place.address), RunFinished("compared")])
        async with town.process({}) as hall:
            await hall.resume(FORMATS, PLACE, town.reopen)
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
        await town.store.append(RUN, [make_start("compare"), ViewAttached("elsewhere")])
        async with town.process({}) as hall:
            await hall.resume(FORMATS, PLACE, town.reopen)
            assert hall.transcript(RUN) is None
        assert (await town.transcript()).turns == {}

    run_virtual(scene())
