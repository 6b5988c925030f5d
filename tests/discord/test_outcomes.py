"""What became of a decision is marked from its end card, and asked for once, in its thread, where that was agreed."""

from __future__ import annotations

import pytest

from bot.actions import outcomes
from bot.domain.facts import OutcomeMarked
from bot.domain.transcript import Transcript, fold_all
from bot.engine.thread import LATER_QUESTION
from tests.servers.discord import Message, User
from tests.support.discord_bot import Moot
from tests.support.discord_guild import button_labels, find_button, is_silent

MARKS = ["We did it", "It was right", "It was wrong", "Undecided"]


async def open_marks(moot: Moot, by: User, end: Message) -> Message:
    """Press through to the buttons that mark a run; return the notice with them."""
    notice = await moot.open_more(by, end)
    await (await moot.server.click(by, notice, find_button(notice, "outcome"))).answer()
    await moot.wait_until(lambda: button_labels(notice)[:4] == MARKS)
    return notice


async def press_mark(moot: Moot, by: User, notice: Message, action: str) -> str:
    before = notice.text
    await (await moot.server.click(by, notice, find_button(notice, action))).answer()
    await moot.wait_until(lambda: notice.text != before)
    return notice.text


async def finish_run(moot: Moot) -> tuple[Message, Message]:
    """Hold a comparison to its end; return the end card and the board."""
    board = await moot.ask()
    end = await moot.find_end_card(await moot.find_thread(board))
    await moot.press_more(moot.ada, end, "close")
    while await moot.store.unfinished_runs():
        await moot.press_more(moot.cyd, end, "export")
    return end, board


async def test_a_starter_who_wants_it_is_asked_once(moot: Moot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outcomes, "ASK_AFTER_DAYS", 0)
    end, board = await finish_run(moot)
    thread = await moot.find_thread(board)
    notice = await open_marks(moot, moot.ada, end)
    assert button_labels(notice) == [*MARKS, "Ask me in 30 days"]
    assert "a message here asks what became of it, once" in await press_mark(moot, moot.ada, notice, "ask_later")
    assert button_labels(await open_marks(moot, moot.ada, end)) == MARKS
    assert button_labels(await open_marks(moot, moot.mod, end)) == MARKS
    stood = [m.id for m in moot.read_messages(thread)]

    await moot.restart()
    asked = await moot.find(thread, lambda m: LATER_QUESTION in m.text)
    assert [m.id for m in moot.read_messages(thread)] == [*stood, asked.id]
    assert (button_labels(asked), is_silent(asked)) == (MARKS, True)
    assert "Marking what became of it is for ada and moderators." in await moot.press(moot.bob, asked, "was_right")
    assert await moot.press(moot.ada, asked, "was_right") == "Noted: it was right."
    while await moot.store.unfinished_runs():
        await moot.press(moot.bob, asked, "was_right")
    await moot.restart()
    assert await moot.press(moot.mod, asked, "was_wrong") == "Noted: it was wrong."
    assert [m.id for m in moot.read_messages(thread)] == [*stood, asked.id]
    [row] = await moot.store.runs()
    t = fold_all(Transcript(), await moot.store.read(row.run))
    assert [e.fact.mark for e in t.entries if isinstance(e.fact, OutcomeMarked)] == ["right", "wrong"]
    assert (t.asked, t.mark) == (True, "wrong")


async def test_what_is_known_is_not_asked(moot: Moot) -> None:
    end, _ = await finish_run(moot)
    await press_mark(moot, moot.ada, await open_marks(moot, moot.ada, end), "ask_later")
    notice = await open_marks(moot, moot.ada, end)
    assert await press_mark(moot, moot.ada, notice, "undecided") == "Noted: it is undecided."
    assert await moot.store.runs_to_ask(1e12) == []
    assert "What became of it" not in button_labels(await moot.open_more(moot.bob, end))
