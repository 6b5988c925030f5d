"""Seats that wait before they are asked, as people see them on Discord."""

from __future__ import annotations

from typing import Any

from tests.servers.model_server import answer
from tests.support.discord_bot import Moot, StartMoot, make_endless


async def start_narrow(start_moot: StartMoot, **model: Any) -> Moot:
    """Serve the bot with these settings of every model; GPT goes on for ever."""
    moot = await start_moot(started=False)
    tables = {key: given.model_copy(update=model) for key, given in moot.settings.models.items()}
    moot.settings = moot.settings.model_copy(update={"models": tables})
    moot.script_model("claude", make_endless("So far, so good"))
    await moot.start()
    return moot


def count_asked(moot: Moot, seat: str) -> int:
    return sum(seen.path.startswith(f"/{seat}/") for seen in moot.models.log)


async def test_a_seat_in_line_says_so_can_be_skipped_and_waits_again_after_a_restart(start_moot: StartMoot) -> None:
    moot = await start_narrow(start_moot, concurrency=1)
    board = await moot.ask()
    thread = await moot.find_thread(board)
    places = ("GPT: next in line", "Gemini: 2nd in line")
    for place in places:
        await moot.find_turn(thread, place)
    await moot.wait_until(lambda: all(place in board.text for place in places))
    await moot.stop()
    await moot.start()
    gpt, gemini = await moot.find_by(thread, "GPT"), await moot.find_by(thread, "Gemini")
    assert await moot.press(moot.ada, gpt, "skip") == "GPT is skipped."
    await moot.wait_until(lambda: "Gemini: next in line" in board.text)
    assert (count_asked(moot, "gpt"), count_asked(moot, "gemini")) == (0, 0)
    claude = await moot.find_by(thread, "Claude")
    await moot.press(moot.ada, claude, "skip")
    await moot.wait_until(lambda: "Gemini speaks." in gemini.text)
    await moot.find_end_card(thread)
    assert count_asked(moot, "gpt") == 0


async def test_a_seat_whose_minute_is_full_says_so(start_moot: StartMoot) -> None:
    moot = await start_narrow(start_moot, requests_per_minute=1)
    moot.script_model("claude", answer("Claude speaks."))
    await moot.find_end_card(await moot.find_thread(await moot.ask("compare", panel="pair")))
    board = await moot.ask("compare", panel="pair")
    thread = await moot.find_thread(board)
    await moot.find_turn(thread, "GPT waits for its minute, about ")
    await moot.wait_until(lambda: "Claude waits for its minute, about " in board.text)
    assert count_asked(moot, "gpt") == 1
