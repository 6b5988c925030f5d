"""People at the table: they vote, skip, stop and remark while the models speak.

What a person does is stored as a fact before it acts, because another process may conduct the run.
"""

from __future__ import annotations

import asyncio

import pytest

from bot.actions.actions import Actions
from bot.actions.permissions import Person
from bot.actions.request import RunRequest
from bot.domain.facts import VoteCast
from bot.domain.run import TurnId
from bot.ports.surface import OpenSurface
from tests.support.speakers import ScriptedSpeaker
from tests.support.stores import MemoryStore
from tests.support.surfaces import Place

ADA, BOB = TurnId("answer", 1, "ada"), TurnId("answer", 1, "bob")


@pytest.fixture
async def run(actions: Actions, pat: Person, show: OpenSurface) -> str:
    """Return the id of a comparison in which all three seats are speaking."""
    run = await actions.start_run(RunRequest("compare", "Tabs or spaces?", pat), show)
    await asyncio.sleep(1)
    return run


async def test_a_vote_is_a_fact_and_the_latest_one_counts(
    actions: Actions, run: str, gus: Person, store: MemoryStore
) -> None:
    assert await actions.cast_vote(run, "ada", gus) == "Your vote is Ada's."
    assert await actions.cast_vote(run, "bob", gus) == "Your vote is now Bob's."
    assert [entry.fact for entry in await store.read(run)][-2:] == [VoteCast("g", 1, "ada"), VoteCast("g", 1, "bob")]
    assert (await actions.read_run(run, gus)).votes == {("g", 1): "bob"}


async def test_a_skip_ends_one_turn_and_keeps_what_it_said(actions: Actions, run: str, pat: Person) -> None:
    assert await actions.skip_turn(run, ADA, pat) == "Ada is skipped."
    await asyncio.sleep(1)
    turns = (await actions.read_run(run, pat)).turns
    ended = turns[ADA].ended
    assert ended is not None
    assert (ended.finish, ended.text) == ("skipped", "ada thinks so")
    assert turns[BOB].ended is None


async def test_a_stop_ends_the_run_and_keeps_what_was_said(
    actions: Actions, run: str, pat: Person, speaker: ScriptedSpeaker, place: Place
) -> None:
    assert await actions.stop_run(run, pat) == "Stopped; what was said is kept."
    over = await actions.wait_until_finished(run)
    assert over is not None
    assert {turn.ended.finish for turn in over.turns.values() if turn.ended} == {"stopped"}
    assert speaker.speaking == 0
    [ada] = [text for lane, text in place.read_texts() if lane == ADA.lane]
    assert ada.startswith("ada thinks so")


async def test_a_remark_reaches_every_seat_at_its_next_turn(
    actions: Actions, pat: Person, gus: Person, show: OpenSurface, speaker: ScriptedSpeaker
) -> None:
    run = await actions.start_run(RunRequest("debate", "Tabs or spaces?", pat, rounds=2), show)
    await asyncio.sleep(1)
    await actions.add_remark(run, "Think of the blind.", gus)
    await asyncio.sleep(60)
    first, second = speaker.asked[:3], speaker.asked[3:6]
    assert not any("Think of the blind." in part.text for _, ask in first for part in ask.parts)
    assert all(any("Think of the blind." in part.text for part in ask.parts) for _, ask in second)
