"""What Discord delivers is taken once, also by the next process; what was refused needs no remembering."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from adapters.common.deliveries import DeliveryLog
from adapters.discord.interactions import InteractionHandler
from tests.support.discord_bot import run_moot


async def test_what_comes_again_after_a_restart_was_taken(tmp_path: Path) -> None:
    async with run_moot(tmp_path) as m:
        asked = await m.server.slash(m.ada, m.channel, "compare", question="Tea?")
        said = await m.server.say(m.ada, m.channel, "Milk?", mentions=[m.server.bot])
        boards = [await m.find_board(m.channel, question) for question in ("Tea?", "Milk?")]
        for board in boards:
            await m.find_end_card(await m.find_thread(board))
        await m.stop()
        await m.start()
        await m.server.redeliver(asked)
        await m.server.deliver_again(said)
        other = await m.server.create_channel(m.guild, "elsewhere")
        await m.find_end_card(
            await m.find_thread(await m.ask(where=other))
        )  # what came before it has been heard by now
        assert [s.id for s in m.read_messages(m.channel) if s.author.bot] == [board.id for board in boards]
        assert len(await m.store.runs()) == 3


async def test_what_was_refused_is_not_noted_as_no_harm_comes_of_it_again(tmp_path: Path) -> None:
    async with run_moot(tmp_path) as m:
        refused = await m.server.slash(m.ada, m.channel, "moot say", text="Hello?")
        assert "Which run?" in await m.read_answer(refused)
        helped = await m.server.slash(m.bob, m.channel, "moot help")
        while not (noted := await m.store.documents("discord/seen/")):
            await asyncio.sleep(0.005)
        assert list(noted) == [f"discord/seen/{helped.id}"]


async def test_a_bug_in_a_command_leaves_no_note_behind_that_is_still_being_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*given: object) -> None:
        await asyncio.Event().wait()

    async def bug(*given: object) -> None:
        await asyncio.sleep(0)  # the note is being written
        raise ZeroDivisionError

    async with run_moot(tmp_path) as m:
        monkeypatch.setattr(InteractionHandler, "_take", bug)
        monkeypatch.setattr(DeliveryLog, "save", never)
        await m.server.slash(m.ada, m.channel, "moot help")
        while not m.faults:
            await asyncio.sleep(0.005)
        assert [type(m.faults.pop())] == [ZeroDivisionError]
        assert [task for task in asyncio.all_tasks() if task.get_name() == "note a delivery"] == []
