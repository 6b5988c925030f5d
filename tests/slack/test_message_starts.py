"""What messages start on Slack: nothing for small talk, or what the operator has set; ask is asked in place."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

pytest.importorskip("slack_bolt", reason="slack_bolt and slack_sdk are not installed")

from adapters.slack.manifest import PROMPTS
from bot.domain.controls import press_id
from bot.domain.facts import RunStarted
from bot.domain.run import Price
from tests.servers.slack.world import Ephemeral, Message
from tests.support.files import PIXEL
from tests.support.slack_app import MODELS, App, StartApp, wait_until
from tests.support.slack_messages import read_text
from tests.support.slack_restarts import SlackRestarts

PAID = {key: replace(model, price=Price(3.0, 15.0, "settings")) for key, model in MODELS.items()}
ASKING = {"mention_starts": "ask", "direct_message_starts": "ask"}
CHOICE = "What shall I start with this?"


def list_buttons(blocks: list[dict[str, Any]]) -> list[tuple[str, str]]:
    """Return the label and the action id of each button."""
    elements = [element for block in blocks for element in block.get("elements", ())]
    return [(element["text"]["text"], element["action_id"]) for element in elements if element["type"] == "button"]


async def be_asked(app: App, text: str = "tabs or spaces?", **message: Any) -> Ephemeral:
    """Mention the app as Ann does, and return the notice for her alone with the formats and their prices."""
    await (await app.server.people.say(app.ann.id, app.hall.id, text, mention=True, **message))
    await app.read_ephemerals()
    (notice,) = app.server.world.ephemerals
    return notice


async def find_direct_answer(app: App, nth: int = 1) -> Message:
    """Return message number `nth` of Ann's direct messages, once it is there."""
    where = app.server.world.im(app.ann.id).id
    await wait_until(lambda: len(app.server.world.messages(where)) > nth)
    return app.server.world.messages(where)[nth]


@pytest.mark.parametrize(
    ("said", "answered"),
    [(said, words) for (_, said), words in zip(PROMPTS, ("/council", "no runs yet", CHOICE), strict=True)],
)
async def test_the_prompts_of_the_agent_are_answered_and_cost_nothing(
    start_app: StartApp, said: str, answered: str
) -> None:
    app = await start_app(models=PAID, settings=ASKING)
    where = app.server.world.im(app.ann.id)
    await (await app.server.people.say(app.ann.id, where.id, said))
    answer = await find_direct_answer(app)
    assert answered in f"{answer.text} {read_text(answer)}"
    assert await app.store.runs() == []


async def read_start(app: App) -> RunStarted:
    """Return the first fact of the only run, once there is one and it is over."""
    await wait_until(lambda: bool(app.speaker.asked))
    await app.wait_until_over()
    (row,) = await app.store.runs()
    fact = (await app.store.read(row.run))[0].fact
    assert isinstance(fact, RunStarted)
    return fact


async def test_a_mention_is_asked_back_with_prices_and_starts_what_is_pressed(start_app: StartApp) -> None:
    app = await start_app(models=PAID, settings=ASKING)
    files = [("notes.txt", b"Tabs are wide."), ("tabs.png", PIXEL)]
    notice = await be_asked(app, files=files)
    buttons = dict(list_buttons(notice.blocks))
    assert list(buttons) == ["Council", "Compare", "Debate"]
    prices = [line for line in notice.blocks[0]["text"].splitlines() if line.startswith("- ")]
    for line, name in zip(prices, buttons, strict=True):
        assert line.startswith(f"- **{name}**: about $0.0")
    assert (await app.store.runs(), app.speaker.asked) == ([], [])
    await (await app.server.people.click_ephemeral(notice, buttons["Debate"]))
    started = await read_start(app)
    assert (started.format, [image.name for image in started.images]) == ("debate", ["tabs.png"])
    assert started.question.startswith("tabs or spaces?")
    assert "Tabs are wide." in started.question
    await wait_until(lambda: notice.deleted)
    await (await app.server.people.click_ephemeral(replace(notice, deleted=False), buttons["Council"]))
    await wait_until(lambda: "This was started already" in notice.text)
    assert len(await app.store.runs()) == 1


async def test_a_direct_message_is_asked_back_there_and_its_run_stands_there(start_app: StartApp) -> None:
    app = await start_app(models=PAID, settings=ASKING)
    where = app.server.world.im(app.ann.id)
    await (await app.server.people.say(app.ann.id, where.id, "tabs or spaces?"))
    asked = await find_direct_answer(app)
    assert CHOICE in read_text(asked)
    buttons = dict(list_buttons(asked.blocks))
    await (await app.server.people.click(app.ann.id, asked, buttons["Compare"]))
    started = await read_start(app)
    assert (started.format, started.question) == ("compare", "tabs or spaces?")
    assert any(
        "tabs or spaces?" in read_text(m) and "asked by" in read_text(m).lower()
        for m in app.server.world.messages(where.id)
    )


async def test_only_what_was_offered_can_be_chosen_and_only_by_its_writer(start_app: StartApp) -> None:
    app = await start_app(models=PAID, settings=ASKING)
    notice = await be_asked(app)
    bob = app.server.world.add_user(app.team.id, "bob")
    await app.server.people.join(bob.id, app.hall.id)
    buttons = dict(list_buttons(notice.blocks))
    await (await app.server.people.click_ephemeral(replace(notice, user=bob.id), buttons["Council"]))
    assert "Only the one who has asked" in (await app.read_ephemerals(2))[-1]
    forged = press_id(buttons["Council"].split(":")[1], "start", "/pipeline")
    for block in notice.blocks:
        for element in block.get("elements", ()):
            element["action_id"] = forged
    await (await app.server.people.click_ephemeral(notice, forged))
    assert "there was council, compare or debate" in (await app.read_ephemerals(3))[-1]
    assert (await app.store.runs(), app.speaker.asked) == ([], [])


async def test_after_a_restart_the_buttons_start_what_was_asked(slack_restarts: SlackRestarts) -> None:
    app = await slack_restarts.start(ASKING, models=PAID)
    await (await app.server.people.say(app.ann.id, app.server.world.im(app.ann.id).id, "tabs or spaces?"))
    asked = await find_direct_answer(app)
    await slack_restarts.stop()
    app = await slack_restarts.start(ASKING, models=PAID)
    await (await app.server.people.click(app.ann.id, asked, dict(list_buttons(asked.blocks))["Council"]))
    async with asyncio.timeout(60):
        while not await app.store.runs():
            await asyncio.sleep(0.005)
    await app.wait_until_over()
    assert [(row.format, row.question) for row in await app.store.runs()] == [("council", "tabs or spaces?")]


@pytest.mark.parametrize("text", ["Thanks!", ":wave:", "help", "<@{}>"])
async def test_small_talk_is_answered_with_a_form_for_each_format(start_app: StartApp, text: str) -> None:
    app = await start_app(settings={"direct_message_starts": "ask"})
    where = app.server.world.im(app.ann.id)
    await (await app.server.people.say(app.ann.id, where.id, text.format(app.team.bot_user)))
    told = await find_direct_answer(app)
    assert "Ask with `/council`" in read_text(told)
    buttons = dict(list_buttons(told.blocks))
    assert list(buttons) == ["Council", "Compare", "Debate"]
    assert (await app.store.runs(), app.speaker.asked) == ([], [])
    await (await app.server.people.click(app.ann.id, told, buttons["Debate"]))
    await wait_until(lambda: bool(app.server.world.views))
    (view,) = app.server.world.views
    await (await app.server.people.submit(app.ann.id, view, {"question": "tabs?"}))
    started = await read_start(app)
    assert (started.format, started.question) == ("debate", "tabs?")


async def test_where_a_message_starts_nothing_a_sentence_says_how_to_start(start_app: StartApp) -> None:
    app = await start_app(settings={"mention_starts": "nothing", "direct_message_starts": "nothing"})
    await (await app.server.people.say(app.ann.id, app.hall.id, "tabs?", mention=True))
    assert (await app.read_ephemerals())[0].startswith("I start nothing from a message here: write")
    await (await app.server.people.say(app.ann.id, app.server.world.im(app.ann.id).id, "tabs?"))
    assert "I start nothing from a message here" in read_text(await find_direct_answer(app))
    assert (await app.store.runs(), app.speaker.asked) == ([], [])
