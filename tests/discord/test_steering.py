"""How people steer the course of a run on Discord: pauses, seats, objections, votes on rounds, and who joins."""

from __future__ import annotations

from commands.command import MORE
from tests.servers.discord import Channel, Message, threads
from tests.servers.model_server import answer
from tests.support.discord_bot import Moot, StartMoot, make_endless
from tests.support.discord_guild import button_labels, find_button


async def start_debate(m: Moot) -> tuple[Message, Channel, Message]:
    """Start a debate in which Claude has spoken and GPT goes on; return board, thread and GPT's turn."""
    m.script_model("gpt", make_endless("So far, ", "so good"), answer("GPT ", "again."))
    board = await m.ask("debate", rounds=2, panel="pair")
    thread = await m.find_thread(board)
    turn = await m.find_turn(thread, "So far, so good")
    await m.find_turn(thread, "Claude speaks.")
    return board, thread, turn


async def test_a_pause_outlasts_a_restart(moot: Moot) -> None:
    board, thread, turn = await start_debate(moot)
    assert await moot.press(moot.bob, board, "pause") == "Pause is for ada and moderators."
    assert (await moot.press(moot.ada, board, "pause")).startswith("Paused: what speaks now finishes")
    await moot.wait_until(lambda: "ada has paused this run" in board.text and "Resume" in button_labels(board))
    await moot.press(moot.ada, turn, "skip")
    await moot.wait_until(lambda: button_labels(turn) == ["Objection!"])
    await moot.stop()
    await moot.start()
    assert await moot.call_command(moot.mod, "moot pause", where=thread) == "ada has paused it already."
    assert "ada has paused this run" in board.text
    assert len(moot.read_asks("claude")) == 1
    assert await moot.press(moot.mod, board, "resume") == "It goes on."
    await moot.find_end_card(thread)
    assert len(moot.read_asks("gpt")) == 2
    await moot.wait_until(lambda: "Paused" not in board.text)


async def test_a_seat_joins_and_another_leaves_in_mid_turn(moot: Moot) -> None:
    board, thread, turn = await start_debate(moot)
    added = await moot.call_command(moot.ada, "moot add", where=thread, model="gemini", persona="skeptic")
    assert added == "Gemini (skeptic) joins the table from round 2 on."
    refused = await moot.call_command(moot.bob, "moot drop", where=thread, seat="gpt")
    assert refused == "Dropping a seat is for ada and moderators."
    dropped = await moot.call_command(moot.ada, "moot drop", where=thread, seat="gpt")
    assert dropped == "GPT leaves the table; what it has said stays shown."
    await moot.wait_until(lambda: "-# dropped by ada · skipped" in turn.text)
    assert turn.text.startswith("So far, so good")
    end = await moot.find_end_card(thread)
    assert "GPT did not finish its opening (dropped)" in end.text
    assert not any("GPT" in label for label in button_labels(end))
    assert [len(moot.read_asks(seat)) for seat in ("gpt", "gemini")] == [1, 1]
    assert "So far, so good" in moot.read_asks("gemini")[0]
    await moot.wait_until(lambda: "debate of Claude, Gemini (skeptic)" in board.text)
    assert "Dropped: GPT (by ada)" in board.text


async def test_the_most_upvoted_objection_is_answered_first(moot: Moot) -> None:
    board, thread, turn = await start_debate(moot)
    claude = await moot.find_by(thread, "Claude")
    await moot.wait_until(lambda: button_labels(claude) == ["Objection!"])
    form = await moot.server.click(moot.bob, claude, find_button(claude, "object"))
    assert (await form.answer()).kind == "modal"
    raised = await moot.read_answer(await moot.server.submit(moot.bob, form, {"text": "What of the cost?"}))
    assert raised == "Noted: round 2 answers the most upvoted objection first."
    await moot.call_command(moot.cyd, "moot object", where=thread, text="GPT, define tea!")
    first, second = await moot.find_turn(thread, "What of the cost?"), await moot.find_turn(thread, "GPT, define tea!")
    assert "to Claude" in first.text
    assert await moot.press(moot.bob, second, "upvote") == "You support cyd's objection."
    assert await moot.press(moot.cyd, second, "upvote") == "It is your own objection; others may upvote it."
    await moot.react(moot.mod, second, "👍")
    await moot.wait_until(lambda: "▲ 2" in second.text)
    await moot.react(moot.ada, second, "👍")
    await moot.wait_until(lambda: "▲ 3" in second.text)
    await moot.server.unreact(moot.ada, second, "👍")
    await moot.wait_until(lambda: "▲ 2 · answered first in round 2" in second.text)
    await moot.wait_until(lambda: "round 2 answers cyd's objection first (▲ 2)" in board.text)
    await moot.press(moot.ada, turn, "skip")
    await moot.find_end_card(thread)
    assert "objection from cyd, to be answered first" in moot.read_asks("gpt")[1]
    assert "Answer it first and openly" in moot.read_asks("gpt")[1]
    assert "objection from cyd, put to GPT" in moot.read_asks("claude")[1]
    await moot.wait_until(lambda: "answered in round 2 by GPT" in second.text and not button_labels(second))
    await moot.wait_until(lambda: "not answered: no round was left" in first.text and not button_labels(first))


async def test_people_vote_on_the_next_round(moot: Moot) -> None:
    asked = await moot.server.slash(
        moot.ada, moot.channel, "debate", question="Tea or coffee?", rounds=3, next="vote", panel=MORE
    )
    await asked.answer()
    form = {"models": "claude, gpt"}
    board = await moot.find_answer(await moot.server.submit(moot.ada, asked, form))
    thread = await moot.find_thread(board)
    card = await moot.find_turn(thread, "Go on to round 2 of 3")
    assert button_labels(card) == ["Go on", "End here", "Objection!", "Next", "Close"]
    assert await moot.press(moot.bob, card, "end_here") == "Your vote is “end”."
    assert await moot.press(moot.cyd, card, "go_on") == "Your vote is “go on”."
    await moot.wait_until(lambda: "2 have voted." in card.text)
    assert "1 for" not in card.text
    assert await moot.press(moot.bob, card, "next") == "Next is for ada and moderators."
    assert await moot.press(moot.mod, card, "next") == "Round 2 begins."
    await moot.wait_until(
        lambda: card.text.endswith("The debate went on: mod pressed Next.") and not button_labels(card)
    )
    card = await moot.find_turn(thread, "Go on to round 3 of 3")
    await moot.press(moot.bob, card, "end_here")
    await moot.press(moot.cyd, card, "end_here")
    assert await moot.press(moot.ada, card, "close_round") == "The vote is closed."
    assert "The debate ended after round 2 of 3, by vote." in (await moot.find_end_card(thread)).text
    told = "The debate ended: 2 voted to end, 0 to go on."
    await moot.wait_until(lambda: told in card.text and not button_labels(card))


async def test_who_joins_the_thread_is_on_the_board(start_moot: StartMoot) -> None:
    moot = await start_moot(discord={"members": True})
    board, thread, turn = await start_debate(moot)
    threads.join(moot.server.hub, thread, moot.bob.id)
    await moot.wait_until(lambda: "Also here: bob" in board.text)
    threads.join(moot.server.hub, thread, moot.mod.id)
    await moot.wait_until(lambda: "Also here: bob and mod" in board.text)
    await moot.server.say(moot.cyd, thread, "I only listen")
    await moot.wait_until(lambda: "Also here: bob, mod and 1 more" in board.text)
    await moot.press(moot.ada, turn, "skip")
    await moot.find_end_card(thread)
    assert not any("I only listen" in asked for asked in moot.read_asks("claude"))


async def test_without_the_intent_those_are_noted_who_write(moot: Moot) -> None:
    board, thread, turn = await start_debate(moot)
    threads.join(moot.server.hub, thread, moot.bob.id)
    await moot.server.say(moot.cyd, thread, "I only listen")
    await moot.wait_until(lambda: "Also here: cyd" in board.text)
    await moot.press(moot.ada, turn, "skip")
    await moot.find_end_card(thread)
    assert "bob" not in board.text
