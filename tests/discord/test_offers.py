"""Prices before the start on Discord: the board tells what a run may cost, and a dear one is asked about first."""

from __future__ import annotations

import pytest

from adapters.discord import replies
from adapters.discord.replies import NOT_CONFIRMED, STARTED
from bot.actions.offers import GONE, STARTED_BEFORE, Offer
from bot.actions.request import RunRequest
from tests.servers.discord import Message, User
from tests.support.discord_bot import Moot, StartMoot
from tests.support.discord_guild import button_labels, find_button, is_silent

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
    first, second = [await moot.server.click(moot.ada, notice, find_button(notice, "start")) for _ in range(2)]
    board = await moot.find_answer(first)
    assert (board.ephemeral, is_silent(board)) == (False, True)
    await second.answer()
    assert notice.text in (STARTED, STARTED_BEFORE)  # whichever answer came last says the same
    assert button_labels(notice) == []
    await moot.wait_until_over()
    assert [row.question for row in await moot.store.runs()] == [QUESTION]
    assert moot.read_messages(moot.channel) == [board]


async def test_one_stands_through_a_restart(start_moot: StartMoot) -> None:
    moot = await start_paid(start_moot, 0.0)
    notice = await be_asked(moot)
    await moot.restart()
    await moot.server.click(moot.ada, notice, find_button(notice, "start"))
    board = await moot.find_board(moot.channel, QUESTION)
    await moot.wait_until_over()
    assert moot.read_messages(moot.channel) == [board]


@pytest.mark.parametrize("action", ["start", "cancel"])
async def test_one_that_is_gone_leaves_a_sentence_in_place_of_its_buttons(start_moot: StartMoot, action: str) -> None:
    moot = await start_paid(start_moot, 0.0)
    notice = await be_asked(moot)
    await moot.store.forget_offer(f"discord:{moot.ada.id}")
    await (await moot.server.click(moot.ada, notice, find_button(notice, action))).answer()
    assert (notice.text, button_labels(notice)) == (GONE, [])
    assert await moot.store.runs() == []


async def test_a_board_that_discord_does_not_take_is_told_of_at_once_and_posted(start_moot: StartMoot) -> None:
    moot = await start_paid(start_moot, 0.0)
    notice = await be_asked(moot)
    await moot.server.fail("POST", f"/webhooks/{moot.server.bot.id}/*", 404, code=10015)
    pressed = await (await moot.server.click(moot.ada, notice, find_button(notice, "start"))).answer()
    await moot.wait_until(lambda: [(m.text, m.ephemeral) for m in pressed.followups] == [(NOT_CONFIRMED, True)])
    assert (notice.text, button_labels(notice)) == (STARTED, [])
    board = await moot.find_board(moot.channel, QUESTION)
    assert is_silent(board)
    await moot.wait_until_over()
    assert moot.read_messages(moot.channel) == [board]


async def test_what_takes_long_takes_the_place_of_its_offer_as_well(
    start_moot: StartMoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    moot = await start_paid(start_moot, 0.0)
    monkeypatch.setattr(replies, "DEFER_S", 0.0)
    await moot.server.say(moot.ada, moot.channel, f"<@{moot.server.bot.id}> {QUESTION}")
    notice = await moot.find_turn(moot.channel, "expected to cost")
    pressed = await moot.server.click(moot.ada, notice, find_button(notice, "start"))
    board = await moot.find_answer(pressed)
    assert (await pressed.answer()).kind == "deferred_update"
    assert is_silent(board)
    assert (notice.text, button_labels(notice)) == (STARTED, [])
    await moot.wait_until_over()


async def test_one_whose_price_has_risen_takes_the_place_of_the_first(
    start_moot: StartMoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    moot = await start_paid(start_moot, 0.0)
    notice = await be_asked(moot)
    first = find_button(notice, "start")

    def choose(offer: Offer, format: str) -> tuple[RunRequest, float]:
        return offer.request, 0.0  # agreed to before the prices rose

    monkeypatch.setattr(Offer, "choose", choose)
    await (await moot.server.click(moot.ada, notice, first)).answer()
    assert "expected to cost" in notice.text
    await moot.wait_until(lambda: find_button(notice, "start") != first)
    assert await moot.store.runs() == []


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
    assert (notice.text, button_labels(notice)) == (STARTED, [])
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
    await moot.server.click(moot.ada, again, find_button(again, "start"))
    await moot.wait_until(lambda: again.text == f"It starts in <#{moot.channel.id}>.")
    assert button_labels(again) == []
    await moot.wait_until_over()
    assert len([m for m in moot.read_messages(moot.channel) if m.text.startswith(f"> {QUESTION}")]) == 2
