"""Where runs stand on Discord, and who may know: reactions at once, orphaned messages, private channels, mirrors."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from adapters.discord import replies
from bot.domain.facts import VoteCast
from commands.command import MORE
from tests.servers.discord import Channel, Interaction, Message, User
from tests.servers.model_server import answer
from tests.support.discord_bot import THINKING, Moot
from tests.support.discord_guild import button_labels, find_button, is_silent
from tests.support.discord_runs import ask_to_delete, finish_run, open_run, press_delete


def read_run(board: Message) -> str:
    """Return the name of a board's run."""
    return find_button(board, "stop").split(":")[1]


async def read_private(moot: Moot, asked: Interaction, words: str) -> str:
    """Return the text with these words that an interaction tells its person alone, as soon as there is one."""
    seen = await asked.answer()

    def told() -> list[str]:
        shown = [said for said in (seen.message, *seen.followups) if said is not None]
        return [said.text for said in shown if said.ephemeral and words in said.text]

    await moot.wait_until(lambda: bool(told()))
    return told()[0]


# at once


async def test_a_reaction_counts_before_the_posts_answer_is_there(moot: Moot) -> None:
    moot.script_model("gpt", THINKING)
    await moot.server.fail("POST", "/webhooks/*", None, 3, late_s=0.3)
    thread = await moot.find_thread(await moot.ask())
    turn = await moot.find_by(thread, "GPT")
    await moot.react(moot.ada, turn, "⏭️")
    assert "GPT did not finish its answer (skipped)" in (await moot.find_end_card(thread)).text


async def test_a_menu_acts_on_a_message_that_has_just_appeared(moot: Moot) -> None:
    moot.script_model("gpt", THINKING)
    await moot.server.fail("POST", "/webhooks/*", None, 3, late_s=0.2)
    board = await moot.ask()
    turn = await moot.find_by(await moot.find_thread(board), "GPT")
    asked = await moot.choose_from_menu(moot.mod, turn, "Remove")
    assert await moot.read_answer(asked) == "That turn is not over yet; skip it first."
    await moot.press(moot.ada, board, "stop")
    await moot.find_end_card(await moot.find_thread(board))


async def test_clicks_of_one_person_are_stored_in_the_order_in_which_they_came(
    moot: Moot, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = await moot.ask()
    run = read_run(board)
    end = await moot.find_end_card(await moot.find_thread(board))
    await moot.wait_until(lambda: "Result:" in board.text)
    read, reads, delays = moot.store.read, asyncio.Lock(), iter((0.2, 0.1))

    async def uneven(run: str, after: int = 0) -> Any:
        """Read late, latest for who comes first."""
        async with reads:
            delay = next(delays, 0.0)
        await asyncio.sleep(delay)
        return await read(run, after)

    monkeypatch.setattr(moot.store, "read", uneven)
    seats = ["gemini", "claude", "gpt"]
    clicks = [await moot.server.click(moot.bob, end, find_button(end, "vote", seat)) for seat in seats]
    told = await asyncio.gather(*map(moot.read_answer, clicks))
    assert told == ["Your vote is Gemini's.", "Your vote is now Claude's.", "Your vote is now GPT's."]
    votes = [e.fact.seat for e in await read(run) if isinstance(e.fact, VoteCast)]
    assert votes == seats


# what a webhook has sent that is no more


async def orphan_run(m: Moot) -> tuple[Channel, Message]:
    """Play a run to its end and delete the webhook of its seats; return its thread and end card."""
    _, thread, end = await finish_run(m)
    (hook,) = await m.server.webhooks(m.channel)
    await m.server.delete_webhook(hook)
    return thread, end


async def test_the_bot_deletes_what_a_deleted_webhook_has_sent(moot: Moot) -> None:
    thread, end = await orphan_run(moot)
    await press_delete(moot, end)
    await moot.wait_until(lambda: not moot.read_messages(thread) and not moot.read_messages(moot.channel))


async def test_without_the_permission_it_says_what_is_left_and_why(moot: Moot) -> None:
    await moot.server.deny(moot.channel, "manage_messages")
    thread, end = await orphan_run(moot)
    asked = await press_delete(moot, end)
    left = await read_private(moot, asked, "still there")
    assert left == (
        "3 messages are still there: the webhook that sent them was deleted, and to delete them myself I need the "
        "permission “Manage Messages”."
    )
    assert len(moot.read_messages(thread)) == 3
    assert not moot.read_messages(moot.channel)


async def test_a_run_in_an_archived_thread_is_deleted_whole(moot: Moot) -> None:
    _, thread, end = await finish_run(moot)
    await moot.server.archive(thread)
    await press_delete(moot, end)
    await moot.wait_until(lambda: not moot.read_messages(thread) and not moot.read_messages(moot.channel))


async def test_a_limit_that_does_not_end_is_told_after_a_few_waits(moot: Moot) -> None:
    _, thread, end = await finish_run(moot)
    await moot.server.fail("DELETE", "*", 429, None, retry_after_s=0.01)
    asked = await press_delete(moot, end)
    assert "is spent for 0.0 s" in await read_private(moot, asked, "5 messages are still there")
    await moot.server.heal()
    assert len([*moot.read_messages(thread), *moot.read_messages(moot.channel)]) == 5


# who may know


async def create_hidden_channel(m: Moot, *seeing: User) -> Channel:
    """Return a channel that only these people and the bot can see."""
    lounge = await m.server.create_role(m.guild, "lounge")
    secret = await m.server.create_channel(m.guild, "secret")
    await m.server.deny(secret, "view_channel", whom=m.guild.id)
    for whom in (lounge, m.server.bot):
        await m.server.allow(secret, "view_channel", whom=whom)
    for person in seeing:
        await m.server.give_roles(m.guild, person, lounge)
    return secret


async def test_runs_of_a_channel_are_listed_for_those_who_see_it(moot: Moot) -> None:
    secret = await create_hidden_channel(moot, moot.ada)
    run = read_run((await open_run(moot, question="The surprise party?", where=secret))[0])
    shown = read_run((await open_run(moot, question="Tea?"))[0])
    assert run in await moot.call_command(moot.ada, "moot runs", secret)
    for channel, person in ((moot.channel, moot.bob), (moot.channel, moot.mod)):
        listed = await moot.call_command(person, "moot runs", channel)
        assert "surprise" not in listed
        assert shown in listed
    completed = await (await moot.server.autocomplete(moot.bob, moot.channel, "moot show", "run")).answer()
    assert [choice["value"] for choice in completed.choices] == [f"{shown} · Tea?"]
    for name in (run, shown):
        await moot.call_command(moot.ada, "moot stop", run=name)


async def test_a_run_of_a_channel_is_read_by_its_name_by_those_who_see_it(moot: Moot) -> None:
    secret = await create_hidden_channel(moot, moot.ada, moot.cyd)
    run = read_run((await open_run(moot, question="The surprise party?", where=secret))[0])
    for person in (moot.bob, moot.mod):
        for command in ("moot show", "moot watch", "moot summarise"):
            assert await moot.call_command(person, command, run=run) == f"There is no run {run} here."
    for person in (moot.ada, moot.cyd):
        assert await moot.call_command(person, "moot show", run=run) == f"Run `{run}`, as it reads now:"
    await moot.call_command(moot.ada, "moot stop", run=run)


# answers that take long


@pytest.mark.parametrize("by_form", [False, True])
async def test_a_board_that_was_waited_for_is_silent_and_goes_on_after_a_restart(
    moot: Moot, monkeypatch: pytest.MonkeyPatch, *, by_form: bool
) -> None:
    moot.script_model("gpt", THINKING)
    panel = {"panel": MORE} if by_form else {}
    monkeypatch.setattr(replies, "DEFER_S", 60.0 if by_form else 0.0)  # a form is no answer to a deferred command
    asked = await moot.server.slash(moot.ada, moot.channel, "compare", question="Tea?", **panel)
    if by_form:
        await asked.answer()
        monkeypatch.setattr(replies, "DEFER_S", 0.0)
        asked = await moot.server.submit(moot.ada, asked, {})
    board = await moot.find_answer(asked)
    seen = await asked.answer()
    assert (seen.kind, seen.ephemeral, is_silent(board)) == ("deferred", False, True)
    assert moot.read_messages(moot.channel) == [board], "nothing says any more that an answer will come"
    thread = await moot.find_thread(board)
    await moot.find_by(thread, "Claude")
    await moot.wait_until_stored(board)
    await moot.server.expire(asked)  # its fifteen minutes are over
    await moot.restart()
    assert await moot.press(moot.ada, board, "stop") == "Stopped; what was said is kept."
    await moot.wait_until(lambda: "Stop" not in button_labels(board))
    end = await moot.find_end_card(thread)
    assert [is_silent(m) for m in (board, end)] == [True, False]
    assert moot.read_messages(moot.channel) == [board]


# mirrors


async def watch_elsewhere(m: Moot, run: str) -> tuple[Message, Channel]:
    """Show a run in a second channel; return its board there and the thread."""
    other = await m.server.create_channel(m.guild, "other")
    asked = await m.server.slash(m.bob, other, "moot watch", run=run)
    mirror = await m.find_answer(asked)
    return mirror, await m.find_thread(mirror)


async def test_a_mirror_shows_all_of_a_run_and_tells_nobody_twice(moot: Moot) -> None:
    board, thread, turn = await open_run(moot)
    mirror, there = await watch_elsewhere(moot, read_run(board))
    copy = await moot.find_turn(there, "So far, so good")
    assert button_labels(copy) == ["Skip"]
    assert there.member_ids == [moot.server.bot.id, moot.bob.id]
    await moot.press(moot.ada, copy, "skip")
    ends = [await moot.find_end_card(place) for place in (thread, there)]
    await moot.wait_until(lambda: all("Result:" in b.text for b in (board, mirror)))
    await moot.wait_until(lambda: "skipped" in copy.text and "skipped" in turn.text)
    assert [said.author.name for said in moot.read_messages(there)] == [
        said.author.name for said in moot.read_messages(thread)
    ]
    assert [e.notified for e in ends] == [[moot.ada.id], []]
    assert [is_silent(e) for e in ends] == [False, True]
    assert await moot.press(moot.cyd, ends[1], "vote", "claude") == "Your vote is Claude's."
    assert await moot.press(moot.cyd, ends[0], "vote", "claude") == "Your vote is Claude's."
    await moot.press_more(moot.ada, ends[1], "close")
    await moot.wait_until(lambda: all("Votes: Claude 1" in e.text for e in ends))


async def test_a_mirror_goes_on_after_a_restart(moot: Moot) -> None:
    board, thread, _ = await open_run(moot)
    mirror, there = await watch_elsewhere(moot, read_run(board))
    copy = await moot.find_turn(there, "So far, so good")
    await moot.wait_until_stored(copy)
    await moot.stop()
    moot.script_model("gpt", answer("So far, so good, and better."))
    await moot.start()
    for place in (thread, there):
        await moot.find_end_card(place)
        assert len(moot.read_messages(place)) == 4
    await moot.wait_until(lambda: "and better" in copy.text and "Result:" in mirror.text)
    assert len(moot.read_asks("claude")) == 1


async def test_a_run_that_ends_while_it_is_asked_for_is_not_waited_for(
    moot: Moot, monkeypatch: pytest.MonkeyPatch
) -> None:
    moot.change_settings("limits", vote_s=0.0)
    await moot.stop()
    await moot.start()
    board, thread, _ = await open_run(moot)
    other = await moot.server.create_channel(moot.guild, "other")
    append = moot.store.append

    async def late(run: str, facts: Any, **more: Any) -> None:
        """Store the view only when the run has come to its end."""
        if "ViewAttached" in str(facts):
            await moot.press(moot.ada, board, "stop")
            await moot.find_end_card(thread)
            await moot.wait_until(lambda: "Result:" in board.text)
            await asyncio.sleep(0.2)
        await append(run, facts, **more)

    monkeypatch.setattr(moot.store, "append", late)
    asked = await moot.server.slash(moot.bob, other, "moot watch", run=read_run(board))
    assert await read_private(moot, asked, "just come to its end")
    assert moot.read_messages(other) == []


async def test_what_was_deleted_goes_though_its_person_cannot_be_told(moot: Moot) -> None:
    _, thread, end = await finish_run(moot)
    notice = await ask_to_delete(moot, end)
    await moot.server.fail("POST", "/interactions/*/*/callback", 404, code=10062)  # it came too late
    await moot.server.click(moot.ada, notice, find_button(notice, "delete_now"))
    await moot.wait_until(lambda: not moot.read_messages(thread) and not moot.read_messages(moot.channel))
    moot.faults.clear()
