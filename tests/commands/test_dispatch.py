"""Presses, reactions and mentions mean the same on every platform."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import nullcontext

import pytest

from bot.actions.offers import MustAgree
from bot.actions.permissions import Person
from bot.domain.controls import FormatRef, ObjectionRef, SeatRef, Target, read_target
from bot.domain.run import Image, LaneId, TurnId
from bot.errors import Refused
from bot.ports.store import PostedPage
from bot.settings.platforms import MessageStart
from commands.command import Answer, Form, Here, Quotation, Started, Told
from commands.dispatch import mention, menu_target, press, react, reaction_action
from tests.support.actions_scene import MO, PAT, ActionsScene
from tests.support.surfaces import Place, Platform

ANSWER = PostedPage("place", LaneId("answer", 1, "ada"), 0, "ref")
BOARD = PostedPage("place", LaneId("board", 0, ""), 0, "ref")
OBJECTION = PostedPage("place", LaneId("objection", 1, ""), 0, "ref")


def here_in(run: str = "") -> Here:
    """Return a place in the thread of a run, or outside of any."""
    return Here(PAT, lambda run, title: Place(Platform()), ("talk",), run)


async def read_files(text: str) -> tuple[str, Sequence[Image]]:
    """Add an attached text file to the text."""
    return f"{text} and a file", ()


def returning(value: Person) -> Callable[[], Awaitable[Person]]:
    """Return a function that a platform would ask for the person with."""

    async def get_person() -> Person:
        return value

    return get_person


async def press_here(scene: ActionsScene, action: str, target: Target, values: dict[str, str] | None = None) -> Answer:
    """Press as Pat does in the run's own thread."""

    async def here() -> Here:
        return here_in(target.run)

    return await press(
        scene.actions,
        action,
        target,
        values,
        person=returning(PAT),
        here=here,
        read_files=read_files,
        in_order=nullcontext(),
    )


async def test_a_press_that_needs_words_shows_a_form_first(scene: ActionsScene) -> None:
    run = await scene.start_run()
    form = await press_here(scene, "say", Target(run))
    assert isinstance(form, Form)
    assert form.fields == ["text"]
    said = await press_here(scene, "say", Target(run), {"text": "And tabs?"})
    assert said == Told("Kept with the run. No model reads it: each speaks only once here.")
    assert [remark.text for remark in (await scene.read_stored(run)).remarks] == ["And tabs?"]
    await scene.actions.stop_run(run, PAT)


async def test_buttons_of_another_version_are_refused_in_plain_words(scene: ActionsScene) -> None:
    run = await scene.start_run()
    for action, target in (
        ("dance", Target(run)),
        ("skip", Target(run, SeatRef("ada"))),
        ("skip", read_target(run, "answer/ada")),
        ("upvote", Target(run)),
    ):
        with pytest.raises(Refused, match="of another version"):
            await press_here(scene, action, target)
    await scene.actions.stop_run(run, PAT)


def test_the_menu_of_a_message_is_about_its_turn_or_its_text() -> None:
    assert menu_target("ask_seat", ("run", ANSWER), "a", "Ada").about == TurnId("answer", 1, "ada")
    assert menu_target("send_to", ("run", OBJECTION), "a", "").about == ObjectionRef(1)
    assert menu_target("ask_about", None, "Tea?", "Kim") == Target(text="Tea?", author="Kim")
    for found in (None, ("run", BOARD)):
        with pytest.raises(Refused, match="no seat's message"):
            menu_target("ask_seat", found, "Tea?", "Kim")


def test_only_a_vote_is_taken_back_with_its_reaction() -> None:
    assert [reaction_action(emoji, added=True) for emoji in ("👍", "🛑", "🍵")] == ["vote", "stop", ""]
    assert [reaction_action(emoji, added=False) for emoji in ("👍", "🛑", "🍵")] == ["unvote", "", ""]


async def test_a_reaction_presses_the_button_and_nobody_is_told_of_a_refusal(scene: ActionsScene) -> None:
    run = await scene.start_run()
    await react(scene.actions, "vote", (run, ANSWER), returning(MO))
    await react(scene.actions, "vote", ("other", ANSWER), returning(MO))
    await react(scene.actions, "vote", None, returning(MO))
    assert (await scene.read_stored(run)).votes == {("mo", 1): "ada"}
    await scene.actions.stop_run(run, PAT)


async def test_a_mention_is_a_remark_while_the_run_goes_on_and_a_question_after_it(scene: ActionsScene) -> None:
    run = await scene.start_run()
    remark = await mention(
        scene.actions, "And tabs?", here_in(run), is_addressed=False, starts="council", read_files=read_files
    )
    assert isinstance(remark, Told)
    await scene.actions.stop_run(run, PAT)
    await scene.actions.wait_until_finished(run)

    ignored = await mention(
        scene.actions, "Well?", here_in(run), is_addressed=False, starts="council", read_files=read_files
    )
    assert ignored is None
    follow_up = await mention(
        scene.actions, "Well?", here_in(run), is_addressed=True, starts="council", read_files=read_files
    )
    assert isinstance(follow_up, Started)
    started = (await scene.read_stored(follow_up.run)).started
    assert (started.format, started.question) == ("compare", "Well? and a file")
    assert [part.text for part in started.earlier if part.label == "question"] == ["Why?"]
    await scene.actions.stop_run(follow_up.run, PAT)


async def test_a_mention_outside_of_runs_asks_a_council_also_about_a_quoted_message(scene: ActionsScene) -> None:
    asked = await mention(
        scene.actions,
        "",
        here_in(),
        is_addressed=True,
        starts="council",
        read_files=read_files,
        quoted=lambda: Quotation("Kim:\nTea is best.", "Kim", "Tea is best.\n\nAlways.\nAnd then some."),
    )
    assert isinstance(asked, Started)
    started = (await scene.read_stored(asked.run)).started
    assert (started.format, started.context) == ("council", "Kim:\nTea is best.")
    assert started.question == "What do you make of this? and a file"
    assert started.origin is not None
    assert (started.origin.who, started.origin.excerpt) == ("Kim", ("Tea is best.", "Always."))
    assert started.title == "Tea is best. Always."
    await asyncio.sleep(1)
    await scene.actions.stop_run(asked.run, PAT)


@pytest.mark.parametrize("starts", ["nothing", "ask", "debate"])
@pytest.mark.parametrize("in_thread", [False, True])
async def test_a_message_starts_what_the_operator_has_set(
    scene: ActionsScene, starts: MessageStart, in_thread: bool
) -> None:
    run = ""
    if in_thread:
        run = await scene.start_run()
        await scene.actions.stop_run(run, PAT)
        await scene.actions.wait_until_finished(run)
    before = len(await scene.store.runs())

    async def write() -> Answer | None:
        return await mention(
            scene.actions, "Well?", here_in(run), is_addressed=True, starts=starts, read_files=read_files
        )

    match starts:
        case "nothing":
            told = await write()
            assert isinstance(told, Told)
            assert (told.text.count(". "), told.must_read, "`/council`" in told.text) == (0, True, True)
        case "ask":
            with pytest.raises(MustAgree) as asked:
                await write()
            assert [control.label for control in asked.value.controls] == ["Council", "Compare", "Debate"]
            target = Target(asked.value.run, FormatRef("debate"))
            assert len(await scene.store.runs()) == before
            begun = await press_here(scene, "start", target)
            assert isinstance(begun, Started)
            started = (await scene.read_stored(begun.run)).started
            assert (started.format, started.question) == ("debate", "Well? and a file")
            assert [part.text for part in started.earlier if part.label == "question"] == ["Why?"] * in_thread
            await scene.actions.stop_run(begun.run, PAT)
            before += 1
        case _:
            at_once = await write()
            assert isinstance(at_once, Started)
            assert (await scene.read_stored(at_once.run)).started.format == ("compare" if in_thread else starts)
            await scene.actions.stop_run(at_once.run, PAT)
            before += 1
    assert len(await scene.store.runs()) == before


@pytest.mark.parametrize("in_thread", [False, True])
@pytest.mark.parametrize("starts", ["nothing", "ask", "council"])
async def test_a_first_word_that_is_a_formats_name_starts_that_format(
    scene: ActionsScene, starts: MessageStart, in_thread: bool
) -> None:
    run = await scene.start_run() if in_thread else ""
    begun = await mention(
        scene.actions,
        "Debate tabs or spaces --rounds 1",
        here_in(run),
        is_addressed=True,
        starts=starts,
        read_files=read_files,
        quoted=lambda: Quotation("Kim:\nTabs.", "Kim", "Tabs."),
        carried="An alert.",
    )
    assert isinstance(begun, Started)
    started = (await scene.read_stored(begun.run)).started
    assert (started.format, started.rules.rounds) == ("debate", 1)
    assert (started.question, started.context) == ("tabs or spaces and a file", "Kim:\nTabs.\n\nAn alert.")
    assert started.title == "Tabs."
    for other in filter(None, (run, begun.run)):
        await scene.actions.stop_run(other, PAT)


@pytest.mark.parametrize(
    ("typed", "told"),
    [
        ("debate tabs --rounds many", "rounds must be a whole number, not “many”."),
        ("debate tabs --rounds 9", "rounds must be 6 at most, not “9”."),
        ("debate tabs --form oxfrod", "form must be simultaneous, turns, oxford, advocate or free, not “oxfrod”."),
        ("compare tabs --blind", "`--blind yes`"),
        ("council tabs --rounds 3", "`/debate` has"),
        ("debate tabs --panel More…", "That needs a form: use the slash command."),
    ],
)
async def test_a_format_that_is_mistyped_is_refused_and_starts_nothing(
    scene: ActionsScene, typed: str, told: str
) -> None:
    with pytest.raises(Refused, match=told):
        await mention(scene.actions, typed, here_in(), is_addressed=True, starts="council", read_files=read_files)
    assert await scene.store.runs() == []


async def test_a_button_of_the_help_asks_for_a_question_and_begins_its_format(scene: ActionsScene) -> None:
    form = await press_here(scene, "ask", Target(about=FormatRef("debate")))
    assert isinstance(form, Form)
    assert form.fields == ["question"]
    begun = await press_here(scene, "ask", Target(about=FormatRef("debate")), {"question": "Tea?"})
    assert isinstance(begun, Started)
    started = (await scene.read_stored(begun.run)).started
    assert (started.format, started.question) == ("debate", "Tea?")
    await scene.actions.stop_run(begun.run, PAT)
    with pytest.raises(Refused, match="There is no format"):
        await press_here(scene, "ask", Target(about=FormatRef("pipe")), {"question": "Tea?"})
    with pytest.raises(Refused, match="another version"):
        await press_here(scene, "ask", Target(), {"question": "Tea?"})


@pytest.mark.parametrize("scene", [{"bob": "no key", "cyd": "no key"}], indirect=True)
async def test_formats_that_cannot_begin_are_not_offered(scene: ActionsScene) -> None:
    with pytest.raises(MustAgree) as asked:
        await mention(scene.actions, "Tea?", here_in(), is_addressed=True, starts="ask", read_files=read_files)
    assert [control.label for control in asked.value.controls] == ["Compare"]
    away = Here(Person("q", "Quin", "test:strict"), lambda run, title: Place(Platform()), ("elsewhere",))
    with pytest.raises(Refused, match="Runs are started in talk or 7 here"):
        await mention(scene.actions, "Tea?", away, is_addressed=True, starts="ask", read_files=read_files)
    assert await scene.store.runs() == []
