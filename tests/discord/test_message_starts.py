"""What messages start on Discord: nothing for small talk, or what the operator has set; ask is asked in place."""

from __future__ import annotations

import pytest

from adapters.discord.replies import STARTED
from bot.domain.controls import press_id
from tests.servers.discord import Message, Upload
from tests.servers.discord.world import Ref
from tests.support.discord_bot import Moot, StartMoot
from tests.support.discord_guild import button_labels, find_button
from tests.support.files import PIXEL

CHOICE = "What shall I start with this?"
PRICE = {"input_usd_per_mtok": 3.0, "output_usd_per_mtok": 15.0}


async def start_asking(start_moot: StartMoot) -> Moot:
    """Serve the bot with models that cost something and read pictures; it asks also where it is mentioned."""
    moot = await start_moot(started=False, discord={"mention_starts": "ask", "direct_message_starts": "ask"})
    models = {key: model.model_copy(update={**PRICE, "vision": True}) for key, model in moot.settings.models.items()}
    moot.settings = moot.settings.model_copy(update={"models": models})
    await moot.start()
    return moot


async def be_asked(moot: Moot, place: Ref, text: str = "Tea or coffee?", *files: Upload) -> Message:
    """Write a message as Ada does; return the answer with the formats and their prices."""
    before = len([m for m in moot.read_messages(place) if CHOICE in m.text])
    await moot.server.say(moot.ada, place, text, mentions=[moot.server.bot], attachments=files)
    return await moot.find(place, lambda m: CHOICE in m.text, before)


@pytest.mark.parametrize("where", ["a channel", "a direct message"])
async def test_a_message_is_asked_back_with_prices_and_its_writer_starts_what_they_press(
    start_moot: StartMoot, where: str
) -> None:
    moot = await start_asking(start_moot)
    place = moot.channel if where == "a channel" else await moot.server.dm(moot.ada)
    files = (Upload("notes.txt", b"Milk goes in first."), Upload("cup.png", PIXEL, "image/png"))
    asked = await be_asked(moot, place, "Tea or coffee?", *files)
    assert button_labels(asked) == ["Council", "Compare", "Debate"]
    prices = [line for line in asked.text.splitlines() if line.startswith("- ")]
    for line, name in zip(prices, button_labels(asked), strict=True):
        assert line.startswith(f"- **{name}**: about $0.0")
    assert (asked.notified, await moot.store.runs(), moot.models.log) == ([], [], [])
    await moot.server.click(moot.ada, asked, find_button(asked, "start", "compare"))
    board = await moot.find_board(place, "Tea or coffee?")
    assert board.channel_id == asked.channel_id
    await moot.wait_until_over()
    (row,) = await moot.store.runs()
    assert row.format == "compare"
    ask = moot.read_asks("claude")[0]
    assert "Tea or coffee?" in ask
    assert "Milk goes in first." in ask
    assert "image/png" in ask
    assert (asked.text, button_labels(asked)) == (STARTED, [])
    assert len(await moot.store.runs()) == 1


async def test_only_its_writer_chooses_and_only_what_was_offered(start_moot: StartMoot) -> None:
    moot = await start_asking(start_moot)
    asked = await be_asked(moot, moot.channel)
    assert "Only the one who has asked" in await moot.press(moot.bob, asked, "start", "council")
    for component in asked.components:
        for button in component["components"]:
            button["custom_id"] = press_id(button["custom_id"].split(":")[1], "start", "/pipeline")
    assert "there was council, compare or debate" in await moot.press(moot.ada, asked, "start", "/pipeline")
    assert (await moot.store.runs(), moot.models.log) == ([], [])


async def test_after_a_restart_the_buttons_start_what_was_asked(start_moot: StartMoot) -> None:
    moot = await start_asking(start_moot)
    asked = await be_asked(moot, await moot.server.dm(moot.ada))
    await moot.stop()
    await moot.start()
    await (await moot.server.click(moot.ada, asked, find_button(asked, "start", "council"))).answer()
    assert (asked.text, button_labels(asked)) == (STARTED, [])
    await moot.wait_until_over()
    assert [row.format for row in await moot.store.runs()] == ["council"]


async def test_small_talk_is_answered_with_a_form_for_each_format(start_moot: StartMoot) -> None:
    moot = await start_moot(discord={"direct_message_starts": "ask"})
    for place, text in ((await moot.server.dm(moot.ada), "Hi!"), (moot.channel, "")):
        await moot.server.say(moot.ada, place, text, mentions=[moot.server.bot])
        told = await moot.find_turn(place, "Ask with `/council`")
        assert button_labels(told) == ["Council", "Compare", "Debate"]
        assert (await moot.store.runs(), moot.models.log) == ([], [])
    form = await moot.server.click(moot.bob, told, find_button(told, "ask", "debate"))
    await form.answer()
    await moot.server.submit(moot.bob, form, {"question": "Tea or coffee?"})
    await moot.find_board(moot.channel, "Tea or coffee?")
    await moot.wait_until_over()
    assert [(row.format, row.question) for row in await moot.store.runs()] == [("debate", "Tea or coffee?")]


@pytest.mark.parametrize("where", ["a channel", "a direct message"])
async def test_where_a_message_starts_nothing_a_sentence_says_how_to_start(start_moot: StartMoot, where: str) -> None:
    moot = await start_moot(discord={"mention_starts": "nothing", "direct_message_starts": "nothing"})
    place = moot.channel if where == "a channel" else await moot.server.dm(moot.ada)
    await moot.server.say(moot.ada, place, "Tea or coffee?", mentions=[moot.server.bot])
    await moot.find_turn(place, "I start nothing from a message here: write `/council`")
    assert (await moot.store.runs(), moot.models.log) == ([], [])


async def test_a_mention_starts_the_format_that_is_set(start_moot: StartMoot) -> None:
    moot = await start_moot(discord={"mention_starts": "compare"})
    await moot.server.say(moot.ada, moot.channel, "Tea or coffee?", mentions=[moot.server.bot])
    await moot.find_board(moot.channel, "Tea or coffee?")
    await moot.wait_until_over()
    assert [row.format for row in await moot.store.runs()] == ["compare"]
