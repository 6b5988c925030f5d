"""Reveal, blind and guess who on Discord, over the wire."""

from __future__ import annotations

import re
from typing import Any

from tests.servers.discord import Channel, Message, User
from tests.servers.model_server import answer
from tests.support.discord_bot import SEATS, THINKING, Moot
from tests.support.discord_guild import button_labels, find_button

NAMES = ("Claude", "GPT", "Gemini", "claude", "gpt", "gemini", "vllm")


FIGURES = re.compile(r"\d tokens|\$\d|free|unknown|\d s · \d")  # which would tell models apart


def script_quiet_answers(m: Moot) -> None:
    """Script answers that do not tell whose they are."""
    for number, seat in enumerate(SEATS):
        m.script_model(seat, answer(f"Opinion {number}."))


def read_sent(m: Moot, since: int = 0) -> str:
    """Return everything that the bot has sent to Discord."""
    return repr([(r.path, dict(r.query), r.body) for r in m.server.requests[since:]])


async def guess(m: Moot, by: User, card: Message, speaker: str, name: str) -> str:
    """Choose a name for a speaker from the form's list; return the answer."""
    asked = await m.server.click(by, card, find_button(card, "guess", speaker))
    modal = (await asked.answer()).modal
    assert modal is not None
    [entry] = modal["components"]
    assert [option["value"] for option in entry["component"]["options"]] == ["Claude", "Gemini", "GPT"]
    return await m.read_answer(await m.server.submit(by, asked, {"name": [name]}))


async def test_answers_wait_for_each_other_and_are_shown_together(moot: Moot) -> None:
    script_quiet_answers(moot)
    moot.script_model("gemini", THINKING)
    board = await moot.ask(reveal="together")
    thread = await moot.find_thread(board)
    for name in ("Claude", "GPT"):
        await moot.find_turn(thread, f"{name} is done: 10 characters, not shown yet.")
    assert "Opinion" not in read_sent(moot)
    await moot.wait_until(lambda: button_labels(board) == ["Reveal", "Stop", "Pause", "Say something", "Summarise"])
    await moot.press(moot.ada, await moot.find_by(thread, "Gemini"), "skip")
    for number in range(2):
        await moot.find_turn(thread, f"Opinion {number}.")
    await moot.wait_until(lambda: "Reveal" not in button_labels(board))


async def test_answers_are_revealed_on_demand_by_a_button_and_by_a_command(moot: Moot) -> None:
    script_quiet_answers(moot)
    board = await moot.ask(reveal="demand")
    thread = await moot.find_thread(board)
    end = await moot.find_end_card(thread)
    assert "What was said is still hidden" in end.text
    assert "Opinion" not in read_sent(moot)
    assert await moot.press(moot.bob, end, "reveal") == "Reveal is for ada and moderators."
    assert (await moot.press(moot.ada, end, "reveal")).startswith("Revealed")
    for number in range(3):
        await moot.find_turn(thread, f"Opinion {number}.")
    await moot.wait_until(lambda: "👍 Claude" in button_labels(end))
    await moot.wait_until(lambda: "All three answered. Vote in the thread." in board.text)
    other = await moot.find_thread(await moot.ask(reveal="demand", question="And milk?"))
    await moot.find_end_card(other)
    assert (await moot.call_command(moot.ada, "moot reveal", other)).startswith("Revealed")
    await moot.find_turn(other, "Opinion 0.")


async def start_blind_run(m: Moot, name: str = "compare", **options: Any) -> tuple[Message, Channel, Message]:
    board = await m.ask(name, blind=True, **options)
    thread = await m.find_thread(board)
    return board, thread, await m.find_end_card(thread)


async def test_nobody_knows_who_is_who_until_the_vote_has_closed(moot: Moot) -> None:
    script_quiet_answers(moot)
    since = len(moot.server.requests)
    board, thread, end = await start_blind_run(moot, "council")
    said = await moot.find_by(thread, "Speaker A")
    assert await moot.press(moot.bob, end, "vote", "a") == "Your vote is Speaker A's."
    await moot.press_more(moot.bob, end, "export")
    assert "council of Speaker A, Speaker B, Speaker C" in board.text
    assert [name for name in NAMES if name in read_sent(moot, since)] == []
    assert FIGURES.findall(read_sent(moot, since)) == []
    assert not any("avatar_url" in (r.body or {}) for r in moot.server.requests[since:] if isinstance(r.body, dict))
    assert await moot.press_more(moot.ada, end, "close") == "The vote is closed."
    await moot.wait_until(lambda: "** (was Speaker A)\n" in said.text)
    who = said.text.split("**")[1]
    assert who in SEATS.values()
    assert "Speaker A" in said.author.name  # a webhook's name stays as it was sent
    await moot.wait_until(lambda: f"Speaker A was {who}" in end.text and f"Votes: {who} 1" in end.text)


async def test_guesses_are_counted_when_names_are_told(moot: Moot) -> None:
    script_quiet_answers(moot)
    _, thread, end = await start_blind_run(moot, guess=True)
    card = await moot.find_turn(thread, "Claude, Gemini and GPT sit at this table.")
    assert button_labels(card) == [f"Who is Speaker {letter}?" for letter in "ABC"]
    for name in SEATS.values():
        assert await guess(moot, moot.bob, card, "a", name) == f"You guess that Speaker A is {name}."
    await guess(moot, moot.cyd, card, "a", "Claude")
    await moot.press_more(moot.ada, end, "close")
    await moot.wait_until(lambda: "Guessed right:" in card.text and "Guessed right:" in end.text)
    who = (await moot.find_turn(thread, "(was Speaker A)")).text.split("**")[1]
    assert f"bob {int(who == 'Gemini')} of 1" in card.text
    assert f"cyd {int(who == 'Claude')} of 1" in card.text
    assert button_labels(card) == []


async def test_figures_stay_hidden_after_a_restart_until_names_are_told(moot: Moot) -> None:
    script_quiet_answers(moot)
    moot.script_model("gemini", THINKING, answer("Opinion 3."))
    since = len(moot.server.requests)
    board = await moot.ask(blind=True)
    thread = await moot.find_thread(board)
    for number in range(2):
        await moot.wait_until_stored(await moot.find_turn(thread, f"Opinion {number}."))
    await moot.stop()
    await moot.start()
    end = await moot.find_end_card(thread)
    await moot.wait_until(lambda: "Result:" in board.text)
    run = find_button(end, "more").split(":")[1]
    seen = await (await moot.server.slash(moot.bob, moot.channel, "moot show", run=run)).answer()
    await moot.wait_until(lambda: bool(seen.message and seen.message.attachments))
    assert seen.message is not None
    (file,) = seen.message.attachments
    assert FIGURES.findall(read_sent(moot, since) + file.data.decode()) == []
    await moot.press_more(moot.ada, end, "close")
    await moot.wait_until(lambda: bool(FIGURES.search(end.text)) and bool(FIGURES.search(board.text)))
