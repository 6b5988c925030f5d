"""Processes that end in the middle of something: what stands goes on, and nothing stands there twice."""

from __future__ import annotations

import asyncio
import signal
from pathlib import Path

import pytest

from bot.engine.leaving import RESTARTING
from storage import SqlStore
from tests.servers.discord.faults import Fault
from tests.servers.model_server import answer
from tests.support.discord_bot import Moot, make_endless
from tests.support.processes import open_town
from tests.support.slack_app import SLOW, wait_until
from tests.support.slack_restarts import SlackRestarts
from tests.support.stores import replay_snapshots


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/webhooks/*"),  # what a seat says
        ("POST", "/interactions/*/callback"),  # the board
        ("POST", "/channels/*/messages/*/threads"),
        ("PUT", "/channels/*/thread-members/*"),
        ("POST", "/channels/*/messages"),  # the end card
    ],
)
async def test_what_was_posted_and_not_yet_noted_is_found_again(moot: Moot, method: str, path: str) -> None:
    moot.server.faults.add(Fault(method, path, 0, acts=True))
    await moot.server.slash(moot.ada, moot.channel, "compare", question="Tea or coffee?")
    await moot.wait_until(lambda: any(r.status == 0 for r in moot.server.requests))
    await moot.stop()
    await moot.start()
    await moot.wait_until(lambda: bool(moot.read_messages(moot.channel)))
    (board,) = moot.read_messages(moot.channel)
    thread = await moot.find_thread(board)
    await moot.find_end_card(thread)
    await moot.wait_until(lambda: "Result:" in board.text)
    assert [s.id for s in moot.read_messages(moot.channel)] == [board.id]
    said = moot.read_messages(thread)
    assert [s.author.name for s in said[:3]] == ["Claude · Moot", "GPT · Moot", "Gemini · Moot"]
    assert len(said) == 4
    assert all("speaks." in s.text for s in said[:3])
    assert moot.ada.id in thread.member_ids


@pytest.mark.parametrize("before", [0, 1, 2])
async def test_on_slack_it_is_found_by_its_metadata(listening_restarts: SlackRestarts, before: int) -> None:
    """The answer to the board's post is lost with the process; that of the first seat's; of the second's."""
    app = await listening_restarts.start(lines=SLOW)
    listening_restarts.server.faults.stall("chat.postMessage", 0.0, times=before)
    listening_restarts.server.faults.reset("chat.postMessage", done=True)
    await app.ask()
    await wait_until(lambda: len(app.find_calls("chat.postMessage")) > before)
    await listening_restarts.stop()
    app = await listening_restarts.start()
    await app.wait_until_over()
    (board,) = app.channel_messages()
    assert "Result:" in board.text
    assert [said.username for said in app.thread_messages(board)[:2]] == ["Ada", "Bob"]
    assert ["win." in said.text for said in app.thread_messages(board)] == [True, True, False]
    assert await app.store.unfinished_runs() == []


async def has_claude_ended(store: SqlStore, run: str) -> bool:
    """Return whether Claude's whole turn is shown, and the store knows it."""
    return any(p.lane.seat == "claude" and p.reads for p in await store.posted_pages(run))


async def has_shown_coffee(store: SqlStore, run: str) -> bool:
    return any("Coffee, as I was" in text for _, _, text in replay_snapshots(await store.snapshots(run)))


async def test_a_killed_process_leaves_a_run_that_goes_on_in_its_messages(tmp_path: Path) -> None:
    async with open_town(tmp_path) as t:
        t.script_model("claude", answer("Tea, without a doubt."))
        t.script_model("gpt", make_endless("Coffee, as I was"))
        await t.start()
        await t.ask()
        await t.wait_for_texts("Tea, without a doubt.", "Coffee, as I was")
        await t.wait_for_store(has_claude_ended)
        stood = await t.read_messages()
        await t.end(signal.SIGKILL)
        t.script_model("gpt", answer("Coffee, and nothing else."))
        await t.start()
        await t.wait_for_texts("Coffee, and nothing else.", "Result:", "More…")
        assert [s.id for s in (await t.read_messages())[:-1]] == [s.id for s in stood]
        assert t.ask_counts == {"claude": 1, "gpt": 2}
        assert not [
            r for r in t.requests_since_start("PATCH") if r.path.endswith(f"/{stood[1].id}")
        ]  # Claude's stands as it is


async def test_words_cut_off_by_a_kill_are_kept_where_that_is_set(tmp_path: Path) -> None:
    async with open_town(tmp_path, restart={"half_spoken": "keep"}) as t:
        t.script_model("gpt", make_endless("Coffee, as I was"))
        await t.start()
        await t.ask()
        await t.wait_for_texts("Coffee, as I was")
        await t.wait_for_store(has_shown_coffee)
        await t.end(signal.SIGKILL)
        await t.start()
        await t.wait_for_texts("cut off by a restart", "Result:")
        assert t.ask_counts == {"claude": 1, "gpt": 1}


async def test_sigterm_hands_over_what_does_not_end_in_time(tmp_path: Path) -> None:
    async with open_town(tmp_path, restart={"grace_s": 0.5}) as t:
        t.script_model("gpt", make_endless("Coffee, as I was"))
        await t.start()
        await t.ask()
        await t.wait_for_texts("Coffee, as I was")
        assert await t.end(signal.SIGTERM) == 0
        board, *_ = await t.read_messages()
        assert RESTARTING in board.text
        t.script_model("gpt", answer("Coffee, and nothing else."))
        await t.start()
        await t.wait_for_texts("Coffee, and nothing else.", "Result:")
        assert RESTARTING not in board.text


async def test_a_second_signal_leaves_at_once(tmp_path: Path) -> None:
    async with open_town(tmp_path, restart={"grace_s": 600.0}) as t:
        t.script_model("gpt", make_endless("Coffee, as I was"))
        await t.start()
        await t.ask()
        await t.wait_for_texts("Coffee, as I was")
        assert t.process is not None
        t.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(30):  # until the signal is heard
            while "restarting" not in await t.read_refusal():
                pass
        assert await t.end(signal.SIGTERM) == 0


async def test_a_second_process_on_the_same_database_names_the_first(tmp_path: Path) -> None:
    async with open_town(tmp_path) as t:
        await t.start()
        assert t.process is not None
        status, said = await t.run_command("run")
        assert status == 2
        assert f"pid {t.process.pid}" in said
        assert (await t.run_command("runs"))[0] == 0
        await t.end(signal.SIGKILL)
        await t.start()  # a lock of the dead is none
