"""People steer a run: the answers they get, and the effect on the run."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from dataclasses import replace

import pytest

from bot.actions.permissions import Person
from bot.actions.request import RunRequest, rerun
from bot.actions.steering import MAX_STANDING_OBJECTIONS
from bot.domain.controls import About, ObjectionRef, Target
from bot.domain.run import DebateRules, TurnId
from bot.errors import Refused
from bot.formats.personas import LIBRARY
from commands.command import Here, NoOptions
from commands.controls import PRESSES, ObjectionFormOptions
from commands.steer import COMMANDS as STEERING
from commands.steer import AddOptions
from tests.support.actions_scene import MO, PAT, ActionsScene
from tests.support.speakers import make_refusal

ANN, BEN = Person("ann", "Ann"), Person("ben", "Ben")


async def start_debate(scene: ActionsScene, *, rounds: int = 3, next_: str = "at once", panel: str = "default") -> str:
    """Start a debate in which every turn takes a minute and ten seconds; return its id."""
    scene.speaker.lines = {**{seat: ["a word", 70.0] for seat in ("ada", "bob", "cyd")}, "judge": ["VERDICT: Ada."]}
    how = DebateRules(watch=False, criteria=(), next=next_)  # type: ignore[arg-type]  # a test's word is a Next
    run = await scene.actions.start_run(
        RunRequest("debate", "Why?", PAT, panel, rounds, debating=how), lambda run, title: scene.place
    )
    await asyncio.sleep(1)
    return run


async def read_refusal(act: Awaitable[object]) -> str:
    with pytest.raises(Refused) as caught:
        await act
    return str(caught.value)


def read_board(scene: ActionsScene) -> str:
    return next(text for lane, text in scene.place.read_texts() if lane.stage == "board")


async def test_a_pause_holds_the_next_round_back_until_it_is_resumed(scene: ActionsScene) -> None:
    run, steering = await start_debate(scene), scene.actions.steering
    assert await read_refusal(steering.pause_run(run, ANN)) == "Pause is for Pat and moderators."
    assert (await steering.pause_run(run, PAT)).startswith("Paused: what speaks now finishes")
    assert await read_refusal(steering.pause_run(run, MO)) == "Pat has paused it already."
    await asyncio.sleep(600)
    t = await scene.read_stored(run)
    assert {i.round for i in t.turns} == {1}
    assert all(turn.ended and turn.ended.finish == "done" for turn in t.turns.values())
    assert "⏸ Pat has paused this run" in read_board(scene)
    assert await read_refusal(steering.resume_run(run, ANN)) == "Resume is for Pat and moderators."
    assert await steering.resume_run(run, MO) == "It goes on."
    assert await read_refusal(steering.resume_run(run, MO)) == "It is not paused."
    await asyncio.sleep(5)
    assert {i.round for i in (await scene.read_stored(run)).turns} == {1, 2}
    assert "Paused" not in read_board(scene)
    await scene.actions.stop_run(run, PAT)


async def test_a_pause_that_nobody_ends_is_the_end_after_a_day(scene: ActionsScene) -> None:
    run = await start_debate(scene)
    await scene.actions.steering.pause_run(run, PAT)
    await asyncio.sleep(86_300)
    assert (await scene.read_stored(run)).finished is None
    await asyncio.sleep(200)
    finished = (await scene.read_stored(run)).finished
    assert finished is not None
    assert finished.outcome == "stopped"
    await scene.actions.close_vote(run, PAT)


async def test_a_seat_is_added_as_it_was_resolved_and_another_dropped(scene: ActionsScene) -> None:
    run, steering = await start_debate(scene, panel="twins"), scene.actions.steering
    assert await read_refusal(steering.add_seat(run, "cyd", "", "", ANN)) == "Adding a seat is for Pat and moderators."
    assert "There is no model “dan”" in await read_refusal(steering.add_seat(run, "dan", "", "", PAT))
    assert "no seat “dan” in it" in await read_refusal(steering.add_seat(run, "dan", "", "default", PAT))
    assert "needs a moderator" in await read_refusal(steering.add_seat(run, "cyd", "a nurse", "", PAT))
    assert (
        await steering.add_seat(run, "cyd@0.2/600", "skeptic", "", PAT)
        == "Cyd (skeptic) joins the table from round 2 on."
    )
    assert await steering.add_seat(run, "ada", "", "default", PAT) == "Ada 3 joins the table from round 2 on."
    await asyncio.sleep(1)
    seats = (await scene.read_stored(run)).panel.seats
    assert [s.key for s in seats] == ["ada", "ada:2", "cyd", "ada:3"]
    assert (seats[2].temperature, seats[2].max_tokens) == (0.2, 600)
    assert seats[2].persona == LIBRARY["skeptic"]
    assert "debate of Ada, Ada 2, Cyd (skeptic), Ada 3" in read_board(scene)
    assert await read_refusal(steering.drop_seat(run, "Ada", ANN)) == "Dropping a seat is for Pat and moderators."
    assert "Did you mean" in await read_refusal(steering.drop_seat(run, "Ada 4", PAT))
    assert await steering.drop_seat(run, "ada 2", PAT) == "Ada 2 leaves the table; what it has said stays shown."
    await steering.drop_seat(run, "1", PAT)
    assert await read_refusal(steering.drop_seat(run, "cyd", PAT)) == "A debate needs two seats: stop it instead."
    await asyncio.sleep(1)
    t = await scene.read_stored(run)
    cut = t.turns[TurnId("opening", 1, "ada")].ended
    assert cut is not None
    assert (cut.finish, cut.text) == ("skipped", "a word")
    assert "Dropped: Ada 2 (by Pat), Ada (by Pat)" in read_board(scene)
    wish = rerun(t, PAT)
    assert wish.seats is not None
    assert [s.model for s in wish.seats.seats] == ["cyd", "ada"], "who was dropped does not come again"
    await scene.actions.stop_run(run, PAT)


@pytest.mark.parametrize("scene", [{"cyd": "set CYD_KEY"}], indirect=True)
async def test_who_is_away_does_not_join(scene: ActionsScene) -> None:
    run = await start_debate(scene, panel="twins")
    told = await read_refusal(scene.actions.steering.add_seat(run, "cyd", "", "", PAT))
    assert told == "Cyd is away: set CYD_KEY."
    await scene.actions.stop_run(run, PAT)


async def test_a_table_is_never_fuller_than_its_format_allows(scene: ActionsScene) -> None:
    run, steering = await start_debate(scene), scene.actions.steering
    for _ in range(5):
        await steering.add_seat(run, "ada", "", "", PAT)
    assert (
        await read_refusal(steering.add_seat(run, "ada", "", "", PAT))
        == "A debate has 8 seats at most here: drop one first."
    )
    await scene.actions.stop_run(run, PAT)
    await asyncio.sleep(1)
    assert await read_refusal(steering.add_seat(run, "ada", "", "", PAT)) == "This run is over."


async def test_it_is_too_late_for_a_seat_that_nobody_would_hear(scene: ActionsScene) -> None:
    run, steering = await start_debate(scene, rounds=1), scene.actions.steering
    assert "The last round has begun" in await read_refusal(steering.add_seat(run, "ada", "", "", PAT))
    await scene.actions.stop_run(run, PAT)
    scene.speaker.lines = {"ada": ["a"], "bob": ["b"], "cyd": ["c", 60.0]}
    council = await scene.start_run("council")
    assert await steering.add_seat(council, "ada", "", "", PAT) == "Ada 2 joins the table now."
    await asyncio.sleep(20)
    assert "The reviews have begun" in await read_refusal(steering.add_seat(council, "ada", "", "", PAT))
    await scene.actions.stop_run(council, PAT)
    compare = await scene.start_run("compare")
    for seat in ("ada", "bob"):
        await steering.drop_seat(compare, seat, PAT)
    assert "needs one seat" in await read_refusal(steering.drop_seat(compare, "cyd", PAT))
    await scene.actions.stop_run(compare, PAT)


async def test_the_seats_of_a_pipeline_are_those_of_its_steps(scene: ActionsScene) -> None:
    run = await scene.actions.run_pipeline(
        "refine", RunRequest("pipeline", "Why?", PAT), lambda run, title: scene.place
    )
    assert "are fixed" in await read_refusal(scene.actions.steering.add_seat(run, "ada", "", "", PAT))
    assert "are fixed: skip its turn" in await read_refusal(scene.actions.steering.drop_seat(run, "ada", PAT))
    await scene.actions.stop_run(run, PAT)


async def test_a_failed_turn_of_a_seat_that_left_is_not_asked_again(scene: ActionsScene) -> None:
    scene.speaker.lines = {"ada": [make_refusal()], "bob": ["b", 60.0], "cyd": ["c", 60.0]}
    run = await scene.start_run()
    await asyncio.sleep(1)
    await scene.actions.steering.drop_seat(run, "ada", PAT)
    assert (
        await read_refusal(scene.actions.retry_turn(run, TurnId("answer", 1, "ada"), PAT)) == "Ada has left the table."
    )
    assert await read_refusal(scene.actions.cast_vote(run, "ada", ANN)) == "That seat is not at this table."
    await scene.actions.stop_run(run, PAT)


async def test_objections_are_raised_upvoted_and_answered(scene: ActionsScene) -> None:
    run, steering = await start_debate(scene), scene.actions.steering
    assert "There is no objection yet" in await read_refusal(steering.raise_objection(run, " ", ANN))
    assert "may have 20 characters; this has 21" in await read_refusal(steering.raise_objection(run, "x" * 21, ANN))
    assert (
        await steering.raise_objection(run, "ADA, why?", ANN)
        == "Noted: round 2 answers the most upvoted objection first."
    )
    await steering.raise_objection(run, "Adamant!", BEN)
    await steering.raise_objection(run, "Well?", BEN, "cyd")
    assert [o.said.to for o in (await scene.read_stored(run)).steering.objections] == [("ada",), (), ("cyd",)]
    assert (
        await read_refusal(steering.upvote_objection(run, 1, ANN)) == "It is your own objection; others may upvote it."
    )
    assert await steering.upvote_objection(run, 2, ANN) == "You support Ben's objection."
    assert await steering.upvote_objection(run, 2, ANN) == "Your upvote is taken away."
    assert await read_refusal(steering.withdraw_upvote(run, 2, ANN)) == "You have not upvoted it."
    await steering.upvote_objection(run, 1, BEN)
    await asyncio.sleep(80)
    assert "is answered, or being answered now" in await read_refusal(steering.upvote_objection(run, 1, PAT))
    assert "Round 2 answers Ann's objection first" in read_board(scene)
    asked = [str(ask) for seat, ask in scene.speaker.asked if seat == "ada"][-1]
    assert "objection from Ann, to be answered first" in asked
    for n in range(MAX_STANDING_OBJECTIONS - 2):
        await steering.raise_objection(run, f"No. {n}", ANN)
    assert f"{MAX_STANDING_OBJECTIONS} objections stand already" in await read_refusal(
        steering.raise_objection(run, "One more", ANN)
    )
    await asyncio.sleep(80)
    assert "the last round has begun" in await read_refusal(steering.raise_objection(run, "Too late", ANN))
    await scene.actions.stop_run(run, PAT)


async def test_what_is_objected_to_keeps_to_the_servers_words_and_to_debates(scene: ActionsScene) -> None:
    compare = await scene.start_run()
    assert "Objections are answered in debates" in await read_refusal(
        scene.actions.steering.raise_objection(compare, "No!", ANN)
    )
    await scene.actions.stop_run(compare, PAT)
    there = replace(PAT, server="x:strict", roles=frozenset({"speakers"}))
    wish = RunRequest("debate", "Why?", there, "default", channels=("talk",), debating=DebateRules(cast=True))
    scene.speaker.lines = {**scene.speaker.lines, "judge": ["personas", 5.0]}
    run = await scene.actions.start_run(wish, lambda run, title: scene.place)
    assert "nobody has spoken yet" in await read_refusal(scene.actions.steering.raise_objection(run, "No!", there))
    await asyncio.sleep(6)
    told = await read_refusal(scene.actions.steering.raise_objection(run, "a newt!", there))
    assert told == "The objection has a word that is not allowed here: “newt”."
    await scene.actions.stop_run(run, there)


@pytest.mark.parametrize(("end", "outcome"), [(True, "The debate ended"), (False, "The debate went on")])
async def test_the_next_round_comes_by_vote(end: bool, outcome: str, scene: ActionsScene) -> None:
    run, steering = await start_debate(scene, next_="vote"), scene.actions.steering
    assert await read_refusal(steering.vote_on_next_round(run, 1, "end", ANN)) == "Nobody votes on a next round now."
    await asyncio.sleep(75)
    assert (
        await steering.vote_on_next_round(run, 1, "end" if end else "go on", ANN)
        == f"Your vote is “{'end' if end else 'go on'}”."
    )
    assert await read_refusal(steering.close_round_vote(run, BEN, 1)) == "Closing the vote is for Pat and moderators."
    assert await read_refusal(steering.start_next_round(run, BEN)) == "Next is for Pat and moderators."
    assert await steering.close_round_vote(run, PAT, 1) == "The vote is closed."
    await asyncio.sleep(10)
    assert await read_refusal(steering.close_round_vote(run, PAT, 1)) in (
        "Nobody votes on a next round now.",
        "This run is over.",
    )
    [card] = [text for lane, text in scene.place.read_texts() if lane.stage == "round"]
    assert card.startswith(outcome)
    if not end:
        await asyncio.sleep(75)
        assert (
            await read_refusal(steering.vote_on_next_round(run, 1, "end", ANN)) == "The vote after round 1 is closed."
        )
        assert await steering.start_next_round(run, MO) == "Round 3 begins."
        await scene.actions.stop_run(run, PAT)
    await scene.actions.close_vote(run, PAT)


async def test_where_nobody_votes_it_goes_on_by_itself(scene: ActionsScene) -> None:
    run = await start_debate(scene, next_="vote")
    await asyncio.sleep(70 + 117)
    assert {i.round for i in (await scene.read_stored(run)).turns} == {1}
    await asyncio.sleep(5)
    assert {i.round for i in (await scene.read_stored(run)).turns} == {1, 2}
    await scene.actions.stop_run(run, PAT)
    await scene.actions.close_vote(run, PAT)


async def test_who_joins_is_noted_once_while_it_runs(scene: ActionsScene) -> None:
    run, steering = await start_debate(scene), scene.actions.steering
    await asyncio.gather(
        *(steering.note_joined(run, who) for who in (ANN, ANN, BEN, PAT, replace(MO, server="elsewhere")))
    )
    await steering.note_joined(run, ANN)
    await asyncio.sleep(1)
    joined = [e.fact for e in await scene.store.read(run) if type(e.fact).__name__ == "Joined"]
    assert len(joined) == 2
    assert "Also here: Ann and Ben" in read_board(scene)
    await scene.actions.stop_run(run, PAT)
    await scene.actions.close_vote(run, PAT)
    await scene.actions.wait_until_finished(run)
    await steering.note_joined(run, MO)
    assert "mo" not in (await scene.read_stored(run)).steering.joined


async def test_buttons_and_commands_do_the_same(scene: ActionsScene) -> None:
    run = await start_debate(scene)
    here = Here(PAT, lambda run, question: scene.place, run=run)
    commands = {c.path[-1]: c for c in STEERING}

    async def command(name: str, **given: str) -> str:
        told = await commands[name].handle(scene.actions, commands[name].options.model_validate(given), here)
        return told.text  # type: ignore[union-attr]  # steering tells a sentence

    async def press(name: str, about: About = None) -> str:
        options = ObjectionFormOptions(text="Why, Bob?") if name == "object" else NoOptions()
        told = await PRESSES[name].handle(scene.actions, Target(run, about), options, here)
        return told.text  # type: ignore[union-attr]  # as above

    assert (await command("pause")).startswith("Paused")
    assert await press("resume") == "It goes on."
    assert (await press("pause")).startswith("Paused")
    assert await command("resume") == "It goes on."
    assert "Ada 2" in await command("add", **AddOptions(model="ada").model_dump())
    assert "Ada 2 leaves" in await command("drop", seat="Ada 2")
    await command("object", text="Why, Bob?")
    await press("object", TurnId("opening", 1, "ada"))
    raised = (await scene.read_stored(run)).steering.objections
    assert [o.said.to for o in raised] == [("bob",), ("ada",)]
    with pytest.raises(Refused, match="your own objection"):
        await press("vote", ObjectionRef(1))
    with pytest.raises(Refused, match="have not upvoted"):
        await press("unvote", ObjectionRef(1))
    for name in ("next", "go_on", "end_here", "close_round"):
        with pytest.raises(Refused, match="Nobody votes"):
            await press(name, TurnId("round", 1, ""))
    with pytest.raises(Refused, match="Nobody votes"):
        await command("next")
    await scene.actions.stop_run(run, PAT)
    await scene.actions.close_vote(run, PAT)
