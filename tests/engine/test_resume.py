"""A run goes on in another process: in the messages that stand there, and without asking anything twice."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from bot.domain.facts import (
    CaughtUp,
    Claimed,
    Deleted,
    Fact,
    RunFinished,
    TurnStarted,
    ViewAttached,
    VoteClosed,
)
from bot.domain.run import LaneId, Rules
from bot.domain.transcript import Transcript
from bot.engine.leaving import RESTARTING
from bot.engine.supervisor import TOO_OLD
from bot.engine.unfinished import AT_ONCE
from bot.errors import MaybeStored, StoreFailed
from bot.formats import FORMATS
from bot.ports.store import PostedPage
from bot.ports.surface import Method, Surface, SurfaceError
from tests.support.restarts import PLACE, RUN, RestartScene
from tests.support.stores import MemoryStore
from tests.support.surfaces import Place
from tests.support.transcripts import Play, make_start
from tests.support.virtual_time import in_virtual_time


@in_virtual_time
async def test_a_run_goes_on_in_the_messages_that_stand() -> None:
    scene = RestartScene()
    await scene.begin_and_die_after(2.0, {"ada": ["kept"], "bob": ["ha", 60.0], "cyd": [60.0]})
    stood = set(scene.place.history)
    async with scene.process({"bob": ["all of it"]}) as supervisor:
        await supervisor.resume_in_places(FORMATS, PLACE, scene.reopen)
        t = await supervisor.wait_until_finished(RUN)
    assert t.finished == RunFinished("compared")
    assert sorted(seat for seat, _ in scene.speakers[1].asked) == ["bob", "cyd"]  # Ada's answer was there
    said = {lane.seat: text for lane, text in scene.place.read_texts() if lane.stage == "answer"}
    assert all(said[seat].startswith(text) for seat, text in (("ada", "kept"), ("bob", "all of it"), ("cyd", "cyd")))
    assert len([ref for ref in scene.place.history if ref not in stood]) == 1  # the end card alone is new
    assert sum(isinstance(e.fact, TurnStarted) for e in t.entries) == 3


def refuse_end_cards(method: Method, lane: LaneId) -> float:
    if lane.stage == "end":
        raise SurfaceError("not now", 500)
    return 0.0


@in_virtual_time
async def test_what_was_shown_stays_until_there_are_new_words() -> None:
    scene = RestartScene()
    await scene.begin_and_die_after(2.0, {"ada": ["kept"], "bob": ["a long beginning", 60.0], "cyd": [60.0]})
    ada, bob = scene.read_history("ada"), scene.read_history("bob")
    async with scene.process({"bob": [5.0, "new", 5.0]}) as supervisor:
        await supervisor.resume_in_places(FORMATS, PLACE, scene.reopen)
        await supervisor.wait_until_finished(RUN)
    assert scene.read_history("ada") == ada  # what was over and shown is not sent again
    assert scene.read_history("bob")[len(bob)] == "new"


@in_virtual_time
async def test_half_spoken_turns_are_kept_where_that_is_set() -> None:
    scene = RestartScene()
    await scene.begin_and_die_after(2.0, {"bob": ["a beginning", 60.0], "cyd": [60.0]})
    async with scene.process({}, half_spoken="keep") as supervisor:
        await supervisor.resume_in_places(FORMATS, PLACE, scene.reopen)
        t = await supervisor.wait_until_finished(RUN)
    ends = {turn.id.seat: turn.ended for turn in t.turns.values()}
    assert ends["bob"] is not None
    assert (ends["bob"].finish, ends["bob"].text) == ("cut", "a beginning")
    assert [seat for seat, _ in scene.speakers[1].asked] == ["cyd"]  # who had shown nothing is asked again
    assert "cut off by a restart" in scene.read_history("bob")[-1]


@in_virtual_time
async def test_what_is_not_known_to_have_been_posted_is_looked_for() -> None:
    scene = RestartScene()
    await scene.begin_and_die_after(2.0, {"ada": ["kept"], "bob": [60.0], "cyd": [60.0]})
    stood = set(scene.place.history)
    for placed in await scene.store.posted_pages(RUN):  # as if nothing of what Discord answered had been stored
        await scene.store.record_page(RUN, replace(placed, ref="", reads=""))
    async with scene.process({}) as supervisor:
        await supervisor.resume_in_places(FORMATS, PLACE, scene.reopen)
        await supervisor.wait_until_finished(RUN)
    assert len([ref for ref in scene.place.history if ref not in stood]) == 1  # the end card
    assert all(placed.ref and placed.reads for placed in await scene.store.posted_pages(RUN))


@in_virtual_time
async def test_a_finished_run_is_left_alone_only_once_it_is_shown() -> None:
    scene = RestartScene()
    scene.place.platform.fault = refuse_end_cards
    await scene.begin_and_die_after(2.0, {})
    assert (await scene.transcript()).finished
    scene.place.platform.fault = lambda method, lane: 0.0
    await asyncio.sleep(1e6)  # an end that nobody saw does not age
    async with scene.process({}) as supervisor:
        await supervisor.resume_in_places(FORMATS, PLACE, scene.reopen)
        await supervisor.wait_until_finished(RUN)
        assert [lane.stage for lane, _ in scene.place.read_texts()][-1] == "end"
        await supervisor.resume_in_places(FORMATS, PLACE, scene.reopen)
        assert supervisor.transcript(RUN) is None
    assert CaughtUp() in [entry.fact for entry in await scene.store.read(RUN)]


@in_virtual_time
async def test_a_run_that_lay_still_for_too_long_is_closed() -> None:
    scene = RestartScene()
    await scene.begin_and_die_after(2.0, {"bob": ["a beginning", 60.0], "cyd": [60.0]})
    await asyncio.sleep(3_600)
    async with scene.process({}, max_age_s=1_800) as supervisor:
        await supervisor.resume_in_places(FORMATS, PLACE, scene.reopen)
        t = await supervisor.wait_until_finished(RUN)
    assert t.finished == RunFinished("stopped")
    assert scene.speakers[1].asked == []
    assert scene.read_history("bob")[-1].startswith("a beginning")
    (board,) = (text for lane, text in scene.place.read_texts() if lane.stage == "board")
    assert TOO_OLD in board


@in_virtual_time
async def test_many_runs_are_taken_up_together_and_a_bad_one_holds_up_none() -> None:
    scene = RestartScene()
    for n in range(100):
        await scene.store.append(f"run{n}", [make_start("compare"), ViewAttached(f"{PLACE}:{n}")])
    opening, most = 0, 0

    async def reopen(address: str, run: str, t: Transcript, placed: Sequence[PostedPage]) -> Surface | None:
        nonlocal opening, most
        opening, most = opening + 1, max(most, opening + 1)
        await asyncio.sleep(1)
        opening -= 1
        if run == "run7":
            raise RuntimeError("it cannot be read")
        return Place(scene.place.platform, address)

    async with scene.process({}) as supervisor:
        await supervisor.resume_in_places(FORMATS, PLACE, reopen)
    assert most == AT_ONCE
    assert await scene.store.unfinished_runs() == ["run7"]


@in_virtual_time
async def test_a_second_platform_that_asks_meanwhile_shows_the_run_as_well() -> None:
    scene = RestartScene()
    other = Place(scene.place.platform, "other")
    views = [ViewAttached(scene.place.address), ViewAttached(other.address)]
    await scene.store.append(RUN, [make_start("compare"), *views])

    async def elsewhere(address: str, run: str, t: Transcript, placed: Sequence[PostedPage]) -> Surface | None:
        return other if address == other.address else None

    async with scene.process({}) as supervisor:
        await asyncio.gather(
            supervisor.resume_in_places(FORMATS, PLACE, scene.reopen),
            supervisor.resume_in_places(FORMATS, "other", elsewhere),
        )
        await supervisor.wait_until_finished(RUN)
    assert [lane for lane, _ in other.read_texts()] == [lane for lane, _ in scene.place.read_texts()]


@in_virtual_time
async def test_a_run_that_begins_while_open_runs_are_looked_for_is_begun_once(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = RestartScene()
    claim = scene.store.claim

    async def claim_slowly(run: str, owner: str, facts: Sequence[Fact] = (), **how: Any) -> int:
        epoch = await claim(run, owner, facts, **how)
        await asyncio.sleep(1)
        return epoch

    monkeypatch.setattr(scene.store, "claim", claim_slowly)
    async with scene.process({}) as supervisor:
        first: list[Fact] = [make_start("compare"), ViewAttached(scene.place.address)]
        beginning = asyncio.create_task(supervisor.begin(RUN, FORMATS["compare"], [scene.place], first))
        await asyncio.sleep(0.5)
        await supervisor.resume_in_places(FORMATS, PLACE, scene.reopen)
        await beginning
        await supervisor.wait_until_finished(RUN)
    claims = [entry.fact for entry in await scene.store.read(RUN) if isinstance(entry.fact, Claimed)]
    assert len(claims) == 1
    lanes = [lane for lane, _ in scene.place.read_texts()]
    assert len(lanes) == len(set(lanes))


@pytest.mark.parametrize("seconds", [1.0, 60.0])
@in_virtual_time
async def test_a_process_that_stops_waits_for_runs_and_hands_over_the_others(seconds: float) -> None:
    scene = RestartScene()
    await scene.store.append(RUN, [make_start("compare"), ViewAttached(scene.place.address)])
    async with scene.process({"bob": ["so far", seconds, ", so good"]}, grace_s=5.0) as supervisor:
        await supervisor.begin(RUN, FORMATS["compare"], [scene.place])
        await asyncio.sleep(0.5)
        await supervisor.hand_over()
        assert supervisor.leaving
        assert supervisor.transcript(RUN) is None
    (board,) = (text for lane, text in scene.place.read_texts() if lane.stage == "board")
    assert (RESTARTING in board) == (seconds > 5)
    assert await scene.store.unfinished_runs() == ([RUN] if seconds > 5 else [])
    async with scene.process({"bob": ["so far, so good"]}) as supervisor:
        await supervisor.resume_in_places(FORMATS, PLACE, scene.reopen)
        await asyncio.sleep(10)
    assert scene.read_history("bob")[-1].startswith("so far, so good")
    assert await scene.store.unfinished_runs() == []


@in_virtual_time
async def test_a_finished_run_whose_vote_is_open_goes_on_until_it_closes() -> None:
    scene = RestartScene()
    begun = replace(make_start("compare"), rules=Rules(vote_s=60))
    _, *said = (entry.fact for entry in Play(begun).play_stage().t.entries)
    await scene.store.append(RUN, [begun, ViewAttached(scene.place.address), *said, RunFinished("compared")])
    async with scene.process({}) as supervisor:
        await supervisor.resume_in_places(FORMATS, PLACE, scene.reopen)
        await asyncio.sleep(1)
        assert supervisor.transcript(RUN) is not None
        await scene.store.append(RUN, [VoteClosed("p")])
        supervisor.wake(RUN)
        await asyncio.sleep(1)
        assert supervisor.transcript(RUN) is None


@in_virtual_time
async def test_what_can_be_shown_nowhere_stays_as_it_is() -> None:
    scene = RestartScene()
    await scene.store.append(RUN, [make_start("compare"), ViewAttached("elsewhere")])
    async with scene.process({}) as supervisor:
        await supervisor.resume_in_places(FORMATS, PLACE, scene.reopen)
        assert supervisor.transcript(RUN) is None
    assert (await scene.transcript()).turns == {}


class SlowPages(MemoryStore):
    """A store in which it takes a while to find where messages stand."""

    async def posted_pages(self, run: str) -> list[PostedPage]:
        pages = await super().posted_pages(run)
        await asyncio.sleep(1)
        return pages


@pytest.mark.parametrize("seconds", [0.5, 1.5, 2.5])  # while it is looked for, reopened, and claimed
@in_virtual_time
async def test_a_run_that_is_deleted_while_it_is_taken_up_asks_nobody_and_shows_nothing(seconds: float) -> None:
    scene = RestartScene()
    await scene.begin_and_die_after(2.0, {"ada": ["kept"], "bob": ["ha", 60.0], "cyd": [60.0]})
    scene.store.__class__ = SlowPages
    stood = set(scene.place.history)

    async def reopen(address: str, run: str, t: Transcript, placed: Sequence[PostedPage]) -> Surface | None:
        await asyncio.sleep(1)
        return scene.place

    async with scene.process({"bob": [60.0, "all of it"]}) as supervisor:
        taking_up = asyncio.create_task(supervisor.resume_in_places(FORMATS, PLACE, reopen))
        await asyncio.sleep(seconds)
        await scene.store.append(RUN, [Deleted("pat")])
        supervisor.wake(RUN)
        if await supervisor.wait_until_begun(RUN):
            await supervisor.wait_until_finished(RUN)
        await scene.store.erase_runs([RUN])
        await taking_up
        assert not await supervisor.wait_until_begun(RUN)
    assert scene.speakers[1].asked == []
    assert set(scene.place.history) == stood
    assert await scene.store.read(RUN) == []


@in_virtual_time
async def test_a_start_of_which_nobody_knows_is_in_doubt_until_it_is_taken_up(monkeypatch: pytest.MonkeyPatch) -> None:
    scene = RestartScene()
    claim = scene.store.claim

    async def lose_answer(run: str, owner: str, facts: Sequence[Fact] = (), **how: Any) -> int:
        await claim(run, owner, facts, **how)
        raise MaybeStored("The connection is gone.")

    async def refuse(run: str, owner: str, facts: Sequence[Fact] = (), **how: Any) -> int:
        raise StoreFailed("The server is read-only.")

    async with scene.process({}) as supervisor:
        await supervisor.resume_in_places(FORMATS, PLACE, scene.reopen)
        assert not supervisor.is_in_doubt
        monkeypatch.setattr(scene.store, "claim", lose_answer)
        with pytest.raises(MaybeStored):
            await supervisor.begin(RUN, FORMATS["compare"], [scene.place], [make_start("compare"), ViewAttached(PLACE)])
        monkeypatch.setattr(scene.store, "claim", refuse)
        for _ in range(2):
            assert supervisor.is_in_doubt
            with pytest.raises(StoreFailed):
                await supervisor.resume_unfinished()
        monkeypatch.setattr(scene.store, "claim", claim)
        await supervisor.resume_unfinished()
        assert not supervisor.is_in_doubt
        await supervisor.wait_until_finished(RUN)
    assert (await scene.transcript()).finished == RunFinished("compared")


@in_virtual_time
async def test_a_start_after_which_its_messages_cannot_be_read_is_not_told_as_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def fail(run: str) -> list[PostedPage]:
        raise StoreFailed("The connection is gone.")

    scene = RestartScene()
    async with scene.process({}) as supervisor:
        with monkeypatch.context() as patched:
            patched.setattr(scene.store, "posted_pages", fail)
            with pytest.raises(MaybeStored):
                await supervisor.begin(RUN, FORMATS["compare"], [scene.place], [make_start("compare")])
    assert await scene.store.unfinished_runs() == [RUN]
