"""What people do in a run on Discord: buttons, reactions, menus, mentions, and who may."""

from __future__ import annotations

import pytest

from tests.servers.discord import Message, Upload
from tests.servers.model_server import answer, error
from tests.support.discord_bot import THINKING, Moot, StartMoot, make_endless
from tests.support.discord_guild import button_labels, find_button
from tests.support.discord_runs import finish_run, open_run

LONG = " ".join(f"Reason {n} for tea." for n in range(400))


async def test_a_vote_is_one_whatever_it_is_cast_with(moot: Moot) -> None:
    _, thread, end = await finish_run(moot)
    claude, gpt = await moot.find_by(thread, "Claude"), await moot.find_by(thread, "GPT")
    assert await moot.press(moot.ada, end, "vote", "claude") == "Your vote is Claude's."
    assert await moot.press(moot.ada, end, "vote", "gpt") == "Your vote is now GPT's."
    await moot.react(moot.bob, claude, "👍")
    await moot.react(moot.bob, gpt, "👍")  # a later one replaces it
    await moot.react(moot.cyd, claude, "👍")
    await moot.react(moot.cyd, gpt, "❤️")
    await moot.server.unreact(moot.cyd, claude, "👍")
    await moot.server.unreact(moot.bob, claude, "👍")  # that is his vote no more
    await wait_until_taken(moot, end)
    assert "Votes" not in end.text
    assert await moot.press(moot.bob, end, "close") == "Closing the vote is for ada and moderators."
    assert await moot.press(moot.mod, end, "close") == "The vote is closed."
    await moot.wait_until(lambda: "Votes: GPT 2" in end.text)
    assert "Claude" not in end.text.partition("Votes:")[2].splitlines()[0]
    assert "Follow up" in button_labels(end)
    assert not any("👍" in label for label in button_labels(end))
    assert end.edits, "the counts are shown on the card that stands there"


async def wait_until_taken(moot: Moot, end: Message) -> None:
    """Wait until the bot has taken earlier reactions: events come in order, and a vote is stored before its answer."""
    await moot.press(moot.bob, end, "vote", "gpt")


async def test_the_starter_skips_alone(moot: Moot) -> None:
    _, thread, turn = await open_run(moot)
    assert await moot.press(moot.ada, turn, "skip") == "GPT is skipped."
    assert "GPT's answer (skipped)" in (await moot.find_end_card(thread)).text
    await moot.wait_until(lambda: "-# skipped" in turn.text and not button_labels(turn))
    assert "So far, so good" in turn.text


async def test_a_seat_is_skipped_from_its_placeholder_on(moot: Moot) -> None:
    moot.script_model("gpt", THINKING)
    thread = await moot.find_thread(await moot.ask())
    turn = await moot.find_turn(thread, "GPT is thinking…")
    await moot.press(moot.ada, turn, "skip")
    await moot.find_end_card(thread)
    await moot.wait_until(lambda: "thinking" not in turn.text)


async def test_others_skip_by_majority(moot: Moot) -> None:
    _, thread, turn = await open_run(moot)
    said = await moot.press(moot.bob, turn, "skip")
    assert said == "Noted: GPT is skipped once 1 more of those present wish it."
    assert await moot.press(moot.bob, turn, "skip") == said
    assert await moot.press(moot.cyd, turn, "skip") == "GPT is skipped."
    await moot.find_end_card(thread)


@pytest.mark.parametrize(("emoji", "outcome"), [("⏭️", "GPT's answer (skipped)"), ("🛑", "Stopped before its end")])
async def test_reactions_skip_and_stop(moot: Moot, emoji: str, outcome: str) -> None:
    _, thread, turn = await open_run(moot)
    await moot.react(moot.ada, turn, emoji)
    assert outcome in (await moot.find_end_card(thread)).text


async def test_reactions_of_those_who_may_not_do_nothing(moot: Moot) -> None:
    _, thread, turn = await open_run(moot)
    await moot.react(moot.bob, turn, "🛑")
    await moot.react(moot.bob, turn, "🔁")
    await moot.press(moot.bob, turn, "skip")
    assert "Skip" in button_labels(turn)
    await moot.react(moot.mod, turn, "🛑")
    await moot.find_end_card(thread)


@pytest.mark.parametrize("by_reaction", [False, True])
async def test_a_failed_seat_is_asked_again(moot: Moot, by_reaction: bool) -> None:
    moot.script_model("claude", error(503, "overloaded"), answer("Here I am."))
    _, thread, turn = await open_run(moot)
    claude = await moot.find_by(thread, "Claude")
    await moot.wait_until(lambda: button_labels(claude) == ["Retry"])
    assert "failed:" in claude.text
    assert await moot.press(moot.bob, claude, "retry") == "Retry is for ada and moderators."
    if by_reaction:
        await moot.react(moot.ada, claude, "🔁")
    else:
        assert await moot.press(moot.ada, claude, "retry") == "Claude is asked again."
    await moot.wait_until(lambda: claude.text.startswith("Here I am.\n-# "))
    await moot.wait_until(lambda: button_labels(claude) == [])
    await moot.press(moot.ada, turn, "skip")
    assert "Claude's" not in (await moot.find_end_card(thread)).text


async def test_what_is_long_is_read_on_by_whoever_wants(moot: Moot) -> None:
    moot.script_model("claude", answer(LONG))
    _, thread, _ = await finish_run(moot)
    turn = await moot.find_by(thread, "Claude")
    await moot.wait_until(lambda: button_labels(turn) == ["Read on"])
    assert "goes on behind Read on" in turn.text
    assert "Reason 399" not in turn.text
    seen = await (await moot.server.click(moot.bob, turn, find_button(turn, "read_on"))).answer()
    assert seen.ephemeral
    assert seen.message is not None
    (file,) = seen.message.attachments
    assert (file.filename, file.data.decode()) == ("Claude.md", LONG)
    await moot.wait_until(lambda: any("Reason 399" in f.text for f in seen.followups))
    assert all(f.ephemeral for f in seen.followups)


async def test_following_up_goes_on_from_what_was_said(moot: Moot) -> None:
    _, thread, end = await finish_run(moot)
    form = await moot.server.click(moot.bob, end, find_button(end, "follow_up"))
    assert (await form.answer()).kind == "modal"
    asked = await moot.server.submit(moot.bob, form, {"question": "And with milk?"})
    board = (await asked.answer()).message
    assert board is not None
    await moot.wait_until(lambda: "And with milk?" in board.text)
    assert board.channel_id == thread.id
    await moot.wait_until(lambda: len(moot.read_asks("claude")) == 2)
    assert "Claude speaks." in moot.read_asks("claude")[-1]
    assert "asked by bob" in board.text


async def test_running_again_asks_the_same_in_a_thread_of_its_own(moot: Moot) -> None:
    board, _, end = await finish_run(moot, "debate", rounds=1, panel="pair")
    assert await moot.press(moot.bob, end, "run_again") == f"It starts in <#{moot.channel.id}>."
    again = await moot.find(moot.channel, lambda b: b is not board)
    await moot.wait_until(lambda: "debate of Claude, GPT · asked by bob" in again.text)
    assert "Tea or coffee?" in again.text
    assert (await moot.find_thread(again)).parent_id == moot.channel.id


async def test_an_export_is_the_whole_run_as_a_file(moot: Moot) -> None:
    _, _, end = await finish_run(moot)
    seen = await (await moot.server.click(moot.cyd, end, find_button(end, "export"))).answer()
    assert seen.ephemeral
    assert seen.message is not None
    (file,) = seen.message.attachments
    text = file.data.decode()
    assert file.filename.endswith(".md")
    for words in ("# Compare: Tea or coffee?", "## 🟦 Claude", "Gemini speaks.", "3 of 3 answered."):
        assert words in text


async def test_a_deleted_run_is_gone(moot: Moot) -> None:
    _, thread, end = await finish_run(moot)
    assert await moot.press(moot.bob, end, "delete") == "Delete is for ada and moderators."
    assert await moot.press(moot.ada, end, "delete") == "Deleted."
    await moot.wait_until(lambda: not moot.read_messages(thread) and not moot.read_messages(moot.channel))
    run = find_button(end, "delete").split(":")[1]
    assert "no run" in await moot.call_command(moot.ada, "moot show", run=run)
    assert await moot.call_command(moot.ada, "moot runs") == "There are no runs yet: try `/council`."


async def test_a_removed_turn_is_read_by_nobody(moot: Moot) -> None:
    moot.script_model("claude", answer("Rude tea."), answer("Fine."))
    _, thread, end = await finish_run(moot, "debate", rounds=1)
    turn = await moot.find_by(thread, "Claude")
    refused = await moot.read_answer(await moot.choose_from_menu(moot.bob, turn, "Remove"))
    assert refused == "Remove is for moderators."
    assert await moot.read_answer(await moot.choose_from_menu(moot.mod, turn, "Remove")) == "Removed what Claude said."
    await moot.wait_until(lambda: turn.text == "*Removed by a moderator.*" and not button_labels(turn))
    seen = await (await moot.server.click(moot.ada, end, find_button(end, "export"))).answer()
    assert seen.message is not None
    assert b"Rude tea" not in seen.message.attachments[0].data
    assert "no seat's message" in await moot.read_answer(await moot.choose_from_menu(moot.mod, end, "Remove"))


async def test_one_seat_is_asked_alone(moot: Moot) -> None:
    _, thread, _ = await finish_run(moot)
    turn = await moot.find_by(thread, "GPT")
    form = await moot.choose_from_menu(moot.bob, turn, "Ask this seat")
    board = (await (await moot.server.submit(moot.bob, form, {"question": "Why?"})).answer()).message
    assert board is not None
    await moot.wait_until(lambda: "compare of GPT · asked by bob" in board.text)
    await moot.wait_until(lambda: len(moot.read_asks("gpt")) == 2)
    assert "GPT speaks." in moot.read_asks("gpt")[-1]
    assert len(moot.read_asks("claude")) == 1


async def test_a_turn_is_sent_to_another_model(moot: Moot) -> None:
    _, thread, _ = await finish_run(moot)
    form = await moot.choose_from_menu(moot.bob, await moot.find_by(thread, "GPT"), "Send to another model…")
    await moot.server.submit(moot.bob, form, {"model": "gemini", "note": "Shorter, please."})
    await moot.wait_until(lambda: len(moot.read_asks("gemini")) == 2)
    assert all(words in moot.read_asks("gemini")[-1] for words in ("From GPT", "GPT speaks.", "Shorter, please."))


async def test_a_persons_message_is_sent_to_a_model_or_the_council(moot: Moot) -> None:
    talk = await moot.server.say(moot.bob, moot.channel, "Milk goes in first.")
    form = await moot.server.menu(moot.ada, talk, "Send to another model…")
    await form.answer()
    await moot.server.submit(moot.ada, form, {"model": "gpt"})
    await moot.wait_until(lambda: len(moot.read_asks("gpt")) == 1)
    assert "From bob" in moot.read_asks("gpt")[0]
    assert "Milk goes in first." in moot.read_asks("gpt")[0]
    board = (await (await moot.server.menu(moot.ada, talk, "Ask the council about this")).answer()).message
    assert board is not None
    await moot.wait_until(lambda: "> Milk goes in first." in board.text and "council" in board.text)


async def test_a_mention_asks_about_the_message_it_replies_to(moot: Moot) -> None:
    talk = await moot.server.say(moot.bob, moot.channel, "Milk goes in first.")
    await moot.server.say(moot.ada, moot.channel, "is that so?", mentions=[moot.server.bot], reply_to=talk)
    board = await moot.find_board(moot.channel, "is that so?")
    assert board.notified == []
    await moot.wait_until(lambda: len(moot.read_asks("claude")) == 1)
    assert "Milk goes in first." in moot.read_asks("claude")[0]


async def test_a_mention_in_the_thread_is_a_remark_and_afterwards_a_question(moot: Moot) -> None:
    moot.script_model("claude", answer("One."), answer("Two."))
    moot.script_model("gpt", make_endless("So far"), answer("Two."))
    board = await moot.ask("debate", rounds=2)
    thread = await moot.find_thread(board)
    turn = await moot.find_turn(thread, "So far")
    await moot.server.say(moot.bob, thread, "think of the milk", mentions=[moot.server.bot])
    await moot.server.say(moot.cyd, thread, "I think of nothing")
    assert "Noted: " not in await moot.press(moot.ada, turn, "skip")
    await moot.find_end_card(thread)
    assert any("remark from bob" in a and "think of the milk" in a for a in moot.read_asks("claude"))
    assert not any("I think of nothing" in a for a in moot.read_asks("claude"))
    asked = len(moot.read_asks("claude"))
    await moot.server.say(moot.bob, thread, "and lemon?", mentions=[moot.server.bot])
    await moot.find_board(thread, "and lemon?")
    await moot.wait_until(lambda: len(moot.read_asks("claude")) > asked)


async def test_plain_messages_are_remarks_where_the_operator_wants_it(start_moot: StartMoot) -> None:
    moot = await start_moot(discord={"listen": True})
    moot.script_model("gpt", make_endless("So far"), answer("Two."))
    board = await moot.ask("debate", rounds=2)
    thread = await moot.find_thread(board)
    turn = await moot.find_turn(thread, "So far")
    await moot.server.say(moot.bob, thread, "think of the milk")
    await moot.press(moot.ada, turn, "skip")
    await moot.find_end_card(thread)
    assert any("think of the milk" in a for a in moot.read_asks("claude"))


async def test_a_question_that_changes_is_noted_and_changes_nothing(moot: Moot) -> None:
    moot.script_model("gpt", THINKING)
    said = await moot.server.say(moot.ada, moot.channel, "tea?", mentions=[moot.server.bot])
    board = await moot.find_board(moot.channel, "tea?")
    await moot.server.edit(moot.ada, said, "coffee?")
    await moot.wait_until(lambda: "The question was edited after the start" in board.text)
    await moot.server.delete(moot.ada, said)
    await moot.wait_until(lambda: "The question was deleted after the start" in board.text)
    assert "> tea?" in board.text


async def test_what_is_attached_to_a_message_goes_with_the_question_about_it(moot: Moot) -> None:
    note = Upload("order.txt", b"two teas")
    talk = await moot.server.say(moot.bob, moot.channel, "What of this?", attachments=[note])
    await (await moot.server.menu(moot.ada, talk, "Ask the council about this")).answer()
    await moot.wait_until(lambda: len(moot.read_asks("claude")) == 1)
    assert "two teas" in moot.read_asks("claude")[0]


async def test_what_is_still_seen_after_the_end_is_answered(moot: Moot) -> None:
    board, thread, turn = await open_run(moot)
    await moot.server.fail("PATCH", "*/messages/*", 500, None)  # people see what was there before
    assert await moot.press(moot.ada, board, "stop") == "Stopped; what was said is kept."
    await moot.find_end_card(thread)
    assert await moot.press(moot.ada, turn, "skip") == "This run is over."
    assert await moot.press(moot.ada, board, "stop") == "This run is over."
