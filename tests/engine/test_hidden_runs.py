"""Runs that hide something, from their command to a simulated platform, in virtual time."""

from __future__ import annotations

import asyncio
import re

import pytest

from bot.actions.permissions import Person
from bot.actions.request import ask_seat, follow_up, origin_of_turn, request_summary, rerun
from bot.domain.controls import Control, SeatRef, Target
from bot.domain.facts import (
    CaughtUp,
    NamesRevealed,
    Revealed,
    RunFinished,
    RunStarted,
    TurnEnded,
    TurnStarted,
    ViewAttached,
)
from bot.domain.run import TurnId
from bot.domain.visibility import COULD_NOT, STAGGER_S
from bot.errors import Refused
from bot.formats import FORMATS
from commands.command import Here, Started, Told
from commands.compare import COMMAND as COMPARE
from commands.controls import PRESSES, make_form
from commands.council import COMMAND as COUNCIL
from commands.debate import COMMAND as DEBATE
from commands.differences import PairOptions, show_differences
from commands.export import export_run
from tests.support.actions_scene import MO, PAT, ActionsScene
from tests.support.hidden_runs import make_hidden_start
from tests.support.restarts import PLACE, RUN, RestartScene
from tests.support.speakers import make_refusal
from tests.support.stores import replay_snapshots
from tests.support.virtual_time import in_virtual_time

GUS = Person("g", "Gus")
NAMES = ("Ada", "Bob", "Cyd", "ada", "bob", "cyd", "openai")


async def begin_run(scene: ActionsScene, command: object = COMPARE, **typed: object) -> str:
    """Start a run by its command with these options."""
    assert command in (COMPARE, COUNCIL, DEBATE)
    chosen = next(c for c in (COMPARE, COUNCIL, DEBATE) if c is command)
    options = chosen.options.model_validate({"question": "Why?", **typed})
    answer = await chosen.handle(scene.actions, options, Here(PAT, lambda run, title: scene.place))
    assert isinstance(answer, Started)
    return answer.run


def read_answers(scene: ActionsScene) -> dict[str, str]:
    """Return the text of each seat's answer as it reads now, footer apart."""
    return {
        lane.seat: re.sub(r"\d+\.\d s · .*", "", text)
        for lane, text in scene.place.read_texts()
        if lane.stage == "answer"
    }


def newest_controls(scene: ActionsScene, stage: str) -> tuple[Control, ...]:
    """Return the buttons under the newest message of that stage."""
    return next(h[-1].controls for h in reversed(scene.place.history.values()) if h[-1].lane.stage == stage)


def all_messages(scene: ActionsScene) -> str:
    """Return all that was ever sent to the platform."""
    return repr([list(h) for h in scene.place.history.values()])


def find_names(text: str) -> list[str]:
    return [name for name in NAMES if name in text]


# words


async def test_words_are_counted_and_kept_and_shown_together(scene: ActionsScene) -> None:
    scene.speaker.lines = {"ada": ["ada's words", 20.0], "bob": ["bob's ", 30.0, "words"], "cyd": ["c", 40.0]}
    run = await begin_run(scene, reveal="together")
    await asyncio.sleep(5)
    assert read_answers(scene)["ada"] == "Ada is writing: 11 characters so far, not shown yet."
    await asyncio.sleep(20)
    assert read_answers(scene)["ada"] == "Ada is done: 11 characters, not shown yet."
    assert read_answers(scene)["bob"] == "Bob is writing: 6 characters so far, not shown yet."
    kept = {turn.seat: text for turn, _, text in replay_snapshots(await scene.store.snapshots(run))}
    assert kept == {"ada": "ada's words", "bob": "bob's ", "cyd": "c"}
    for secret in ("ada's words", "bob's"):
        assert secret not in all_messages(scene)
        assert secret not in (await export_run(scene.actions, run, PAT))[1]
    with pytest.raises(Refused, match="not shown yet"):
        await scene.actions.read_lane(run, TurnId("answer", 1, "ada").lane, PAT)
    await asyncio.sleep(10)
    with pytest.raises(Refused, match="not shown yet"):
        await show_differences(
            scene.actions, run, None, PairOptions(first="ada", second="bob"), Here(PAT, lambda run, title: scene.place)
        )
    await asyncio.sleep(10)
    assert read_answers(scene) == {"ada": "ada's words", "bob": "bob's words", "cyd": "c"}
    await scene.actions.close_vote(run, PAT)


async def test_staggered_answers_come_one_after_the_other(scene: ActionsScene) -> None:
    scene.speaker.lines = {}
    run = await begin_run(scene, reveal="staggered")
    await asyncio.sleep(1)
    counts = []
    for _ in range(4):
        counts.append(sum("not shown yet" in text for text in read_answers(scene).values()))
        await asyncio.sleep(STAGGER_S)
    assert counts == [2, 1, 0, 0]
    await scene.actions.close_vote(run, PAT)


async def test_a_wish_reveals_what_is_being_said_and_lets_it_go_on_live(scene: ActionsScene) -> None:
    scene.speaker.lines = {"ada": ["ada's ", 30.0, "words"], "bob": ["b"], "cyd": [60.0]}
    run = await begin_run(scene, reveal="On demand")
    await asyncio.sleep(5)
    assert "reveal" in [c.action for c in newest_controls(scene, "board")]
    with pytest.raises(Refused, match="Reveal is for Pat and moderators"):
        await scene.actions.reveal_answers(run, GUS)
    press = PRESSES["reveal"]
    told = await press.handle(scene.actions, Target(run), press.options(), Here(MO, lambda run, title: scene.place))
    assert isinstance(told, Told)
    assert told.text.startswith("Revealed")
    await asyncio.sleep(3)
    assert (read_answers(scene)["ada"], read_answers(scene)["bob"]) == ("ada's ", "b")
    assert "reveal" not in [c.action for c in newest_controls(scene, "board")]
    with pytest.raises(Refused, match="Nothing that is said here is hidden"):
        await scene.actions.reveal_answers(run, PAT)
    await asyncio.sleep(30)
    assert read_answers(scene)["ada"] == "ada's words"
    await scene.actions.stop_run(run, PAT)


async def test_what_nobody_reveals_is_shown_when_the_vote_has_closed(scene: ActionsScene) -> None:
    scene.speaker.lines = {}
    run = await begin_run(scene, reveal="demand")
    await asyncio.sleep(590)
    assert all("not shown yet" in text for text in read_answers(scene).values())
    await scene.actions.wait_until_finished(run)
    assert read_answers(scene) == {"ada": "ada", "bob": "bob", "cyd": "cyd"}
    assert [e.fact for e in await scene.store.read(run)][-2:] == [Revealed(), CaughtUp()]


async def test_a_failure_is_told_at_once_and_its_retry_waits_with_the_others(scene: ActionsScene) -> None:
    scene.speaker.lines = {"ada": [make_refusal()], "bob": ["b", 60.0], "cyd": ["c", 90.0]}
    run = await begin_run(scene, reveal="together")
    await asyncio.sleep(1)
    assert "failed: its key was refused" in read_answers(scene)["ada"]
    scene.speaker.lines = {"ada": ["better", 20.0]}
    await scene.actions.retry_turn(run, TurnId("answer", 1, "ada"), PAT)
    await asyncio.sleep(5)
    assert read_answers(scene)["ada"] == "Ada is writing: 6 characters so far, not shown yet."
    await scene.actions.wait_until_finished(run)
    assert read_answers(scene)["ada"] == "better"


async def test_live_runs_have_nothing_to_reveal(scene: ActionsScene) -> None:
    run = await begin_run(scene, blind=True)
    with pytest.raises(Refused, match=r"hidden\. Who is who is told once the vote is closed"):
        await scene.actions.reveal_answers(run, PAT)
    await scene.actions.stop_run(run, PAT)


# names


@pytest.mark.parametrize("command", [COMPARE, COUNCIL, DEBATE], ids=lambda c: c.path[0])
async def test_no_name_is_sent_to_a_platform_before_the_vote_has_closed(command: object, scene: ActionsScene) -> None:
    scene.speaker.lines = {"ada": ["tabs"], "bob": ["spaces"], "cyd": [make_refusal()]}
    run = await begin_run(scene, command, blind=True)
    t = await scene.read_stored(run)
    while not t.finished:
        await asyncio.sleep(1)
        t = await scene.read_stored(run)
    await asyncio.sleep(1)
    thread = await scene.actions.read_thread(run, PAT)
    assert find_names(all_messages(scene)) == []
    assert find_names(repr(thread)) == []
    assert find_names(str((await export_run(scene.actions, run, PAT))[1])) == []
    assert COULD_NOT in all_messages(scene)
    a, b, c = (s.name for s in t.started.panel.seats)
    lane = next(i for i in t.turns if i.seat == "a").lane
    said = [
        await scene.actions.cast_vote(run, "a", PAT),
        (await scene.actions.read_lane(run, lane, PAT))[0] if t.turns[TurnId(*lane)].spoke else "",
        origin_of_turn(t, run, lane, "words"),
    ]
    assert find_names(repr(said)) == []
    with pytest.raises(Refused, match="would tell who it is"):
        ask_seat(t, thread, lane, "words", "why?", PAT)
    seats = request_summary(t, thread, PAT).seats
    assert seats is not None
    assert [s.name for s in seats.seats] == ["Summary"]
    await scene.actions.close_vote(run, PAT)
    await scene.actions.wait_until_finished(run)
    firsts = [text.split("\n")[0] for key, text in scene.place.read_texts() if key.seat == "a"]
    assert set(firsts) == {f"**{a}** (was Speaker A)"}
    [board] = [text for key, text in scene.place.read_texts() if key.stage == "board"]
    assert f" of {a}, {b}, {c} · asked by" in board
    [end] = [text for key, text in scene.place.read_texts() if key.stage == "end"]
    assert f"Speaker A was {a}, Speaker B was {b}, Speaker C was {c}." in end
    assert "its key was refused" in (await export_run(scene.actions, run, PAT))[1]
    t = await scene.read_stored(run)
    assert origin_of_turn(t, run, lane, "words").who == a
    assert ask_seat(t, thread, lane, "words", "why?", PAT).seats is not None
    assert rerun(t, PAT).veil == follow_up(t, [], "And?", PAT).veil == t.started.rules.veil


@in_virtual_time
async def test_a_blind_run_that_ended_in_another_process_is_told_of_by_the_next() -> None:
    scene = RestartScene()
    started = make_hidden_start("compare", blind=True, vote_s=60.0)
    a = TurnId("answer", 1, "a")
    spoken = (TurnStarted(a), TurnEnded(a, "done", "tabs"), RunFinished("compared"))
    await scene.store.append(RUN, [started, ViewAttached(scene.place.address), *spoken])
    await asyncio.sleep(3_600)
    for _ in range(2):  # the second one finds nothing left to do
        async with scene.process({}) as supervisor:
            await supervisor.resume_in_places(FORMATS, PLACE, scene.reopen)
        await asyncio.sleep(3_600)
    name = started.panel.seats[0].name
    assert any(text.startswith(f"**{name}** (was Speaker A)") for _, text in scene.place.read_texts())
    assert [e.fact for e in await scene.store.read(RUN)].count(NamesRevealed()) == 1


# guesses


async def test_people_guess_and_are_told_how_well(scene: ActionsScene) -> None:
    scene.speaker.lines = {}
    run = await begin_run(scene, guess=True)
    await asyncio.sleep(1)
    labels = [c.label for c in newest_controls(scene, "guess")]
    assert labels == ["Who is Speaker A?", "Who is Speaker B?", "Who is Speaker C?"]
    target, press = Target(run, SeatRef("a")), PRESSES["guess"]
    form = await make_form(press, scene.actions, target, GUS)
    assert form.choices == {"name": ["Ada", "Bob", "Cyd"]}
    a, b, _ = (s.name for s in (await scene.read_stored(run)).started.panel.seats)
    for who, guess in ((GUS, b), (GUS, a.lower()), (PAT, b)):
        here = Here(who, lambda run, title: scene.place)
        told = await press.handle(scene.actions, target, press.options.model_validate({"name": guess}), here)
        assert isinstance(told, Told)
        assert "You guess that Speaker A is" in told.text
    for speaker, guess, why in (("a", "Dan", "Nobody of that name"), ("d", "Ada", "not at this table")):
        with pytest.raises(Refused, match=why):
            await scene.actions.guess_speaker(run, speaker, guess, GUS)
    await scene.actions.close_vote(run, PAT)
    await scene.actions.wait_until_finished(run)
    [card] = [text for lane, text in scene.place.read_texts() if lane.stage == "guess"]
    assert card.startswith(f"Guessed right: Gus 1 of 1 (100%), Pat 0 of 1 (0%). Recognised most: {a}, by 1 of 2.")
    with pytest.raises(Refused, match="nothing to guess here any more"):
        await scene.actions.guess_speaker(run, "a", a, GUS)


async def test_nobody_guesses_where_names_are_known(scene: ActionsScene) -> None:
    run = await begin_run(scene)
    with pytest.raises(Refused, match="Nobody guesses in this run"):
        await scene.actions.guess_speaker(run, "ada", "Ada", GUS)
    await scene.actions.stop_run(run, PAT)


async def test_a_start_keeps_the_veil_and_the_providers_name(scene: ActionsScene) -> None:
    run = await begin_run(scene, COUNCIL, reveal="staggered", guess="yes")
    [entry, *_] = await scene.store.read(run)
    assert isinstance(entry.fact, RunStarted)
    veil = entry.fact.rules.veil
    assert (veil.reveal, veil.blind, veil.guess) == ("staggered", True, True)
    assert {s.provider for s in entry.fact.panel.seats} == {"openai"}
    await scene.actions.stop_run(run, PAT)
