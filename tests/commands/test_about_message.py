"""The menus of a message: what each of them asks, of whom, and about what."""

from __future__ import annotations

import pytest

from bot.domain.controls import Target
from bot.domain.facts import RunStarted
from bot.domain.run import TurnId
from bot.errors import Refused
from commands.command import Here, Started
from commands.controls import PRESSES
from tests.support.actions_scene import PAT, ActionsScene

SAID = Target(text="Tea is best.", author="Kim")


async def start(scene: ActionsScene, action: str, target: Target) -> RunStarted:
    """Use a menu; return how the run that it began has started, and stop that run."""
    here = Here(PAT, lambda run, title: scene.place)
    answer = await PRESSES[action].handle(scene.actions, target, PRESSES[action].options(), here)
    assert isinstance(answer, Started)
    started = (await scene.read_stored(answer.run)).started
    await scene.actions.stop_run(answer.run, PAT)
    return started


@pytest.mark.parametrize(("action", "format"), [("ask_about", "council"), ("debate_about", "debate")])
async def test_a_message_is_the_question_of_a_council_or_a_debate(
    scene: ActionsScene, action: str, format: str
) -> None:
    started = await start(scene, action, Target(text="Tea is best.", author="Kim", carried="Lee:\nCoffee is."))
    assert (started.format, started.question, started.context) == (format, "Tea is best.", "Lee:\nCoffee is.")


async def test_a_check_puts_the_message_before_a_council(scene: ActionsScene) -> None:
    started = await start(scene, "check", SAID)
    assert started.format == "council"
    assert started.question.startswith("Check this: which of its claims hold")
    assert started.context.startswith("From Kim")
    assert started.context.endswith("Tea is best.")
    assert started.origin is not None
    assert (started.origin.who, started.origin.excerpt, started.title) == ("Kim", ("Tea is best.",), "Tea is best.")


async def test_a_second_opinion_is_of_one_model_that_did_not_write_the_message(scene: ActionsScene) -> None:
    started = await start(scene, "second_opinion", SAID)
    assert (started.format, [seat.model for seat in started.panel.seats]) == ("compare", ["ada"])
    scene.speaker.lines = {key: ["Tea."] for key in ("ada", "bob", "cyd")}
    run = await scene.start_run()
    await scene.actions.wait_until_finished(run)
    started = await start(scene, "second_opinion", Target(run, TurnId("answer", 1, "ada"), "Tea."))
    assert [seat.model for seat in started.panel.seats] == ["bob"]
    assert "From Ada (ada)" in started.context


@pytest.mark.parametrize("action", ["ask_about", "debate_about", "check", "second_opinion"])
async def test_about_a_message_without_anything_to_read_nothing_begins(scene: ActionsScene, action: str) -> None:
    with pytest.raises(Refused, match="nothing in that message that I can read"):
        await start(scene, action, Target(author="Kim"))
    assert await scene.store.runs() == []
