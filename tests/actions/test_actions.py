"""Actions: requests, facts, and refusals in plain words."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from bot.actions.permissions import Person
from bot.actions.request import RunRequest, ask_seat, follow_up, rerun
from bot.domain.controls import Target
from bot.domain.facts import RunStarted
from bot.domain.run import TurnId
from bot.errors import Refused
from bot.formats import FORMATS
from bot.settings.settings import PanelSettings, SeatSettings
from commands.command import MORE, Here, Started, Told
from commands.command import Form as AskFirst
from commands.controls import PRESSES
from commands.council import COMMAND as COUNCIL
from commands.council import CouncilOptions
from tests.support.actions_scene import MO, PANELS, PAT, ActionsScene
from tests.support.surfaces import Place, Platform


@pytest.mark.parametrize(
    ("run_request", "told"),
    [
        (RunRequest("compare", "  \n", PAT, "default"), "There is no question"),
        (RunRequest("compare", "\u200b\u2800", PAT, "default"), "There is no question"),
        (RunRequest("compare", "x" * 101, PAT, "default"), "The question has 101 characters and may have 100"),
        (RunRequest("counsel", "?", PAT, "default"), "Did you mean council?"),
        (RunRequest("compare", "?", PAT, "defualt"), "Did you mean default?"),
        (RunRequest("compare", "?", PAT, "strange"), "There is no model “dan”"),
        (RunRequest("compare", "?", PAT, "default", 2), "A comparison has 1 round here, not 2."),
        (RunRequest("debate", "?", PAT, "default", 0), "A debate has 1 to 6 rounds here, not 0."),
        (RunRequest("debate", "?", PAT, "default", 7), "A debate has 1 to 6 rounds here, not 7."),
    ],
)
async def test_a_request_that_cannot_be_met_is_refused_with_what_to_do(
    run_request: RunRequest, told: str, scene: ActionsScene
) -> None:
    with pytest.raises(Refused) as caught:
        await scene.actions.start_run(run_request, lambda run, title: scene.place)
    assert told in str(caught.value)
    assert await scene.store.runs() == []


@pytest.mark.parametrize("scene", [{"ada": "missing: set ADA_KEY"}], indirect=True)
async def test_a_seat_without_its_key_is_left_out_and_told_of(scene: ActionsScene) -> None:
    run = await scene.start_run("council")
    start = (await scene.read_stored(run)).started
    assert [s.key for s in start.panel.seats] == ["bob", "cyd"]
    assert start.absent == ("Ada (missing: set ADA_KEY)",)
    assert start.panel.chair is not None
    assert (start.panel.chair.key, start.panel.chair.model) == ("chair", "bob")
    await scene.actions.stop_run(run, PAT)


@pytest.mark.parametrize("scene", [{"ada": "set A", "bob": "set B"}], indirect=True)
async def test_with_fewer_than_two_seats_it_says_what_is_missing(scene: ActionsScene) -> None:
    with pytest.raises(Refused, match=r"needs two seats.*Ada \(set A\); Bob \(set B\)"):
        await scene.start_run("council")


async def test_two_seats_of_one_model_are_told_apart(scene: ActionsScene) -> None:
    run = await scene.start_run(panel="twins")
    seats = (await scene.read_stored(run)).started.panel.seats
    assert [(s.key, s.name) for s in seats] == [("ada", "Ada"), ("ada:2", "Ada 2")]
    await scene.actions.stop_run(run, PAT)


async def test_a_chair_that_is_named_sums_up_and_judges_for_the_panel_that_is_meant(scene: ActionsScene) -> None:
    answer = await COUNCIL.handle(
        scene.actions, CouncilOptions(question="Why?", chair="cyd"), Here(PAT, lambda *_: scene.place)
    )
    assert isinstance(answer, Started)
    panel = (await scene.read_stored(answer.run)).started.panel
    assert [seat.model for seat in panel.everyone()] == ["ada", "bob", "cyd", "cyd", "cyd"]
    await scene.actions.stop_run(answer.run, PAT)


async def test_everything_planning_needs_is_in_the_start(scene: ActionsScene) -> None:
    run = await scene.start_run("debate", rounds=2)
    [entry, *_] = await scene.store.read(run)
    assert isinstance(entry.fact, RunStarted)
    assert set(entry.fact.prompts) == set(FORMATS["debate"].PROMPTS)
    assert (entry.fact.question, entry.fact.rules.rounds, entry.fact.by) == ("Why?", 2, "p")
    await scene.actions.stop_run(run, PAT)


async def test_seats_are_told_how_much_room_a_message_has(scene: ActionsScene) -> None:
    scene.place.room_chars = 4000
    run = await scene.start_run("council")
    t = await scene.read_stored(run)
    assert t.started.rules.room_chars == 4000
    [turn, *_] = [w.turn for w in FORMATS["council"].plan(t, t.at).wanted]
    assert any("Stay below 4000 characters." in part.text for part in FORMATS["council"].ask(t, turn).parts)
    await scene.actions.stop_run(run, PAT)


async def test_skip_vote_say_and_stop_become_facts(scene: ActionsScene) -> None:
    run = await scene.start_run()
    await asyncio.sleep(1)
    await scene.actions.skip_seat(run, "ada", PAT)
    await scene.actions.cast_vote(run, "bob", PAT)
    await scene.actions.add_remark(run, " and tabs? ", PAT)
    await asyncio.sleep(1)
    t = await scene.actions.read_run(run, PAT)
    assert [turn.ended.finish for turn in t.turns.values() if turn.ended] == ["skipped"]
    assert t.votes == {("p", 1): "bob"}
    assert [r.text for r in t.remarks] == ["and tabs?"]
    await scene.actions.stop_run(run, PAT)
    assert (over := await scene.actions.wait_until_finished(run)) is not None
    assert over.finished is not None


async def test_what_makes_no_sense_now_is_refused(scene: ActionsScene) -> None:
    run = await scene.start_run()
    await asyncio.sleep(1)
    for wrong, told in [
        (scene.actions.cast_vote(run, "dan", PAT), "not at this table"),
        (scene.actions.add_remark(run, "  ", PAT), "nothing to pass on"),
        (scene.actions.add_remark(run, "\u3164", PAT), "nothing to pass on"),
        (scene.actions.add_remark(run, "x" * 21, PAT), "may have 20 characters"),
        (scene.actions.stop_run("other", PAT), "There is no run other"),
    ]:
        with pytest.raises(Refused, match=told):
            await wrong
    await scene.actions.skip_seat(run, "ada", PAT)
    await asyncio.sleep(1)
    with pytest.raises(Refused, match="not speaking"):
        await scene.actions.skip_seat(run, "ada", PAT)
    await scene.actions.stop_run(run, PAT)
    await scene.actions.wait_until_finished(run)
    with pytest.raises(Refused, match="This run is over"):
        await scene.actions.stop_run(run, PAT)


async def test_a_run_of_another_server_cannot_be_seen(scene: ActionsScene) -> None:
    run = await scene.start_run()
    with pytest.raises(Refused, match="There is no run"):
        await scene.actions.read_run(run, Person("p", "Pat", server="other"))
    await scene.actions.stop_run(run, PAT)


async def test_a_server_has_its_channels_roles_and_words(scene: ActionsScene) -> None:
    guest = Person("g", "Gus", server="x:strict", roles=frozenset({"speakers"}))
    for request, told in [
        (RunRequest("compare", "Why?", guest), "Runs are started in talk or 7"),
        (
            RunRequest("compare", "Why?", replace(guest, roles=frozenset()), channels=("7",)),
            "needs the role speakers",
        ),
        (RunRequest("compare", "A NEWT?", guest, channels=("7",)), "a word that is not allowed here"),
    ]:
        with pytest.raises(Refused, match=told):
            await scene.actions.start_run(request, lambda run, title: scene.place)
    with pytest.raises(Refused, match="Editing panels needs the role elders"):
        await scene.actions.books.save_panel("mine", PANELS["default"], guest)


async def test_personas_in_ones_own_words_need_the_right_and_library_ones_none(scene: ActionsScene) -> None:
    def make_request(persona: str, by: Person) -> RunRequest:
        seats = PanelSettings(seats=[SeatSettings(model="ada", persona=persona), SeatSettings(model="bob")])
        return RunRequest("compare", "Why?", by, seats=seats)

    with pytest.raises(Refused, match="A persona in your own words needs a moderator"):
        await scene.actions.start_run(make_request("You are a pirate.", PAT), lambda run, title: scene.place)
    for allowed in (make_request("Skeptic", PAT), make_request("You are a pirate.", MO)):
        await scene.actions.stop_run(await scene.actions.start_run(allowed, lambda run, title: Place(Platform())), MO)


async def test_the_first_panel_is_the_usual_one_where_none_is_called_default(scene: ActionsScene) -> None:
    panels = scene.actions.services.panels
    assert await panels.find_usual("x:1") == "default"
    pair = PanelSettings(seats=[SeatSettings(model="ada"), SeatSettings(model="bob")])
    panels.replace_configured({"embedded": pair, "other": pair})
    assert await panels.choose_panel("", "x:1") == pair
    assert await panels.find_usual("x:1") == "embedded"


async def test_panels_made_in_a_server_are_its_own_and_can_be_the_usual_one(scene: ActionsScene) -> None:
    mo = replace(MO, server="x:1")
    await scene.actions.books.save_panel(
        "pair", PanelSettings(seats=[SeatSettings(model="ada"), SeatSettings(model="bob")]), mo
    )
    await scene.actions.books.set_usual_panel("pair", mo, "5")
    run = await scene.actions.start_run(
        RunRequest("compare", "Why?", mo, channels=("5",)), lambda run, title: scene.place
    )
    started = (await scene.read_stored(run)).started
    assert [s.key for s in started.panel.seats] == ["ada", "bob"]
    assert started.panel_name == "pair"
    with pytest.raises(Refused, match="There is no panel “pair”"):
        await scene.actions.start_run(RunRequest("compare", "Why?", PAT, panel="pair"), lambda run, title: scene.place)
    with pytest.raises(Refused, match="There is no model “dan”"):
        await scene.actions.books.save_panel("bad", PANELS["strange"], mo)
    await scene.actions.stop_run(run, mo)


async def test_requests_that_follow_from_a_run(scene: ActionsScene) -> None:
    scene.speaker.lines = {}
    run = await scene.start_run("council")
    await scene.actions.close_vote(run, PAT)
    await scene.actions.wait_until_finished(run)
    t = await scene.actions.read_run(run, PAT)
    assert (rerun(t, MO).question, rerun(t, MO).by) == ("Why?", MO)
    thread = await scene.actions.read_thread(run, PAT)
    followed = follow_up(t, thread, "And then?", PAT)
    assert followed.question == "And then?"
    first, *others = followed.earlier
    assert (first.label, first.text) == ("question", "Why?")
    assert any(said.text == "chair" and said.kept for said in others)
    one = ask_seat(t, thread, TurnId("answer", 1, "bob").lane, "b", "More?", PAT)
    assert one.seats is not None
    assert [s.model for s in one.seats.seats] == ["bob"]
    for request in (rerun(t, PAT), followed, one):
        await scene.actions.stop_run(await scene.actions.start_run(request, lambda run, title: Place(Platform())), PAT)


async def test_a_council_goes_as_far_as_was_chosen_and_shows_its_reviews_in_full(scene: ActionsScene) -> None:
    scene.speaker.lines = {}
    here = Here(PAT, lambda run, title: scene.place)
    form = await COUNCIL.handle(scene.actions, CouncilOptions(question="Why?", panel=MORE), here)
    assert isinstance(form, AskFirst)
    assert "mode" in form.fields
    begun = await COUNCIL.handle(scene.actions, CouncilOptions(question="Why?", mode="ranking"), here)
    assert isinstance(begun, Started)
    await scene.actions.close_vote(begun.run, PAT)
    await scene.actions.wait_until_finished(begun.run)
    t = await scene.read_stored(begun.run)
    assert (t.started.rules.mode, t.started.rules.quorum, t.started.rules.grace_s) == ("ranking", 2, 8.0)
    assert t.finished is not None
    assert t.finished.outcome == "ranked"
    assert rerun(t, PAT).mode == "ranking"
    [control] = [
        c for post in await scene.actions.read_thread(begun.run, PAT) for c in post.controls if c.label == "Full texts"
    ]
    told = await PRESSES[control.action].handle(scene.actions, Target(begun.run, control.about), None, here)
    assert isinstance(told, Told)
    assert "**Ada**\n\nada" in told.text
