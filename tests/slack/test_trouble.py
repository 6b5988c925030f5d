"""What goes wrong on Slack: places that are closed, messages that are gone, limits, tokens that die."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.live.schedule import Scheduler
from tests.slack.test_runs import press, says
from tests.support.slack_app import SLOW, App, run_app, wait_until

LONG = "word " * 2_000


async def refused(a: App) -> str:
    (told, *_) = await a.read_ephemerals()
    assert a.channel_messages() == []
    return told


async def test_a_channel_that_the_app_is_not_in_says_how_to_invite_it(tmp_path: Path) -> None:
    async with run_app(tmp_path / "moot.db") as a:
        a.hall.members.remove(a.team.bot_user)
        await a.ask()
        assert "`/invite`" in await refused(a)
        a.hall.members.append(a.team.bot_user)
        await a.ask()
        await a.find_board()
        await a.wait_until_over()


async def test_a_private_channel_that_the_app_cannot_see(tmp_path: Path) -> None:
    async with run_app(tmp_path / "moot.db") as a:
        a.hall.kind = "private"
        a.hall.members.remove(a.team.bot_user)
        await a.ask()
        assert "`/invite`" in await refused(a)


async def test_an_archived_channel(tmp_path: Path) -> None:
    async with run_app(tmp_path / "moot.db") as a:
        a.hall.archived = True
        await a.ask()
        assert "archived" in await refused(a)


@pytest.mark.parametrize("code", ["not_in_channel", "is_archived", "restricted_action"])
async def test_a_board_that_slack_refuses_ends_the_run_and_is_told(tmp_path: Path, code: str) -> None:
    async with run_app(tmp_path / "moot.db", lines=SLOW) as a:
        a.server.faults.fail("chat.postMessage", code)
        if code == "restricted_action":
            a.server.contract = None
        await a.ask()
        assert "I cannot show it here" in await refused(a)
        await a.wait_until_over()
        (run,) = await a.store.runs()
        assert run.outcome == "stopped"


async def test_a_question_of_100_kb_is_refused(tmp_path: Path) -> None:
    async with run_app(tmp_path / "moot.db") as a:
        await a.ask("x" * 100_000)
        assert "may have 20,000" in await refused(a)


async def test_a_message_deleted_under_its_text_is_posted_again(tmp_path: Path) -> None:
    lines = {"ada": ["Tabs ", 0.3, "win."], "bob": ["Spaces."]}
    async with run_app(tmp_path / "moot.db", lines=lines) as a:
        await a.ask()
        board = await a.find_board()
        await wait_until(lambda: len(a.thread_messages(board)) == 2)
        await a.server.people.delete_message(a.thread_messages(board)[0])
        await a.wait_until_over()
        assert [m.username for m in a.thread_messages(board)].count("🟦 Ada") == 1


@pytest.mark.parametrize("code", ["msg_too_long", "msg_blocks_too_long"])
async def test_what_slack_finds_too_long_is_halved_and_read_on(tmp_path: Path, code: str) -> None:
    async with run_app(tmp_path / "moot.db", lines={"ada": [0.2, LONG], "bob": ["short"]}) as a:
        await a.ask()
        board = await a.find_board()
        await wait_until(lambda: len(a.thread_messages(board)) == 2)
        await wait_until(lambda: "short" in says(a.thread_messages(board)[1]))
        a.server.faults.fail("chat.update", code, times=1)
        await a.wait_until_over()
        texts = [says(m) for m in (board, *a.thread_messages(board))]
        assert any("Read on" in text for text in texts) or max(map(len, texts)) > 9_000


@pytest.mark.parametrize("code", ["internal_error", "fatal_error", "service_unavailable"])
async def test_a_fault_of_slacks_is_tried_again(tmp_path: Path, code: str) -> None:
    async with run_app(tmp_path / "moot.db") as a:
        a.server.faults.fail("chat.update", code)
        a.server.faults.fail("chat.postMessage", code)
        await a.ask()
        board = await a.find_board()
        await a.wait_until_over()
        assert "Tabs win." in says(a.thread_messages(board)[0])


async def test_an_update_that_stalls_is_given_up_and_sent_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(Scheduler.__init__.__kwdefaults__ or {}, "request_timeout_s", 0.5)
    async with run_app(tmp_path / "moot.db") as a:
        a.server.faults.stall("chat.update", 30.0, times=2)
        await a.ask()
        board = await a.find_board()
        await a.wait_until_over()
        assert "Tabs win." in says(a.thread_messages(board)[0])


async def test_a_limit_of_seconds_is_waited_out_with_the_newest_text(tmp_path: Path) -> None:
    async with run_app(tmp_path / "moot.db") as a:
        a.server.faults.fail("chat.update", "ratelimited", retry_after_s=1)
        await a.ask()
        board = await a.find_board()
        await a.wait_until_over()
        updates = a.find_calls("chat.update")
        (refused,) = (request for request in updates if request.status == 429)
        assert updates[-1].at >= refused.at + 1
        assert "Tabs win." in says(a.thread_messages(board)[0])


async def test_an_answer_that_is_lost_posts_nothing_twice_where_history_may_be_read(tmp_path: Path) -> None:
    async with run_app(tmp_path / "moot.db", listen=True) as a:
        a.server.faults.reset("chat.postMessage", done=True, times=2)
        await a.ask()
        board = await a.find_board()
        await a.wait_until_over()
        assert len(a.channel_messages()) == 1
        assert [m.username for m in a.thread_messages(board)][:2] == ["🟦 Ada", "🟩 Bob"]
        assert len(a.thread_messages(board)) == 3


async def test_a_workspace_that_uninstalls_ends_its_runs(tmp_path: Path) -> None:
    async with run_app(tmp_path / "moot.db", lines=SLOW) as a:
        await a.ask()
        board = await a.find_board()
        await wait_until(lambda: len(a.thread_messages(board)) == 2)
        where = a.server.world.im(a.ann.id)
        await a.server.people.say(a.ann.id, where.id, "and here?")
        await wait_until(lambda: len(a.server.world.messages(where.id)) == 2)
        await (await a.server.people.uninstall(a.team.id))
        await a.wait_until_over()
        assert {row.outcome for row in await a.store.runs()} == {"stopped"}


async def test_a_revoked_token_drops_the_view_and_nothing_else(tmp_path: Path) -> None:
    lines = {"ada": ["Tabs ", 0.3, "win."], "bob": ["Spaces."]}
    async with run_app(tmp_path / "moot.db", lines=lines) as a:
        await a.ask()
        board = await a.find_board()
        await wait_until(lambda: len(a.thread_messages(board)) == 2)
        a.server.world.tokens[a.team.bot_token].revoked = True
        await a.wait_until_over()
        assert [row.outcome for row in await a.store.runs()] == ["compared"]


async def test_a_run_that_is_watched_where_nothing_can_be_posted_goes_on(tmp_path: Path) -> None:
    async with run_app(tmp_path / "moot.db", lines=SLOW) as a:
        await a.ask()
        board = await a.find_board()
        await wait_until(lambda: len(a.thread_messages(board)) == 2)
        (run,) = await a.store.runs()
        room = a.server.world.add_channel(a.team.id, "room", [a.ann.id])
        a.server.faults.fail("chat.postMessage", "not_in_channel")
        await (await a.server.people.command(a.ann.id, room.id, "/moot", f"watch {run.run}"))
        assert "I cannot show it here" in (await a.read_ephemerals())[0]
        assert a.speaker.speaking == 2
        await (await a.server.people.command(a.ann.id, room.id, "/moot", f"watch {run.run}"))
        await wait_until(lambda: bool(a.server.world.messages(room.id)))
        await press(a, board, "stop")
        await a.wait_until_over()


async def test_looking_for_lost_messages_is_put_off_by_a_limit(tmp_path: Path) -> None:
    async with run_app(tmp_path / "moot.db", listen=True) as a:
        a.server.faults.fail("conversations.history", "ratelimited", retry_after_s=1)
        a.server.faults.reset("chat.postMessage", done=True)
        await a.ask()
        board = await a.find_board()
        await a.wait_until_over()
        assert len(a.channel_messages()) == 1
        assert len(a.thread_messages(board)) == 3
