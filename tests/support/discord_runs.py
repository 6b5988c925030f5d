"""Runs on Discord in a state that many tests begin with: one that goes on, and one that is over."""

from __future__ import annotations

from typing import Any

from tests.servers.discord import Channel, Message
from tests.support.discord_bot import Moot, make_endless


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
    await moot.wait_until(lambda: "Verdict" in board.text)  # its end is stored
    return board, thread, end
