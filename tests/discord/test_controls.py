"""What people do in a run on Discord: buttons, reactions, menus, mentions, and who may."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.servers.discord import Channel, Message, Upload
from tests.servers.model_server import answer, error
from tests.support.discord_bot import THINKING, Moot, make_endless, run_moot
from tests.support.discord_guild import button_labels, find_button

LONG = " ".join(f"Reason {n} for tea." for n in range(400))


async def over(m: Moot, name: str = "compare", **options: Any) -> tuple[Message, Channel, Message]:
    """A run that has come to its end: board, thread, end card."""
    board = await m.ask(name, **options)
    thread = await m.find_thread(board)
    end = await m.find_end_card(thread)
    await m.wait_until(lambda: "Verdict" in board.text)  # its end is stored
    return board, thread, end


async def open_run(m: Moot) -> tuple[Message, Channel, Message]:
    """A run in which GPT goes on speaking: board, thread, its turn."""
    m.script_model("gpt", make_endless("So far, so good"))
    board = await m.ask()
    thread = await m.find_thread(board)
    return board, thread, await m.find_turn(thread, "So far, so good")


async def test_a_vote_is_one_whatever_it_is_cast_with(tmp_path: Path) -> None:
    async with run_moot(tmp_path) as m:
        _, thread, end = await over(m)
        claude, gpt = await m.find_by(thread, "Claude"), await m.find_by(thread, "GPT")
        assert await m.press(m.ada, end, "vote", "claude") == "Your vote is Claude's."
        assert await m.press(m.ada, end, "vote", "gpt") == "Your vote is now GPT's."
        await m.react(m.bob, claude, "👍")
        await m.react(m.bob, gpt, "👍")  # a later one replaces it
        await m.react(m.cyd, claude, "👍")
        await m.react(m.cyd, gpt, "❤️")
        await m.server.unreact(m.cyd, claude, "👍")
        await m.server.unreact(m.bob, claude, "👍")  # that is his vote no more
        await heard(m, end)
        assert "Votes" not in end.text
        assert await m.press(m.bob, end, "close") == "Closing the vote is for ada and moderators."
        assert await m.press(m.mod, end, "close") == "The vote is closed."
        await m.wait_until(lambda: "Votes: GPT 2" in end.text)
        assert "Claude" not in end.text.partition("Votes:")[2].splitlines()[0]
        assert "Follow up" in button_labels(end)
        assert not any("👍" in label for label in button_labels(end))
        assert end.edits, "the counts are shown on the card that stands there"


async def heard(m: Moot, end: Message) -> None:
    """What was done before has been taken in: events come in order, and a vote's answer comes after its store."""
    await m.press(m.bob, end, "vote", "gpt")


async def test_the_starter_skips_alone(tmp_path: Path) -> None:
    async with run_moot(tmp_path) as m:
        _, thread, turn = await open_run(m)
        assert await m.press(m.ada, turn, "skip") == "GPT is skipped."
        assert "GPT's answer (skipped)" in (await m.find_end_card(thread)).text
        await m.wait_until(lambda: "-# skipped" in turn.text and not button_labels(turn))
        assert "So far, so good" in turn.text


async def test_a_seat_is_skipped_from_its_placeholder_on(tmp_path: Path) -> None:
    async with run_moot(tmp_path) as m:
        m.script_model("gpt", THINKING)
        thread = await m.find_thread(await m.ask())
        turn = await m.find_turn(thread, "GPT is thinking…")
        await m.press(m.ada, turn, "skip")
        await m.find_end_card(thread)
        await m.wait_until(lambda: "thinking" not in turn.text)


async def test_others_skip_by_majority(tmp_path: Path) -> None:
    async with run_moot(tmp_path) as m:
        _, thread, turn = await open_run(m)
        said = await m.press(m.bob, turn, "skip")
        assert said == "Noted: GPT is skipped once 1 more of those present wish it."
        assert await m.press(m.bob, turn, "skip") == said
        assert await m.press(m.cyd, turn, "skip") == "GPT is skipped."
        await m.find_end_card(thread)


@pytest.mark.parametrize(("emoji", "outcome"), [("⏭️", "GPT's answer (skipped)"), ("🛑", "Stopped before its end")])
async def test_reactions_skip_and_stop(tmp_path: Path, emoji: str, outcome: str) -> None:
    async with run_moot(tmp_path) as m:
        _, thread, turn = await open_run(m)
        await m.react(m.ada, turn, emoji)
        assert outcome in (await m.find_end_card(thread)).text


async def test_reactions_of_those_who_may_not_do_nothing(tmp_path: Path) -> None:
    async with run_moot(tmp_path) as m:
        _, thread, turn = await open_run(m)
        await m.react(m.bob, turn, "🛑")
        await m.react(m.bob, turn, "🔁")
        await m.press(m.bob, turn, "skip")
        assert "Skip" in button_labels(turn)
        await m.react(m.mod, turn, "🛑")
        await m.find_end_card(thread)


@pytest.mark.parametrize("by_reaction", [False, True])
async def test_a_failed_seat_is_asked_again(tmp_path: Path, by_reaction: bool) -> None:
    async with run_moot(tmp_path) as m:
        m.script_model("claude", error(503, "overloaded"), answer("Here I am."))
        _, thread, turn = await open_run(m)
        claude = await m.find_by(thread, "Claude")
        await m.wait_until(lambda: button_labels(claude) == ["Retry"])
        assert "failed:" in claude.text
        assert await m.press(m.bob, claude, "retry") == "Retry is for ada and moderators."
        if by_reaction:
            await m.react(m.ada, claude, "🔁")
        else:
            assert await m.press(m.ada, claude, "retry") == "Claude is asked again."
        await m.wait_until(lambda: claude.text.startswith("Here I am.\n-# "))
        await m.wait_until(lambda: button_labels(claude) == [])
        await m.press(m.ada, turn, "skip")
        assert "Claude's" not in (await m.find_end_card(thread)).text


async def test_what_is_long_is_read_on_by_whoever_wants(tmp_path: Path) -> None:
    async with run_moot(tmp_path) as m:
        m.script_model("claude", answer(LONG))
        _, thread, _ = await over(m)
        turn = await m.find_by(thread, "Claude")
        await m.wait_until(lambda: button_labels(turn) == ["Read on"])
        assert "goes on behind Read on" in turn.text
        assert "Reason 399" not in turn.text
        seen = await (await m.server.click(m.bob, turn, find_button(turn, "read_on"))).answer()
        assert seen.ephemeral
        assert seen.message is not None
        (file,) = seen.message.attachments
        assert (file.filename, file.data.decode()) == ("Claude.md", LONG)
        await m.wait_until(lambda: any("Reason 399" in f.text for f in seen.followups))
        assert all(f.ephemeral for f in seen.followups)


async def test_following_up_goes_on_from_what_was_said(tmp_path: Path) -> None:
    async with run_moot(tmp_path) as m:
        _, thread, end = await over(m)
        form = await m.server.click(m.bob, end, find_button(end, "follow_up"))
        assert (await form.answer()).kind == "modal"
        asked = await m.server.submit(m.bob, form, {"question": "And with milk?"})
        board = (await asked.answer()).message
        assert board is not None
        await m.wait_until(lambda: "And with milk?" in board.text)
        assert board.channel_id == thread.id
        await m.wait_until(lambda: len(m.read_asks("claude")) == 2)
        assert "Claude speaks." in m.read_asks("claude")[-1]
        assert "asked by bob" in board.text


async def test_running_again_asks_the_same_in_a_thread_of_its_own(tmp_path: Path) -> None:
    async with run_moot(tmp_path) as m:
        board, _, end = await over(m, "debate", rounds=1, panel="pair")
        assert await m.press(m.bob, end, "run_again") == f"It starts in <#{m.channel.id}>."
        again = await m.find(m.channel, lambda b: b is not board)
        await m.wait_until(lambda: "debate of Claude, GPT · asked by bob" in again.text)
        assert "Tea or coffee?" in again.text
        assert (await m.find_thread(again)).parent_id == m.channel.id


async def test_an_export_is_the_whole_run_as_a_file(tmp_path: Path) -> None:
    async with run_moot(tmp_path) as m:
        _, _, end = await over(m)
        seen = await (await m.server.click(m.cyd, end, find_button(end, "export"))).answer()
        assert seen.ephemeral
        assert seen.message is not None
        (file,) = seen.message.attachments
        text = file.data.decode()
        assert file.filename.endswith(".md")
        for words in ("# Compare: Tea or coffee?", "## 🟦 Claude", "Gemini speaks.", "3 of 3 answered."):
            assert words in text


async def test_a_deleted_run_is_gone(tmp_path: Path) -> None:
    async with run_moot(tmp_path) as m:
        _, thread, end = await over(m)
        assert await m.press(m.bob, end, "delete") == "Delete is for ada and moderators."
        assert await m.press(m.ada, end, "delete") == "Deleted."
        await m.wait_until(lambda: not m.read_messages(thread) and not m.read_messages(m.channel))
        run = find_button(end, "delete").split(":")[1]
        assert "no run" in await m.call_command(m.ada, "moot show", run=run)
        assert await m.call_command(m.ada, "moot runs") == "There are no runs yet: try `/council`."


async def test_a_removed_turn_is_read_by_nobody(tmp_path: Path) -> None:
    async with run_moot(tmp_path) as m:
        m.script_model("claude", answer("Rude tea."), answer("Fine."))
        _, thread, end = await over(m, "debate", rounds=1)
        turn = await m.find_by(thread, "Claude")
        refused = await m.read_answer(await m.choose_from_menu(m.bob, turn, "Remove"))
        assert refused == "Remove is for moderators."
        assert await m.read_answer(await m.choose_from_menu(m.mod, turn, "Remove")) == "Removed what Claude said."
        await m.wait_until(lambda: turn.text == "*Removed by a moderator.*" and not button_labels(turn))
        seen = await (await m.server.click(m.ada, end, find_button(end, "export"))).answer()
        assert seen.message is not None
        assert b"Rude tea" not in seen.message.attachments[0].data
        assert "no seat's message" in await m.read_answer(await m.choose_from_menu(m.mod, end, "Remove"))


async def test_one_seat_is_asked_alone(tmp_path: Path) -> None:
    async with run_moot(tmp_path) as m:
        _, thread, _ = await over(m)
        turn = await m.find_by(thread, "GPT")
        form = await m.choose_from_menu(m.bob, turn, "Ask this seat")
        board = (await (await m.server.submit(m.bob, form, {"question": "Why?"})).answer()).message
        assert board is not None
        await m.wait_until(lambda: "compare of GPT · asked by bob" in board.text)
        await m.wait_until(lambda: len(m.read_asks("gpt")) == 2)
        assert "GPT speaks." in m.read_asks("gpt")[-1]
        assert len(m.read_asks("claude")) == 1


async def test_a_turn_is_sent_to_another_model(tmp_path: Path) -> None:
    async with run_moot(tmp_path) as m:
        _, thread, _ = await over(m)
        form = await m.choose_from_menu(m.bob, await m.find_by(thread, "GPT"), "Send to another model…")
        await m.server.submit(m.bob, form, {"model": "gemini", "note": "Shorter, please."})
        await m.wait_until(lambda: len(m.read_asks("gemini")) == 2)
        assert all(words in m.read_asks("gemini")[-1] for words in ("From GPT", "GPT speaks.", "Shorter, please."))


async def test_a_persons_message_is_sent_to_a_model_or_the_council(tmp_path: Path) -> None:
    async with run_moot(tmp_path) as m:
        talk = await m.server.say(m.bob, m.channel, "Milk goes in first.")
        form = await m.server.menu(m.ada, talk, "Send to another model…")
        await form.answer()
        await m.server.submit(m.ada, form, {"model": "gpt"})
        await m.wait_until(lambda: len(m.read_asks("gpt")) == 1)
        assert "From bob" in m.read_asks("gpt")[0]
        assert "Milk goes in first." in m.read_asks("gpt")[0]
        board = (await (await m.server.menu(m.ada, talk, "Ask the council about this")).answer()).message
        assert board is not None
        await m.wait_until(lambda: "> Milk goes in first." in board.text and "council" in board.text)


async def test_a_mention_asks_about_the_message_it_replies_to(tmp_path: Path) -> None:
    async with run_moot(tmp_path) as m:
        talk = await m.server.say(m.bob, m.channel, "Milk goes in first.")
        await m.server.say(m.ada, m.channel, "is that so?", mentions=[m.server.bot], reply_to=talk)
        board = await m.find_board(m.channel, "is that so?")
        assert board.notified == []
        await m.wait_until(lambda: len(m.read_asks("claude")) == 1)
        assert "Milk goes in first." in m.read_asks("claude")[0]


async def test_a_mention_in_the_thread_is_a_remark_and_afterwards_a_question(tmp_path: Path) -> None:
    async with run_moot(tmp_path) as m:
        m.script_model("claude", answer("One."), answer("Two."))
        m.script_model("gpt", make_endless("So far"), answer("Two."))
        board = await m.ask("debate", rounds=2)
        thread = await m.find_thread(board)
        turn = await m.find_turn(thread, "So far")
        await m.server.say(m.bob, thread, "think of the milk", mentions=[m.server.bot])
        await m.server.say(m.cyd, thread, "I think of nothing")
        assert "Noted: " not in await m.press(m.ada, turn, "skip")
        await m.find_end_card(thread)
        assert any("remark from bob" in a and "think of the milk" in a for a in m.read_asks("claude"))
        assert not any("I think of nothing" in a for a in m.read_asks("claude"))
        asked = len(m.read_asks("claude"))
        await m.server.say(m.bob, thread, "and lemon?", mentions=[m.server.bot])
        await m.find_board(thread, "and lemon?")
        await m.wait_until(lambda: len(m.read_asks("claude")) > asked)


async def test_plain_messages_are_remarks_where_the_operator_wants_it(tmp_path: Path) -> None:
    async with run_moot(tmp_path, discord={"listen": True}) as m:
        m.script_model("gpt", make_endless("So far"), answer("Two."))
        board = await m.ask("debate", rounds=2)
        thread = await m.find_thread(board)
        turn = await m.find_turn(thread, "So far")
        await m.server.say(m.bob, thread, "think of the milk")
        await m.press(m.ada, turn, "skip")
        await m.find_end_card(thread)
        assert any("think of the milk" in a for a in m.read_asks("claude"))


async def test_a_question_that_changes_is_noted_and_changes_nothing(tmp_path: Path) -> None:
    async with run_moot(tmp_path) as m:
        m.script_model("gpt", THINKING)
        said = await m.server.say(m.ada, m.channel, "tea?", mentions=[m.server.bot])
        board = await m.find_board(m.channel, "tea?")
        await m.server.edit(m.ada, said, "coffee?")
        await m.wait_until(lambda: "The question was edited after the start" in board.text)
        await m.server.delete(m.ada, said)
        await m.wait_until(lambda: "The question was deleted after the start" in board.text)
        assert "> tea?" in board.text


async def test_what_is_attached_to_a_message_goes_with_the_question_about_it(tmp_path: Path) -> None:
    async with run_moot(tmp_path) as m:
        note = Upload("order.txt", b"two teas")
        talk = await m.server.say(m.bob, m.channel, "What of this?", attachments=[note])
        await (await m.server.menu(m.ada, talk, "Ask the council about this")).answer()
        await m.wait_until(lambda: len(m.read_asks("claude")) == 1)
        assert "two teas" in m.read_asks("claude")[0]


async def test_what_is_still_seen_after_the_end_is_answered(tmp_path: Path) -> None:
    async with run_moot(tmp_path) as m:
        board, thread, turn = await open_run(m)
        await m.server.fail("PATCH", "*/messages/*", 500, None)  # people see what was there before
        assert await m.press(m.ada, board, "stop") == "Stopped; what was said is kept."
        await m.find_end_card(thread)
        assert await m.press(m.ada, turn, "skip") == "This run is over."
        assert await m.press(m.ada, board, "stop") == "This run is over."
