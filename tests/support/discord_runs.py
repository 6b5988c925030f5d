"""Runs on Discord in a state that many tests begin with: one that goes on, and one that is over."""

from __future__ import annotations

from typing import Any

from tests.servers.discord import Channel, Interaction, Message, User
from tests.support.discord_bot import Moot, make_endless
from tests.support.discord_guild import find_button


async def open_run(moot: Moot, words: str = "", **options: Any) -> tuple[Message, Channel, Message]:
    """Start a run in which GPT goes on speaking; return board, thread and its turn, which the store knows.

    `words`: the beginning of what GPT's model has been scripted to say already, if it has.
    """
    if not words:
        moot.script_model("gpt", make_endless("So far, so good"))
    board = await moot.ask(**options)
    thread = await moot.find_thread(board)
    turn = await moot.find_turn(thread, words or "So far, so good")
    await moot.wait_until_stored(turn)
    return board, thread, turn


async def finish_run(moot: Moot, name: str = "compare", **options: Any) -> tuple[Message, Channel, Message]:
    """Play a run to its end; return board, thread and end card."""
    board = await moot.ask(name, **options)
    thread = await moot.find_thread(board)
    end = await moot.find_end_card(thread)
    await moot.wait_until(lambda: "Result:" in board.text)  # its end is stored
    return board, thread, end


async def ask_to_delete(moot: Moot, end: Message) -> Message:
    """Press Delete behind More… as the starter; return the question that they alone read."""
    rest = await moot.open_more(moot.ada, end)
    asked = await moot.server.click(moot.ada, rest, find_button(rest, "delete"))
    await moot.read_answer(asked)
    seen = await asked.answer()
    return next(m for m in (seen.message, *seen.followups) if m is not None and m.ephemeral)


async def click_forged(moot: Moot, by: User, custom_id: str) -> str:
    """Press a button of that id under a message of one's own, and return the answer."""
    button = {"type": 2, "style": 1, "label": "x", "custom_id": custom_id}
    talk = await moot.server.say(by, moot.channel, "", components=[{"type": 1, "components": [button]}])
    talk.components = [{"type": 1, "components": [{**button, "id": 2}]}]
    return await moot.read_answer(await moot.server.click(by, talk, custom_id))


async def press_delete(moot: Moot, end: Message) -> Interaction:
    """Press Delete as the starter, and Delete below the question; return the second press."""
    notice = await ask_to_delete(moot, end)
    return await moot.server.click(moot.ada, notice, find_button(notice, "delete_now"))
