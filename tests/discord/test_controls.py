"""What people do in a run on Discord: buttons, reactions, menus, mentions, and who may."""

from __future__ import annotations

import re
import sys
from unittest.mock import patch

import pytest

from bot.domain.controls import press_id
from commands import dispatch
from commands.deletion import describe_deletion
from tests.servers.discord import Message, Upload
from tests.servers.model_server import Reply, answer, chunk, error, sse
from tests.support.discord_bot import THINKING, Moot, StartMoot, make_endless
from tests.support.discord_guild import button_labels, find_button
from tests.support.discord_runs import ask_to_delete, click_forged, finish_run, open_run

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
    close = press_id(find_button(end, "more").split(":")[1], "close", "")
    assert await click_forged(moot, moot.bob, close) == "Closing the vote is for ada and moderators."
    assert await moot.press_more(moot.mod, end, "close") == "The vote is closed."
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
    assert "GPT did not finish its answer (skipped)" in (await moot.find_end_card(thread)).text
    await moot.wait_until(lambda: "-# skipped" in turn.text and not button_labels(turn))
    assert "So far, so good" in turn.text


async def test_a_seat_is_skipped_from_its_placeholder_on(moot: Moot) -> None:
    moot.script_model("gpt", THINKING)
    thread = await moot.find_thread(await moot.ask())
    turn = await moot.find_turn(thread, "GPT is thinking…")
    await moot.press(moot.ada, turn, "skip")
    await moot.find_end_card(thread)
    await moot.wait_until(lambda: "thinking" not in turn.text)


async def test_a_seat_is_seen_to_think_and_skipped_meanwhile(moot: Moot, monkeypatch: pytest.MonkeyPatch) -> None:
    for step in ("draft.QUIET_S", "draft.STEP_S", "conductor.PROGRESS_S"):
        monkeypatch.setattr(f"bot.engine.{step}", 0.2)
    moot.script_model("gpt", Reply(sse(chunk(reasoning_content=LONG)), then="hang"))
    thread = await moot.find_thread(await moot.ask())
    turn = await moot.find_turn(thread, "00 tokens, ")
    assert turn.text.startswith("GPT is thinking, ")
    assert await moot.press(moot.ada, turn, "skip") == "GPT is skipped."
    await moot.find_end_card(thread)
    await moot.wait_until(lambda: "-# skipped" in turn.text and not button_labels(turn))
    assert " tokens" in turn.text, "what it has thought is counted"


async def test_others_skip_by_majority(moot: Moot) -> None:
    _, thread, turn = await open_run(moot)
    said = await moot.press(moot.bob, turn, "skip")
    assert said == "Noted. One more press skips GPT."
    assert await moot.press(moot.bob, turn, "skip") == said
    assert await moot.press(moot.cyd, turn, "skip") == "GPT is skipped."
    await moot.find_end_card(thread)


@pytest.mark.parametrize(
    ("emoji", "outcome"), [("⏭️", "GPT did not finish its answer (skipped)"), ("🛑", "stopped before its end")]
)
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
    assert "more under “Read on”" in turn.text
    assert "Reason 399" not in turn.text
    seen = await (await moot.server.click(moot.bob, turn, find_button(turn, "read_on"))).answer()
    assert seen.ephemeral
    assert seen.message is not None
    (file,) = seen.message.attachments
    assert (file.filename, file.data.decode()) == ("Claude.md", LONG)
    await moot.wait_until(lambda: any("Reason 399" in f.text for f in seen.followups))
    last, first = re.findall(r"Reason (\d+)", turn.text)[-1], re.findall(r"Reason (\d+)", seen.message.text)[0]
    assert int(first) == int(last) + 1
    assert all(f.ephemeral for f in seen.followups)


async def test_following_up_goes_on_from_what_was_said(moot: Moot) -> None:
    _, thread, end = await finish_run(moot)
    form = await moot.server.click(moot.bob, end, find_button(end, "follow_up"))
    assert (await form.answer()).kind == "modal"
    asked = await moot.server.submit(moot.bob, form, {"question": "And with milk?"})
    board = await moot.find_answer(asked)
    assert "And with milk?" in board.text
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


async def test_more_shows_what_its_person_may_do(moot: Moot) -> None:
    _, _, end = await finish_run(moot, "council")
    assert button_labels(await moot.open_more(moot.ada, end)) == [
        *("Close the vote", "Summarise", "What became of it", "Name", "Archive", "Export", "Delete")
    ]
    assert button_labels(await moot.open_more(moot.bob, end)) == ["Summarise", "Export"]
    await moot.server.deny(moot.channel, "send_messages_in_threads", whom=moot.cyd)
    await moot.server.deny(moot.channel, "send_messages", whom=moot.cyd)
    assert button_labels(await moot.open_more(moot.cyd, end)) == ["Export"]
    assert await moot.press_more(moot.ada, end, "close") == "The vote is closed."
    await moot.wait_until(lambda: button_labels(end) == ["Follow up", "Run again", "More…"])
    assert "Close the vote" not in button_labels(await moot.open_more(moot.mod, end))


async def test_of_many_seats_one_is_voted_for_in_private(start_moot: StartMoot) -> None:
    moot = await start_moot(panels={"default": {"seats": ["claude", "gpt", "gemini", "claude"]}})
    _, _, end = await finish_run(moot)
    assert button_labels(end) == ["👍 Vote for…", "Follow up", "Run again", "More…"]
    for seat, told in (("gpt", "Your vote is GPT's."), ("=tie", "Your vote is now “Tie”.")):
        ballot = await moot.find_private(await moot.server.click(moot.bob, end, find_button(end, "ballot")))
        assert len(button_labels(ballot)) == 6  # four seats, a tie and none of them
        assert await moot.press(moot.bob, ballot, "vote", seat) == told
        assert button_labels(ballot) == []  # its answer has taken its place
    assert button_labels(await moot.open_more(moot.bob, end)) == ["Show differences", "Summarise", "Export"]


async def test_an_export_is_the_whole_run_as_a_file(moot: Moot) -> None:
    _, _, end = await finish_run(moot)
    rest = await moot.open_more(moot.cyd, end)
    seen = await (await moot.server.click(moot.cyd, rest, find_button(rest, "export"))).answer()
    assert seen.ephemeral
    assert seen.message is not None
    (file,) = seen.message.attachments
    text = file.data.decode()
    assert file.filename.endswith(".md")
    for words in ("# Comparison: Tea or coffee?", "## Claude", "Gemini speaks.", "All three answered."):
        assert words in text


async def test_an_export_as_a_card_is_a_picture_and_says_what_it_needs(
    moot: Moot, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, _, end = await finish_run(moot)
    run = find_button(end, "more").split(":")[1]
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "resvg_py", None)
        patch.delitem(sys.modules, "bot.records.card_picture", raising=False)
        told = await moot.call_command(moot.cyd, "moot export", run=run, format="card")
        assert told.startswith("Cards need a library that is not installed")
    assert "not told yet" in await moot.call_command(moot.cyd, "moot export", run=run, format="card")  # people vote
    await moot.press_more(moot.mod, end, "close")
    pytest.importorskip("resvg_py", reason="the extra cards is not installed")
    seen = await (await moot.server.slash(moot.cyd, moot.channel, "moot export", run=run, format="card")).answer()
    await moot.wait_until(lambda: bool(seen.message or seen.followups))
    [told_privately] = [m for m in (seen.message, *seen.followups) if m is not None]
    assert told_privately.ephemeral
    [file] = told_privately.attachments
    assert (file.filename, file.data[:4]) == (f"moot-{run}.png", b"\x89PNG")


async def test_a_deleted_run_is_gone(moot: Moot) -> None:
    _, thread, end = await finish_run(moot)
    run = find_button(end, "more").split(":")[1]
    notice = await ask_to_delete(moot, end)
    count = len(moot.read_messages(thread)) + 1  # and the board
    assert notice.text == describe_deletion(count)
    assert button_labels(notice) == ["Delete", "Keep"]
    await (await moot.server.click(moot.ada, notice, find_button(notice, "delete_now"))).answer()
    await moot.wait_until(lambda: notice.text == "Deleted.")
    await moot.wait_until(lambda: not moot.read_messages(thread) and not moot.read_messages(moot.channel))
    assert "no run" in await moot.call_command(moot.ada, "moot show", run=run)
    assert await moot.call_command(moot.ada, "moot runs") == "There are no runs yet: try `/council`."


async def test_a_run_that_is_kept_stays(moot: Moot) -> None:
    _, thread, end = await finish_run(moot)
    before = moot.read_messages(thread)
    delete = press_id(find_button(end, "more").split(":")[1], "delete", "")
    assert await click_forged(moot, moot.bob, delete) == "Delete is for ada and moderators."
    notice = await ask_to_delete(moot, end)
    await (await moot.server.click(moot.ada, notice, find_button(notice, "keep"))).answer()
    assert (notice.text, button_labels(notice)) == ("Kept: nothing was deleted.", [])
    assert moot.read_messages(thread) == before


async def test_a_removed_turn_is_read_by_nobody(moot: Moot) -> None:
    moot.script_model("claude", answer("Rude tea."), answer("Fine."))
    _, thread, end = await finish_run(moot, "debate", rounds=1)
    turn = await moot.find_by(thread, "Claude")
    refused = await moot.read_answer(await moot.choose_from_menu(moot.bob, turn, "Remove"))
    assert refused == "Remove is for moderators."
    assert await moot.read_answer(await moot.choose_from_menu(moot.mod, turn, "Remove")) == "Removed what Claude said."
    await moot.wait_until(lambda: turn.text == "*Removed by a moderator.*" and not button_labels(turn))
    rest = await moot.open_more(moot.ada, end)
    seen = await (await moot.server.click(moot.ada, rest, find_button(rest, "export"))).answer()
    assert seen.message is not None
    assert b"Rude tea" not in seen.message.attachments[0].data
    assert "no seat's message" in await moot.read_answer(await moot.choose_from_menu(moot.mod, end, "Remove"))


async def test_one_seat_is_asked_alone(moot: Moot) -> None:
    _, thread, _ = await finish_run(moot)
    turn = await moot.find_by(thread, "GPT")
    form = await moot.choose_from_menu(moot.bob, turn, "Ask this seat")
    board = await moot.find_answer(await moot.server.submit(moot.bob, form, {"question": "Why?"}))
    assert "comparison of GPT · asked by bob" in board.text
    await moot.wait_until(lambda: len(moot.read_asks("gpt")) == 2)
    assert "GPT speaks." in moot.read_asks("gpt")[-1]
    assert len(moot.read_asks("claude")) == 1


async def test_a_turn_is_sent_to_another_model(moot: Moot) -> None:
    _, thread, _ = await finish_run(moot)
    form = await moot.choose_from_menu(moot.bob, await moot.find_by(thread, "GPT"), "Send to another model…")
    await moot.server.submit(moot.bob, form, {"model": ["gemini"], "note": "Shorter, please."})
    await moot.wait_until(lambda: len(moot.read_asks("gemini")) == 2)
    assert all(words in moot.read_asks("gemini")[-1] for words in ("From GPT", "GPT speaks.", "Shorter, please."))


async def test_a_persons_message_is_sent_to_a_model_or_the_council(moot: Moot) -> None:
    talk = await moot.server.say(moot.bob, moot.channel, "Milk goes in first.")
    form = await moot.server.menu(moot.ada, talk, "Send to another model…")
    await form.answer()
    await moot.server.submit(moot.ada, form, {"model": ["gpt"]})
    await moot.wait_until(lambda: len(moot.read_asks("gpt")) == 1)
    assert "From bob" in moot.read_asks("gpt")[0]
    assert "Milk goes in first." in moot.read_asks("gpt")[0]
    board = await moot.find_answer(await moot.server.menu(moot.ada, talk, "Council on this"))
    assert "> Milk goes in first." in board.text
    assert "council" in board.text


async def test_a_mention_asks_about_the_message_it_replies_to(moot: Moot) -> None:
    talk = await moot.server.say(moot.bob, moot.channel, "Milk goes in first.")
    await moot.server.say(moot.ada, moot.channel, "is that so?", mentions=[moot.server.bot], reply_to=talk)
    board = await moot.find(moot.channel, lambda m: "\n> is that so?" in m.text)
    assert board.notified == []
    assert "> **bob:** Milk goes in first.\n\n> is that so?" in board.text
    assert (await moot.find_thread(board)).name == "Milk goes in first."
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
    assert "Noted. " not in await moot.press(moot.ada, turn, "skip")
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


async def test_the_preview_of_a_link_is_no_edit_of_the_question(moot: Moot) -> None:
    said = await moot.server.say(moot.ada, moot.channel, "tea.example or coffee?", mentions=[moot.server.bot])
    await moot.find_board(moot.channel, "tea.example or coffee?")
    with patch.object(dispatch, "note_change") as noted:
        await moot.server.show_preview(said, {"title": "Tea", "url": "https://tea.example/"})
        await moot.server.edit(moot.ada, said, "coffee?")
        await moot.wait_until(lambda: noted.called)
    assert noted.call_count == 1


async def test_what_is_attached_to_a_message_goes_with_the_question_about_it(moot: Moot) -> None:
    note = Upload("order.txt", b"two teas")
    talk = await moot.server.say(moot.bob, moot.channel, "What of this?", attachments=[note])
    await (await moot.server.menu(moot.ada, talk, "Council on this")).answer()
    await moot.wait_until(lambda: len(moot.read_asks("claude")) == 1)
    assert "two teas" in moot.read_asks("claude")[0]


async def test_what_is_still_seen_after_the_end_is_answered(moot: Moot) -> None:
    board, thread, turn = await open_run(moot)
    await moot.server.fail("PATCH", "*/messages/*", 500, None)  # people see what was there before
    assert await moot.press(moot.ada, board, "stop") == "Stopped; what was said is kept."
    await moot.find_end_card(thread)
    assert await moot.press(moot.ada, turn, "skip") == "This run is over."
    assert await moot.press(moot.ada, board, "stop") == "This run is over."
