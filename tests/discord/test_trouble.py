"""What goes wrong on Discord: the connection, the limits, what people delete, and processes that end."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest

from bot.domain.facts import VoteCast
from bot.live.schedule import Scheduler
from tests.servers.discord import Request, Rule
from tests.servers.model_server import Reply, answer
from tests.support.discord_bot import UNLIMITED, Moot, StartMoot, make_endless
from tests.support.discord_guild import button_labels, find_button
from tests.support.discord_runs import open_run


async def check_alive(m: Moot) -> None:
    """Check that a run in another channel comes to its end."""
    m.script_model("gpt", answer("GPT speaks."))
    other = await m.server.create_channel(m.guild, "elsewhere")
    await m.find_end_card(await m.find_thread(await m.ask(where=other)))


def find_requests(m: Moot, method: str, route: str) -> list[Request]:
    return [r for r in m.server.requests if (r.method, r.route) == (method, route)]


# processes that end


async def test_a_restart_goes_on_in_the_same_messages(moot: Moot) -> None:
    board, thread, turn = await open_run(moot)
    for seat in ("Claude", "Gemini"):
        await moot.wait_until_stored(await moot.find_by(thread, seat))
    stood = [s.id for s in await moot.server.messages(thread)]
    await moot.stop()
    moot.script_model("gpt", answer("So far, so good, and better."))
    await moot.start()
    end = await moot.find_end_card(thread)
    assert [s.id for s in await moot.server.messages(thread)] == [*stood, end.id]
    await moot.wait_until(lambda: "So far, so good, and better." in turn.text)
    assert len(moot.read_asks("claude")) == 1
    assert len(await moot.server.webhooks(moot.channel)) == 1
    await moot.wait_until(lambda: "Result:" in board.text)


async def test_buttons_survive_a_restart(moot: Moot) -> None:
    _, thread, turn = await open_run(moot)
    skip = await moot.server.click(moot.ada, turn, find_button(turn, "skip"))
    await moot.read_answer(skip)
    end = await moot.find_end_card(thread)
    assert await moot.press(moot.ada, end, "vote", "gpt") == "Your vote is GPT's."
    await moot.stop()
    await moot.start()
    assert await moot.press(moot.bob, end, "vote", "claude") == "Your vote is Claude's."
    await moot.react(moot.cyd, await moot.find_by(thread, "Claude"), "👍")
    (row,) = await moot.store.runs()
    while sum(isinstance(e.fact, VoteCast) for e in await moot.store.read(row.run)) < 3:  # a reaction is not answered
        await asyncio.sleep(0.005)
    assert await moot.press_more(moot.ada, end, "close") == "The vote is closed."
    await moot.wait_until(lambda: "Votes: Claude 2, GPT 1" in end.text)


async def test_a_run_that_begins_while_others_are_found_again_is_one_run(moot: Moot) -> None:
    _, thread, turn = await open_run(moot)
    await moot.stop()
    await moot.start()
    boards = [await moot.ask(question=f"And {n}?") for n in range(3)]
    for board in boards:
        assert [len(await moot.server.messages(await moot.find_thread(board)))] <= [5]
    await moot.press(moot.ada, turn, "skip")
    await moot.find_end_card(thread)


async def test_commands_are_told_to_discord_only_when_they_change(moot: Moot) -> None:
    await moot.stop()
    await moot.start()
    assert len(find_requests(moot, "PUT", "/applications/{application_id}/commands")) == 1


# what is taken away


async def test_a_deleted_turn_is_posted_once_more_and_then_given_up(moot: Moot) -> None:
    moot.script_model("gpt", Reply(answer(*["word "] * 400, gap_s=0.02).pieces[:400], gap_s=0.02, then="hang"))
    board = await moot.ask()
    thread = await moot.find_thread(board)
    first = await moot.find_turn(thread, "word word")
    await moot.server.delete_message(first)
    again = await moot.find_turn(thread, "word word word")
    assert again.id != first.id
    assert button_labels(again) == ["Skip"]
    await moot.server.delete_message(again)
    await moot.wait_until(lambda: "Discord no longer shows GPT: its message was deleted" in board.text)
    await moot.press(moot.ada, board, "stop")
    await moot.find_end_card(thread)
    assert not [s for s in await moot.server.messages(thread) if "GPT" in s.author.name]


async def test_a_deleted_webhook_is_made_again(moot: Moot) -> None:
    moot.script_model("claude", answer("One."), answer("Two."))
    moot.script_model("gpt", make_endless("So far"), answer("Two."))
    thread = await moot.find_thread(await moot.ask("debate", rounds=2))
    turn = await moot.find_turn(thread, "So far")
    (hook,) = await moot.server.webhooks(moot.channel)
    await moot.server.delete_webhook(hook)
    await moot.press(moot.ada, turn, "skip")
    await moot.find_end_card(thread)
    (another,) = await moot.server.webhooks(moot.channel)
    assert another.id != hook.id
    assert "Two." in (await moot.find_by(thread, "GPT · closing")).text


async def test_without_manage_webhooks_the_bot_speaks_itself(moot: Moot) -> None:
    await moot.server.deny(moot.channel, "manage_webhooks")
    thread = await moot.find_thread(await moot.ask())
    end = await moot.find_end_card(thread)
    said = [s for s in await moot.server.messages(thread) if s.id != end.id]
    assert [s.text.splitlines()[0] for s in said] == ["**Claude**", "**GPT**", "**Gemini**"]
    assert {s.author.id for s in said} == {moot.server.bot.id}


async def test_the_owner_is_told_once_what_is_missing(moot: Moot) -> None:
    await moot.server.deny(moot.channel, "manage_webhooks")
    for _ in range(2):
        await moot.find_end_card(await moot.find_thread(await moot.ask()))
    dm = await moot.server.dm(moot.guild.owner_id)
    (told,) = await moot.server.messages(dm)
    assert "Manage Webhooks" in told.text


async def test_an_owner_who_cannot_be_told_keeps_nobody_waiting(moot: Moot) -> None:
    await moot.server.deny(moot.channel, "manage_webhooks")
    dm = await moot.server.dm(moot.guild.owner_id)
    await moot.server.fail("POST", f"/channels/{dm.id}/messages", 0, 1)  # the connection breaks
    await moot.find_end_card(await moot.find_thread(await moot.ask()))
    assert await moot.server.messages(dm) == []


async def test_missing_permissions_are_named(moot: Moot) -> None:
    await moot.server.deny(moot.channel, "create_public_threads", "send_messages_in_threads")
    said = await moot.call_command(moot.ada, "compare", question="Tea?")
    assert said.startswith("I lack “Create Public Threads”, “Send Messages in Threads and Posts” in this channel")
    assert await moot.server.messages(moot.channel) == []


async def test_a_permission_that_is_taken_away_ends_the_showing_and_not_the_bot(moot: Moot) -> None:
    board, _, _ = await open_run(moot)
    await moot.server.deny(moot.channel, "send_messages_in_threads")
    await moot.press(moot.ada, board, "stop")
    await check_alive(moot)


@pytest.mark.parametrize(("status", "code"), [(404, 10007), (403, 50001), (400, 30033)])
async def test_a_run_is_shown_though_its_starter_has_left_and_joins_no_thread(
    moot: Moot, status: int, code: int
) -> None:
    await moot.server.fail("PUT", "/channels/*/thread-members/*", status, None, code=code)
    thread = await moot.find_thread(await moot.ask())
    await moot.find_end_card(thread)


async def test_an_archived_thread_is_opened_again(moot: Moot) -> None:
    _, thread, turn = await open_run(moot)
    await moot.server.archive(thread)
    await moot.press(moot.ada, turn, "skip")
    end = await moot.find_end_card(thread)
    await moot.wait_until(lambda: "skipped" in turn.text)
    assert not thread.archived
    assert end.channel_id == thread.id


async def test_a_locked_thread_ends_the_showing_and_not_the_run(moot: Moot) -> None:
    await moot.server.deny(moot.channel, "manage_threads")
    board, thread, turn = await open_run(moot)
    await moot.server.lock(thread)
    await moot.press(moot.ada, board, "stop")
    assert turn.text.startswith("So far, so good")
    await check_alive(moot)
    await moot.wait_until_over()
    assert "compare, stopped" in await moot.call_command(moot.ada, "moot runs")


@pytest.mark.parametrize("what", ["thread", "channel"])
async def test_what_is_deleted_around_a_run_ends_only_its_showing(moot: Moot, what: str) -> None:
    board, thread, _ = await open_run(moot)
    run = find_button(board, "stop").split(":")[1]
    await moot.server.delete_channel(thread if what == "thread" else moot.channel)
    other = await moot.server.create_channel(moot.guild, "other")
    assert await moot.call_command(moot.ada, "moot stop", other, run=run) == "Stopped; what was said is kept."
    await check_alive(moot)
    listed = await moot.call_command(moot.ada, "moot runs", moot.channel if what == "thread" else other)
    assert (f"`{run}` compare, stopped" in listed) == (what == "thread")  # nobody sees what stood in a deleted channel


async def test_a_server_that_throws_the_bot_out_pays_for_nothing_more(moot: Moot) -> None:
    await open_run(moot)
    seen = next(r for r in moot.models.log if r.path.startswith("/gpt"))
    assert seen.ended_at is None
    await moot.server.leave_guild(moot.guild)
    while seen.ended_at is None:
        await asyncio.sleep(0.005)
    assert seen.left_early


# limits


async def test_a_storm_of_429_delays_and_loses_nothing(moot: Moot) -> None:
    _, thread, turn = await open_run(moot)
    await moot.server.storm(0.5, retry_after_s=0.3)
    await moot.server.click(moot.ada, turn, find_button(turn, "skip"))
    await moot.find_end_card(thread)
    await moot.wait_until(lambda: "-# skipped" in turn.text)
    assert 0 < len([r for r in moot.server.requests if r.status == 429]) < 12


async def test_an_edit_that_stalls_is_given_up_and_sent_again(
    start_moot: StartMoot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(Scheduler.__init__.__kwdefaults__ or {}, "request_timeout_s", 0.5)
    moot = await start_moot()
    _, thread, turn = await open_run(moot)
    await moot.server.fail("PATCH", "/webhooks/*", None, 2, stall_s=30.0)
    await moot.server.click(moot.ada, turn, find_button(turn, "skip"))
    await moot.find_end_card(thread)
    await moot.wait_until(lambda: "-# skipped" in turn.text)


async def test_looking_for_the_webhook_waits_when_it_is_told_to(moot: Moot) -> None:
    await moot.server.fail("GET", "/channels/*/webhooks", 429, 1, retry_after_s=0.3)
    await moot.find_end_card(await moot.find_thread(await moot.ask()))
    assert len(find_requests(moot, "GET", "/channels/{channel_id}/webhooks")) == 2


async def test_a_thread_that_may_be_opened_in_136_s_holds_up_nobody_else(moot: Moot) -> None:
    await moot.server.fail("POST", f"/channels/{moot.channel.id}/messages/*/threads", 429, 1, retry_after_s=136)
    held = await moot.ask(question="Held?")
    await moot.wait_until(lambda: "Result:" in held.text)  # its board goes on
    other = await moot.ask(question="Free?")
    await moot.find_end_card(await moot.find_thread(other))
    assert len(find_requests(moot, "POST", "/channels/{channel_id}/messages/{message_id}/threads")) == 2
    assert held.id not in moot.server.hub.world.channels


async def test_a_lost_answer_posts_nothing_twice(moot: Moot) -> None:
    await moot.server.deny(moot.channel, "manage_webhooks")
    dm = await moot.server.dm(moot.guild.owner_id)
    await moot.find_end_card(await moot.find_thread(await moot.ask()))
    await moot.wait_until(lambda: bool(moot.server.hub.world.messages[dm.id]))  # the owner has been told
    await moot.server.fail("POST", "/channels/*/messages", 0, 1, acts=True)
    thread = await moot.find_thread(await moot.ask())
    await moot.find_end_card(thread)
    assert [s.text.splitlines()[0] for s in await moot.server.messages(thread)][:3] == [
        "**Claude**",
        "**GPT**",
        "**Gemini**",
    ]
    assert len(await moot.server.messages(thread)) == 4


async def test_after_a_restart_a_bucket_costs_one_refusal_at_most(start_moot: StartMoot) -> None:
    slow = Rule(2, 3.0)
    limits = replace(UNLIMITED, rules={**UNLIMITED.rules, "webhook.edit": slow, "message.edit": slow})
    moot = await start_moot(limits)
    moot.script_model("gpt", Reply(answer(*["word "] * 400, gap_s=0.02).pieces[:400], gap_s=0.02, then="hang"))
    _, thread, turn = await open_run(moot, "word word")
    await moot.stop()
    before = len(moot.server.requests)
    moot.script_model("gpt", answer("So far, so good, and better."))
    await moot.start()
    await moot.find_end_card(thread)
    await moot.wait_until(lambda: "and better" in turn.text)
    refused = [r.bucket for r in moot.server.requests[before:] if r.status == 429]
    assert len(refused) == len(set(refused))


# people in a hurry


async def test_sixty_clicks_in_a_second_are_all_answered(moot: Moot) -> None:
    thread = await moot.find_thread(await moot.ask())
    end = await moot.find_end_card(thread)
    seats = ["claude", "gpt", "gemini"]
    voters = [await moot.server.create_member(moot.guild, f"voter{n}") for n in range(20)]
    clicks = [await moot.server.click(v, end, find_button(end, "vote", seats[n % 3])) for n in range(3) for v in voters]
    told = await asyncio.gather(*map(moot.read_answer, clicks))
    assert len(told) == 60
    assert all("vote is" in words for words in told)
    await moot.press_more(moot.ada, end, "close")
    await moot.wait_until(lambda: "Votes: " in end.text)
    counts = end.text.partition("Votes: ")[2].splitlines()[0]
    assert sum(map(int, re.findall(r"\d+", counts))) == 20  # one vote a person


async def test_the_same_interaction_twice_is_one(moot: Moot) -> None:
    asked = await moot.server.slash(moot.ada, moot.channel, "compare", question="Tea?")
    await moot.server.redeliver(asked)
    board = await moot.find_answer(asked)
    await moot.server.redeliver(asked)
    await moot.find_end_card(await moot.find_thread(board))
    assert len(await moot.server.messages(moot.channel)) == 1
    assert len(moot.read_asks("claude")) == 1


async def test_people_are_answered_in_time_while_the_disk_is_slow(moot: Moot, monkeypatch: pytest.MonkeyPatch) -> None:
    _, thread, turn = await open_run(moot)
    disk = asyncio.Event()

    def slow_down(write: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def slow(*given: Any, **more: Any) -> Any:
            await disk.wait()
            return await write(*given, **more)

        return slow

    for write in ("append", "claim"):
        monkeypatch.setattr(moot.store, write, slow_down(getattr(moot.store, write)))
    skip = await moot.server.click(moot.ada, turn, find_button(turn, "skip"))
    start = await moot.server.slash(moot.bob, moot.channel, "compare", question="And milk?")
    assert [(await asked.answer()).kind for asked in (skip, start)] == ["deferred", "deferred"]
    moot.script_model("gpt", answer("GPT speaks."))
    disk.set()
    assert await moot.read_answer(skip) == "GPT is skipped."
    second = await moot.find_answer(start)
    assert "And milk?" in second.text
    await moot.find_end_card(thread)
    await moot.find_end_card(await moot.find_thread(second))


async def test_people_are_answered_while_many_streams_run(moot: Moot) -> None:
    for seat in ("claude", "gpt", "gemini"):
        moot.script_model(seat, answer(*["word "] * 60, gap_s=0.01))
    boards = [await moot.ask(question=f"Question {n}?") for n in range(4)]
    helped = await asyncio.gather(*[moot.call_command(moot.bob, "moot help") for _ in range(10)])
    assert all("Ask with" in words for words in helped)
    for board in boards:
        await moot.find_end_card(await moot.find_thread(board))
