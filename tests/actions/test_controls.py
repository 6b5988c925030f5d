"""People skip, vote, remove and delete: the effect on the run."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from bot.actions.permissions import NO_RIGHTS, Person, Rights
from bot.domain.controls import ANOTHER_VERSION, ObjectionRef, SeatRef, Target
from bot.domain.run import TurnId
from bot.engine.thread import REMOVED
from bot.errors import Refused
from commands import COMMANDS
from commands.command import Command, Here, may_see_all
from commands.controls import PRESSES
from commands.transfer import TransferOptions
from tests.support.actions_scene import MO, PAT, ActionsScene
from tests.support.speakers import make_refusal

GUESTS = [Person(f"g{n}", f"Guest {n}") for n in range(3)]


async def test_others_skip_together_and_the_starter_alone(scene: ActionsScene) -> None:
    run = await scene.start_run()
    await asyncio.sleep(1)
    turn = TurnId("answer", 1, "ada")
    noted = "Noted. One more press skips Ada."
    assert await scene.actions.skip_turn(run, turn, GUESTS[0]) == noted  # Pat asked, so two are present
    await scene.actions.add_remark(run, "hello", GUESTS[1])
    assert await scene.actions.skip_turn(run, turn, GUESTS[0]) == noted
    assert (await scene.read_stored(run)).skips == frozenset()
    told = await asyncio.gather(*(scene.actions.skip_turn(run, turn, g) for g in GUESTS[1:]))
    assert "Ada is skipped." in told
    assert await scene.actions.skip_seat(run, "bob", PAT) == "Bob is skipped."
    await scene.actions.stop_run(run, MO)


async def test_only_starter_and_moderators_stop_retry_and_close(scene: ActionsScene) -> None:
    scene.speaker.lines = {"ada": [make_refusal()], "bob": ["b", 60.0], "cyd": ["c", 60.0]}
    run = await scene.start_run()
    await asyncio.sleep(1)
    ada = TurnId("answer", 1, "ada")
    for wrong in (scene.actions.stop_run, scene.actions.close_vote, scene.actions.keeping.delete_run):
        with pytest.raises(Refused, match="is for Pat and moderators"):
            await wrong(run, GUESTS[0])
    with pytest.raises(Refused, match="is for Pat and moderators"):
        await scene.actions.retry_turn(run, ada, GUESTS[0])
    scene.speaker.lines = {"ada": ["better"]}
    assert await scene.actions.retry_turn(run, ada, PAT) == "Ada is asked again."
    await asyncio.sleep(1)
    assert await scene.actions.read_lane(run, ada.lane, PAT) == ("Ada", "better")
    with pytest.raises(Refused, match="has not failed"):
        await scene.actions.retry_turn(run, ada, PAT)
    await scene.actions.stop_run(run, MO)


async def test_one_vote_a_person_and_round_until_the_vote_closes(scene: ActionsScene) -> None:
    scene.speaker.lines = {}
    run = await scene.start_run()
    await asyncio.sleep(1)
    assert (await scene.read_stored(run)).finished
    assert await scene.actions.cast_vote(run, "ada", PAT) == "Your vote is Ada's."
    assert await scene.actions.cast_vote(run, "bob", PAT) == "Your vote is now Bob's."
    with pytest.raises(Refused, match="not that seat's"):
        await scene.actions.withdraw_vote(run, "ada", PAT, 1)
    assert await scene.actions.withdraw_vote(run, "bob", PAT, 1) == "Your vote is taken away."
    await scene.actions.cast_vote(run, "cyd", GUESTS[0])
    await scene.actions.close_vote(run, PAT)
    with pytest.raises(Refused, match="The vote is closed"):
        await scene.actions.cast_vote(run, "ada", PAT)
    await scene.actions.wait_until_finished(run)
    [end] = [text for lane, text in scene.place.read_texts() if lane.stage == "end"]
    assert "Votes: Cyd 1." in end


async def test_the_vote_closes_by_itself(scene: ActionsScene) -> None:
    scene.speaker.lines = {}
    run = await scene.start_run()
    await scene.actions.cast_vote(run, "ada", PAT)
    await asyncio.sleep(590)
    assert all("Votes" not in text for _, text in scene.place.read_texts())
    await scene.actions.wait_until_finished(run)
    assert any("Votes: Ada 1." in text for _, text in scene.place.read_texts())
    with pytest.raises(Refused, match="The vote is closed"):
        await scene.actions.cast_vote(run, "ada", PAT)


async def test_what_is_removed_reads_as_removed_everywhere(scene: ActionsScene) -> None:
    scene.speaker.lines = {}
    run = await scene.start_run()
    await asyncio.sleep(1)
    turn = TurnId("answer", 1, "ada")
    with pytest.raises(Refused, match="Remove is for moderators"):
        await scene.actions.remove_turn(run, turn, PAT)
    assert await scene.actions.remove_turn(run, turn, MO) == "Removed what Ada said."
    await asyncio.sleep(1)
    assert (turn.lane, REMOVED) in scene.place.read_texts()
    assert (await scene.actions.read_thread(run, PAT))[0].text == REMOVED
    with pytest.raises(Refused, match="removed by a moderator"):
        await scene.actions.read_lane(run, turn.lane, PAT)
    await scene.actions.close_vote(run, PAT)


async def test_a_deleted_run_is_gone_for_people(scene: ActionsScene) -> None:
    run = await scene.start_run()
    await scene.actions.keeping.delete_run(run, PAT)
    await scene.actions.wait_until_finished(run)
    assert await scene.actions.list_runs(PAT, 10, may_see_all) == []
    with pytest.raises(Refused, match="There is no run"):
        await scene.actions.read_run(run, PAT)


async def test_texts_go_once_a_deleted_run_is_conducted_no_more(scene: ActionsScene) -> None:
    run = await scene.start_run()
    await asyncio.sleep(1)
    assert await scene.store.read(run)
    await scene.actions.keeping.delete_run(run, PAT)
    await scene.actions.erase_deleted([run])
    assert not await scene.store.read(run)
    assert not await scene.store.snapshots(run)
    with pytest.raises(Refused, match="There is no run"):
        await scene.actions.read_thread(run, PAT)
    other = await scene.start_run()  # the process goes on
    await scene.actions.stop_run(other, PAT)
    await scene.finish(other)


async def test_runs_are_listed_for_those_who_can_look_where_they_are_shown(scene: ActionsScene) -> None:
    begun = [await scene.start_run() for _ in range(3)]
    asked: list[str] = []

    async def may_see(address: str) -> bool:
        asked.append(address)
        return len(asked) != 2

    assert len(await scene.actions.list_runs(PAT, 1, may_see_all)) == 1
    shown = [row.run for row in await scene.actions.list_runs(PAT, 10, may_see)]
    assert len(shown) == 2
    assert set(shown) < set(begun)
    assert asked == ["place"] * 3
    assert len(await scene.actions.list_runs(PAT, 1, may_see)) == 1
    assert asked == ["place"] * 4
    for run in begun:
        await scene.actions.stop_run(run, PAT)


async def find_no_rights(address: str) -> Rights:
    return NO_RIGHTS


async def find_right_to_see(address: str) -> Rights:
    return Rights(see=True)


STRANGER = replace(GUESTS[0], rights_at=find_no_rights)


@pytest.mark.parametrize(
    "command", [c for c in COMMANDS if "run" in c.options.model_fields], ids=lambda c: " ".join(c.path)
)
async def test_a_run_is_named_by_those_who_can_look_where_it_is_shown(command: Command, scene: ActionsScene) -> None:
    run = await scene.start_run()
    needed = {name: "ada" for name, field in command.options.model_fields.items() if field.is_required()}
    options = command.options.model_validate({**needed, "run": run})
    here = Here(STRANGER, lambda run, title: scene.place)
    with pytest.raises(Refused, match=f"^There is no run {run} here.$"):
        await command.handle(scene.actions, options, here)
    await scene.actions.stop_run(run, PAT)


async def test_nothing_is_sent_into_a_run_that_somebody_cannot_look_at(scene: ActionsScene) -> None:
    run = await scene.start_run()
    here = Here(STRANGER, lambda run, title: scene.place)
    with pytest.raises(Refused, match=f"^Nothing was sent. There is no run {run} here.$"):
        await PRESSES["send_to"].handle(scene.actions, Target(text="tea"), TransferOptions(run=run), here)
    await scene.actions.stop_run(run, PAT)


ABOUT_NO_RUN = {"ask", "ask_about", "debate_about", "start", "cancel", "keep", "forget_me", "page"}


@pytest.mark.parametrize("action", sorted(PRESSES.keys() - ABOUT_NO_RUN))
async def test_a_press_acts_only_where_its_person_sees_and_writes(action: str, scene: ActionsScene) -> None:
    run = await scene.start_run()
    await asyncio.sleep(1)
    before = await scene.store.read(run)
    press = PRESSES[action]
    needed: dict[str, Any] = dict.fromkeys(press.options.model_fields, "ada")
    told: dict[str, list[str]] = {"stranger": [], "reader": []}
    for who, by in (("stranger", STRANGER), ("reader", replace(MO, rights_at=find_right_to_see))):
        for about in (None, SeatRef("ada"), TurnId("answer", 1, "ada"), ObjectionRef(1)):
            options = press.options.model_construct(**needed)
            here = Here(by, lambda run, title: scene.place)
            try:
                await press.handle(scene.actions, Target(run, about), options, here)
            except Refused as error:
                told[who].append(str(error))
            else:
                told[who].append("done")
    assert await scene.store.read(run) == before
    assert {text.removeprefix("Nothing was sent. ") for text in told["stranger"]} - {ANOTHER_VERSION} == {
        f"There is no run {run} here."
    }
    await scene.actions.stop_run(run, PAT)
