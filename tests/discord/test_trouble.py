"""What goes wrong on Discord: the connection, the limits, what people delete, and processes that end."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bot.domain.facts import Fact, VoteCast
from bot.live.schedule import Scheduler
from tests.servers.discord import Channel, Message, Request, Rule
from tests.servers.model_server import Reply, answer
from tests.support.discord_bot import UNLIMITED, Moot, make_endless, run_moot
from tests.support.discord_guild import button_labels, find_button


async def open_run(m: Moot, words: str = "") -> tuple[Message, Channel, Message]:
    """A run in which GPT goes on speaking: board, thread, its turn. `words`: what it was told to say, if anything."""
    if not words:
        m.script_model("gpt", make_endless("So far, so good"))
    board = await m.ask()
    thread = await m.find_thread(board)
    turn = await m.find_turn(thread, words or "So far, so good")
    await m.wait_until_stored(turn)
    return board, thread, turn


async def check_alive(m: Moot) -> None:
    """Elsewhere a run comes to its end."""
    m.script_model("gpt", answer("GPT speaks."))
    other = await m.server.create_channel(m.guild, "elsewhere")
    await m.find_end_card(await m.find_thread(await m.ask(where=other)))


def sent(m: Moot, method: str, route: str) -> list[Request]:
    return [r for r in m.server.requests if (r.method, r.route) == (method, route)]


# processes that end


async def test_a_restart_goes_on_in_the_same_messages(tmp_path: Path) -> None:
    async with run_moot(tmp_path) as m:
        board, thread, turn = await open_run(m)
        for seat in ("Claude", "Gemini"):
            await m.wait_until_stored(await m.find_by(thread, seat))
        stood = [s.id for s in await m.server.messages(thread)]
        await m.stop()
        m.script_model("gpt", answer("So far, so good, and better."))
        await m.start()
        end = await m.find_end_card(thread)
        assert [s.id for s in await m.server.messages(thread)] == [*stood, end.id]
        await m.wait_until(lambda: "So far, so good, and better." in turn.text)
        assert len(m.read_asks("claude")) == 1
        assert len(await m.server.webhooks(m.channel)) == 1
        await m.wait_until(lambda: "Verdict" in board.text)


async def test_buttons_survive_a_restart(tmp_path: Path) -> None:
    async with run_moot(tmp_path) as m:
        _, thread, turn = await open_run(m)
        skip = await m.server.click(m.ada, turn, find_button(turn, "skip"))
        await m.read_answer(skip)
        end = await m.find_end_card(thread)
        assert await m.press(m.ada, end, "vote", "gpt") == "Your vote is GPT's."
        await m.stop()
        await m.start()
        assert await m.press(m.bob, end, "vote", "claude") == "Your vote is Claude's."
        await m.react(m.cyd, await m.find_by(thread, "Claude"), "👍")
        (row,) = await m.store.runs()
        while sum(isinstance(e.fact, VoteCast) for e in await m.store.read(row.run)) < 3:  # a reaction is not answered
            await asyncio.sleep(0.005)
        assert await m.press(m.ada, end, "close") == "The vote is closed."
        await m.wait_until(lambda: "Votes: Claude 2, GPT 1" in end.text)


async def test_a_run_that_begins_while_others_are_found_again_is_one_run(tmp_path: Path) -> None:
    async with run_moot(tmp_path) as m:
        _, thread, turn = await open_run(m)
        await m.stop()
        await m.start()
        boards = [await m.ask(question=f"And {n}?") for n in range(3)]
        for board in boards:
            assert [len(await m.server.messages(await m.find_thread(board)))] <= [5]
        await m.press(m.ada, turn, "skip")
        await m.find_end_card(thread)


async def test_commands_are_told_to_discord_only_when_they_change(tmp_path: Path) -> None:
    async with run_moot(tmp_path) as m:
        await m.stop()
        await m.start()
        assert len(sent(m, "PUT", "/applications/{application_id}/commands")) == 1


# what is taken away


async def test_a_deleted_turn_is_posted_once_more_and_then_given_up(tmp_path: Path) -> None:
    async with run_moot(tmp_path) as m:
        m.script_model("gpt", Reply(answer(*["word "] * 400, gap_s=0.02).pieces[:400], gap_s=0.02, then="hang"))
        board = await m.ask()
        thread = await m.find_thread(board)
        first = await m.find_turn(thread, "word word")
        await m.server.delete_message(first)
        again = await m.find_turn(thread, "word word word")
        assert again.id != first.id
        assert button_labels(again) == ["Skip"]
        await m.server.delete_message(again)
        await m.wait_until(lambda: "Discord no longer shows 🟩 GPT: its message was deleted" in board.text)
        await m.press(m.ada, board, "stop")
        await m.find_end_card(thread)
        assert not [s for s in await m.server.messages(thread) if "GPT" in s.author.name]


async def test_a_deleted_webhook_is_made_again(tmp_path: Path) -> None:
    async with run_moot(tmp_path) as m:
        m.script_model("claude", answer("One."), answer("Two."))
        m.script_model("gpt", make_endless("So far"), answer("Two."))
        thread = await m.find_thread(await m.ask("debate", rounds=2))
        turn = await m.find_turn(thread, "So far")
        (hook,) = await m.server.webhooks(m.channel)
        await m.server.delete_webhook(hook)
        await m.press(m.ada, turn, "skip")
        await m.find_end_card(thread)
        (another,) = await m.server.webhooks(m.channel)
        assert another.id != hook.id
        assert "Two." in (await m.find_by(thread, "GPT · closing")).text


async def test_without_manage_webhooks_the_bot_speaks_itself(tmp_path: Path) -> None:
    async with run_moot(tmp_path) as m:
        await m.server.deny(m.channel, "manage_webhooks")
        thread = await m.find_thread(await m.ask())
        end = await m.find_end_card(thread)
        said = [s for s in await m.server.messages(thread) if s.id != end.id]
        assert [s.text.splitlines()[0] for s in said] == ["**🟦 Claude**", "**🟩 GPT**", "**🟧 Gemini**"]
        assert {s.author.id for s in said} == {m.server.bot.id}


async def test_the_owner_is_told_once_what_is_missing(tmp_path: Path) -> None:
    async with run_moot(tmp_path) as m:
        await m.server.deny(m.channel, "manage_webhooks")
        for _ in range(2):
            await m.find_end_card(await m.find_thread(await m.ask()))
        dm = await m.server.dm(m.guild.owner_id)
        (told,) = await m.server.messages(dm)
        assert "Manage Webhooks" in told.text


async def test_an_owner_who_cannot_be_told_keeps_nobody_waiting(tmp_path: Path) -> None:
    async with run_moot(tmp_path) as m:
        await m.server.deny(m.channel, "manage_webhooks")
        dm = await m.server.dm(m.guild.owner_id)
        await m.server.fail("POST", f"/channels/{dm.id}/messages", 0, 1)  # the connection breaks
        await m.find_end_card(await m.find_thread(await m.ask()))
        assert await m.server.messages(dm) == []


async def test_missing_permissions_are_named(tmp_path: Path) -> None:
    async with run_moot(tmp_path) as m:
        await m.server.deny(m.channel, "create_public_threads", "send_messages_in_threads")
        said = await m.call_command(m.ada, "compare", question="Tea?")
        assert said.startswith("I lack “Create Public Threads”, “Send Messages in Threads and Posts” in this channel")
        assert await m.server.messages(m.channel) == []


async def test_a_permission_that_is_taken_away_ends_the_showing_and_not_the_bot(tmp_path: Path) -> None:
    async with run_moot(tmp_path) as m:
        board, _, _ = await open_run(m)
        await m.server.deny(m.channel, "send_messages_in_threads")
        await m.press(m.ada, board, "stop")
        await check_alive(m)


async def test_an_archived_thread_is_opened_again(tmp_path: Path) -> None:
    async with run_moot(tmp_path) as m:
        _, thread, turn = await open_run(m)
        await m.server.archive(thread)
        await m.press(m.ada, turn, "skip")
        end = await m.find_end_card(thread)
        await m.wait_until(lambda: "skipped" in turn.text)
        assert not thread.archived
        assert end.channel_id == thread.id


async def test_a_locked_thread_ends_the_showing_and_not_the_run(tmp_path: Path) -> None:
    async with run_moot(tmp_path) as m:
        await m.server.deny(m.channel, "manage_threads")
        board, thread, turn = await open_run(m)
        await m.server.lock(thread)
        await m.press(m.ada, board, "stop")
        assert turn.text.startswith("So far, so good")
        await check_alive(m)
        await m.wait_until_over()
        assert "compare, stopped" in await m.call_command(m.ada, "moot runs")


@pytest.mark.parametrize("what", ["thread", "channel"])
async def test_what_is_deleted_around_a_run_ends_only_its_showing(tmp_path: Path, what: str) -> None:
    async with run_moot(tmp_path) as m:
        board, thread, _ = await open_run(m)
        run = find_button(board, "stop").split(":")[1]
        await m.server.delete_channel(thread if what == "thread" else m.channel)
        other = await m.server.create_channel(m.guild, "other")
        assert await m.call_command(m.ada, "moot stop", other, run=run) == "Stopped; what was said is kept."
        await check_alive(m)
        listed = await m.call_command(m.ada, "moot runs", other)
        assert (f"`{run}` compare, stopped" in listed) == (
            what == "thread"
        )  # nobody sees what stood in a deleted channel


async def test_a_server_that_throws_the_bot_out_pays_for_nothing_more(tmp_path: Path) -> None:
    async with run_moot(tmp_path) as m:
        await open_run(m)
        seen = next(r for r in m.models.log if r.path.startswith("/gpt"))
        assert seen.ended_at is None
        await m.server.leave_guild(m.guild)
        while seen.ended_at is None:
            await asyncio.sleep(0.005)
        assert seen.left_early


# limits


async def test_a_storm_of_429_delays_and_loses_nothing(tmp_path: Path) -> None:
    async with run_moot(tmp_path) as m:
        _, thread, turn = await open_run(m)
        await m.server.storm(0.5, retry_after_s=0.3)
        await m.server.click(m.ada, turn, find_button(turn, "skip"))
        await m.find_end_card(thread)
        await m.wait_until(lambda: "-# skipped" in turn.text)
        assert 0 < len([r for r in m.server.requests if r.status == 429]) < 12


async def test_an_edit_that_stalls_is_given_up_and_sent_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(Scheduler.__init__.__kwdefaults__ or {}, "request_timeout_s", 0.5)
    async with run_moot(tmp_path) as m:
        _, thread, turn = await open_run(m)
        await m.server.fail("PATCH", "/webhooks/*", None, 2, stall_s=30.0)
        await m.server.click(m.ada, turn, find_button(turn, "skip"))
        await m.find_end_card(thread)
        await m.wait_until(lambda: "-# skipped" in turn.text)


async def test_looking_for_the_webhook_waits_when_it_is_told_to(tmp_path: Path) -> None:
    async with run_moot(tmp_path) as m:
        await m.server.fail("GET", "*/webhooks", 429, 1, retry_after_s=0.3)
        await m.find_end_card(await m.find_thread(await m.ask()))
        assert len(sent(m, "GET", "/channels/{channel_id}/webhooks")) == 2


async def test_a_thread_that_may_be_opened_in_136_s_holds_up_nobody_else(tmp_path: Path) -> None:
    async with run_moot(tmp_path) as m:
        await m.server.fail("POST", f"/channels/{m.channel.id}/messages/*/threads", 429, 1, retry_after_s=136)
        held = await m.ask(question="Held?")
        await m.wait_until(lambda: "Verdict" in held.text)  # its board goes on
        other = await m.ask(question="Free?")
        await m.find_end_card(await m.find_thread(other))
        assert len(sent(m, "POST", "/channels/{channel_id}/messages/{message_id}/threads")) == 2
        assert held.id not in m.server.hub.world.channels


async def test_a_lost_answer_posts_nothing_twice(tmp_path: Path) -> None:
    async with run_moot(tmp_path) as m:
        await m.server.deny(m.channel, "manage_webhooks")
        dm = await m.server.dm(m.guild.owner_id)
        await m.find_end_card(await m.find_thread(await m.ask()))
        await m.wait_until(lambda: bool(m.server.hub.world.messages[dm.id]))  # the owner has been told
        await m.server.fail("POST", "/channels/*/messages", 0, 1, acts=True)
        thread = await m.find_thread(await m.ask())
        await m.find_end_card(thread)
        assert [s.text.splitlines()[0] for s in await m.server.messages(thread)][:3] == [
            "**🟦 Claude**",
            "**🟩 GPT**",
            "**🟧 Gemini**",
        ]
        assert len(await m.server.messages(thread)) == 4


async def test_after_a_restart_a_bucket_costs_one_refusal_at_most(tmp_path: Path) -> None:
    slow = Rule(2, 3.0)
    limits = replace(UNLIMITED, rules={**UNLIMITED.rules, "webhook.edit": slow, "message.edit": slow})
    async with run_moot(tmp_path, limits) as m:
        m.script_model("gpt", Reply(answer(*["word "] * 400, gap_s=0.02).pieces[:400], gap_s=0.02, then="hang"))
        _, thread, turn = await open_run(m, "word word")
        await m.stop()
        before = len(m.server.requests)
        m.script_model("gpt", answer("So far, so good, and better."))
        await m.start()
        await m.find_end_card(thread)
        await m.wait_until(lambda: "and better" in turn.text)
        refused = [r.bucket for r in m.server.requests[before:] if r.status == 429]
        assert len(refused) == len(set(refused))


# people in a hurry


async def test_sixty_clicks_in_a_second_are_all_answered(tmp_path: Path) -> None:
    async with run_moot(tmp_path) as m:
        thread = await m.find_thread(await m.ask())
        end = await m.find_end_card(thread)
        seats = ["claude", "gpt", "gemini"]
        voters = [await m.server.create_member(m.guild, f"voter{n}") for n in range(20)]
        clicks = [
            await m.server.click(v, end, find_button(end, "vote", seats[n % 3])) for n in range(3) for v in voters
        ]
        told = await asyncio.gather(*map(m.read_answer, clicks))
        assert len(told) == 60
        assert all("vote is" in words for words in told)
        await m.press(m.ada, end, "close")
        await m.wait_until(lambda: "Votes: " in end.text)
        counts = end.text.partition("Votes: ")[2].splitlines()[0]
        assert sum(map(int, re.findall(r"\d+", counts))) == 20  # one vote a person


async def test_the_same_interaction_twice_is_one(tmp_path: Path) -> None:
    async with run_moot(tmp_path) as m:
        asked = await m.server.slash(m.ada, m.channel, "compare", question="Tea?")
        await m.server.redeliver(asked)
        board = (await asked.answer()).message
        assert board is not None
        await m.server.redeliver(asked)
        await m.find_end_card(await m.find_thread(board))
        assert len(await m.server.messages(m.channel)) == 1
        assert len(m.read_asks("claude")) == 1


async def test_people_are_answered_in_time_while_the_disk_is_slow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with run_moot(tmp_path) as m:
        _, thread, turn = await open_run(m)
        disk, append = asyncio.Event(), m.store.append

        async def slow(run: str, facts: Sequence[Fact], **more: Any) -> None:
            await disk.wait()
            await append(run, facts, **more)

        monkeypatch.setattr(m.store, "append", slow)
        skip = await m.server.click(m.ada, turn, find_button(turn, "skip"))
        start = await m.server.slash(m.bob, m.channel, "compare", question="And milk?")
        assert [(await asked.answer()).kind for asked in (skip, start)] == ["deferred", "deferred"]
        m.script_model("gpt", answer("GPT speaks."))
        disk.set()
        assert await m.read_answer(skip) == "GPT is skipped."
        second = (await start.answer()).message
        assert second is not None
        await m.wait_until(lambda: "And milk?" in second.text)
        assert not second.ephemeral
        await m.find_end_card(thread)
        await m.find_end_card(await m.find_thread(second))


async def test_people_are_answered_while_many_streams_run(tmp_path: Path) -> None:
    async with run_moot(tmp_path) as m:
        for seat in ("claude", "gpt", "gemini"):
            m.script_model(seat, answer(*["word "] * 60, gap_s=0.01))
        boards = [await m.ask(question=f"Question {n}?") for n in range(4)]
        helped = await asyncio.gather(*[m.call_command(m.bob, "moot help") for _ in range(10)])
        assert all("Ask with" in words for words in helped)
        for board in boards:
            await m.find_end_card(await m.find_thread(board))
