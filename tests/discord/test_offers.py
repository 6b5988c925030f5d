"""Prices before the start on Discord: the board tells what a run may cost, and a dear one is asked about first."""

from __future__ import annotations

from tests.servers.discord import Message, User
from tests.support.discord_bot import Moot, StartMoot
from tests.support.discord_guild import button_labels, find_button

QUESTION = "Tea or coffee?"


async def start_paid(start_moot: StartMoot, ask_above_usd: float) -> Moot:
    """Serve the bot with models that cost something."""
    moot = await start_moot(started=False, money={"ask_above_usd": ask_above_usd})
    price = {"input_usd_per_mtok": 3.0, "output_usd_per_mtok": 15.0}
    models = {key: model.model_copy(update=price) for key, model in moot.settings.models.items()}
    moot.settings = moot.settings.model_copy(update={"models": models})
    await moot.start()
    return moot


async def be_asked(moot: Moot, by: User | None = None) -> Message:
    """Ask for a comparison and return the notice that its person alone reads."""
    asked = await moot.server.slash(by or moot.ada, moot.channel, "compare", question=QUESTION)
    text = await moot.read_answer(asked)
    assert "expected to cost about $" in text
    seen = await asked.answer()
    return next(m for m in (seen.message, *seen.followups) if m is not None and m.ephemeral)


async def test_the_board_tells_what_a_run_may_cost(start_moot: StartMoot) -> None:
    moot = await start_paid(start_moot, 1.0)
    board = await moot.ask()
    assert "expected about $0.0" in board.text
    await moot.wait_until(lambda: "Result:" in board.text)
    assert "expected" not in board.text  # what it has cost stands there then


async def test_nothing_is_begun_before_its_person_agrees_and_then_once(start_moot: StartMoot) -> None:
    moot = await start_paid(start_moot, 0.0)
    notice = await be_asked(moot)
    assert button_labels(notice) == ["Start", "Cancel"]
    assert (await moot.store.runs(), moot.models.log, moot.read_messages(moot.channel)) == ([], [], [])
    pressed = await moot.server.click(moot.ada, notice, find_button(notice, "start"))
    seen = await pressed.answer()
    await moot.wait_until(lambda: seen.message is not None and "asked by" in seen.message.text)
    assert seen.message is not None
    assert not seen.message.ephemeral
    assert "started or cancelled already" in await moot.press(moot.ada, notice, "start")
    await moot.wait_until_over()
    assert [row.question for row in await moot.store.runs()] == [QUESTION]


async def test_a_cancelled_one_leaves_a_sentence_in_place_of_its_buttons(start_moot: StartMoot) -> None:
    moot = await start_paid(start_moot, 0.0)
    notice = await be_asked(moot)
    await (await moot.server.click(moot.ada, notice, find_button(notice, "cancel"))).answer()
    assert notice.text.startswith("Cancelled: nothing was asked")
    assert button_labels(notice) == []
    assert await moot.store.runs() == []


async def test_a_mention_is_asked_back_and_only_its_writer_can_agree(start_moot: StartMoot) -> None:
    moot = await start_paid(start_moot, 0.0)
    await moot.server.say(moot.ada, moot.channel, f"<@{moot.server.bot.id}> {QUESTION}")
    notice = await moot.find_turn(moot.channel, "expected to cost")
    assert "Only the one who has asked" in await moot.press(moot.bob, notice, "start")
    assert "Only the one who has asked" in await moot.press(moot.bob, notice, "cancel")
    await moot.server.click(moot.ada, notice, find_button(notice, "start"))
    await moot.find_board(moot.channel, QUESTION)
    await moot.wait_until_over()


async def test_what_is_run_again_gets_a_thread_of_its_own_also_after_the_question(start_moot: StartMoot) -> None:
    moot = await start_paid(start_moot, 0.0)
    notice = await be_asked(moot)
    await moot.server.click(moot.ada, notice, find_button(notice, "start"))
    board = await moot.find_board(moot.channel, QUESTION)
    end = await moot.find_end_card(await moot.find_thread(board))
    await moot.wait_until(lambda: "Result:" in board.text)
    asked = await moot.server.click(moot.ada, end, find_button(end, "run_again"))
    assert "expected to cost" in await moot.read_answer(asked)
    seen = await asked.answer()
    again = next(m for m in (seen.message, *seen.followups) if m is not None and m.ephemeral)
    told = await moot.press(moot.ada, again, "start")
    assert told == f"It starts in <#{moot.channel.id}>."
    await moot.wait_until_over()
    assert len([m for m in moot.read_messages(moot.channel) if m.text.startswith(f"> {QUESTION}")]) == 2
