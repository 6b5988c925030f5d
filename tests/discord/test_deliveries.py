"""What Discord delivers is taken once, also by the next process; what was refused needs no remembering."""

from __future__ import annotations

import asyncio

import pytest

from adapters.common.deliveries import DeliveryLog
from adapters.discord.interactions import InteractionHandler
from tests.support.discord_bot import Moot


async def test_what_comes_again_after_a_restart_was_taken(moot: Moot) -> None:
    asked = await moot.server.slash(moot.ada, moot.channel, "compare", question="Tea?")
    said = await moot.server.say(moot.ada, moot.channel, "Milk?", mentions=[moot.server.bot])
    boards = [await moot.find_board(moot.channel, question) for question in ("Tea?", "Milk?")]
    for board in boards:
        await moot.find_end_card(await moot.find_thread(board))
    await moot.stop()
    await moot.start()
    await moot.server.redeliver(asked)
    await moot.server.deliver_again(said)
    other = await moot.server.create_channel(moot.guild, "elsewhere")
    await moot.find_end_card(
        await moot.find_thread(await moot.ask(where=other))
    )  # what came before it has been heard by now
    assert {s.id for s in moot.read_messages(moot.channel) if s.author.bot} == {board.id for board in boards}
    assert len(await moot.store.runs()) == 3


async def test_what_was_refused_is_not_noted_as_no_harm_comes_of_it_again(moot: Moot) -> None:
    refused = await moot.server.slash(moot.ada, moot.channel, "moot say", text="Hello?")
    assert "Which run?" in await moot.read_answer(refused)
    helped = await moot.server.slash(moot.bob, moot.channel, "moot help")
    while not (noted := await moot.store.documents("discord/seen/")):
        await asyncio.sleep(0.005)
    assert list(noted) == [f"discord/seen/{helped.id}"]


async def test_a_bug_in_a_command_leaves_no_note_behind_that_is_still_being_written(
    moot: Moot, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def never(*given: object) -> None:
        await asyncio.Event().wait()

    async def bug(*given: object) -> None:
        await asyncio.sleep(0)  # the note is being written
        raise ZeroDivisionError

    monkeypatch.setattr(InteractionHandler, "_dispatch", bug)
    monkeypatch.setattr(DeliveryLog, "save", never)
    await moot.server.slash(moot.ada, moot.channel, "moot help")
    while not moot.faults:
        await asyncio.sleep(0.005)
    assert [type(moot.faults.pop())] == [ZeroDivisionError]
    async with asyncio.timeout(30):
        while any(task.get_name() == "save a delivery" for task in asyncio.all_tasks()):
            await asyncio.sleep(0.005)
