"""What goes wrong on Slack: places that are closed, messages that are gone, limits, tokens that die."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from bot.domain.facts import Fact
from bot.errors import StoreFailed
from bot.live.schedule import Scheduler
from tests.support.slack_app import SLOW, App, StartApp, wait_until
from tests.support.slack_messages import press, read_text

LONG = "word " * 2_000


async def read_refusal(a: App) -> str:
    (told, *_) = await a.read_ephemerals()
    assert a.channel_messages() == []
    return told


async def test_a_channel_that_the_app_is_not_in_says_how_to_invite_it(app: App) -> None:
    app.hall.members.remove(app.team.bot_user)
    await app.ask()
    assert "`/invite`" in await read_refusal(app)
    app.hall.members.append(app.team.bot_user)
    await app.ask()
    await app.find_board()
    await app.wait_until_over()


async def test_a_private_channel_that_the_app_cannot_see(app: App) -> None:
    app.hall.kind = "private"
    app.hall.members.remove(app.team.bot_user)
    await app.ask()
    assert "`/invite`" in await read_refusal(app)


async def test_an_archived_channel(app: App) -> None:
    app.hall.archived = True
    await app.ask()
    assert "archived" in await read_refusal(app)


@pytest.mark.parametrize("code", ["not_in_channel", "is_archived", "restricted_action"])
async def test_a_board_that_slack_refuses_ends_the_run_and_is_told(start_app: StartApp, code: str) -> None:
    app = await start_app(lines=SLOW)
    app.server.faults.fail("chat.postMessage", code)
    if code == "restricted_action":
        app.server.contract = None
    await app.ask()
    assert "I cannot show it here" in await read_refusal(app)
    await app.wait_until_over()
    (run,) = await app.store.runs()
    assert run.outcome == "stopped"


async def test_a_question_of_100_kb_is_refused(app: App) -> None:
    await app.ask("x" * 100_000)
    assert "may have 20,000" in await read_refusal(app)


async def test_a_message_deleted_under_its_text_is_posted_again(start_app: StartApp) -> None:
    lines = {"ada": ["Tabs ", 3.0, "win."], "bob": ["Spaces."]}
    app = await start_app(lines=lines)
    await app.ask()
    board = await app.find_board()
    await wait_until(lambda: len(app.thread_messages(board)) == 2)
    await app.server.people.delete_message(app.thread_messages(board)[0])
    await app.wait_until_over()
    assert [m.username for m in app.thread_messages(board)].count("Ada") == 1


@pytest.mark.parametrize("code", ["msg_too_long", "msg_blocks_too_long"])
async def test_what_slack_finds_too_long_is_halved_and_read_on(start_app: StartApp, code: str) -> None:
    app = await start_app(lines={"ada": [0.2, LONG], "bob": ["short"]})
    await app.ask()
    board = await app.find_board()
    await wait_until(lambda: len(app.thread_messages(board)) == 2)
    await wait_until(lambda: "short" in read_text(app.thread_messages(board)[1]))
    app.server.faults.fail("chat.update", code, times=1)
    await app.wait_until_over()
    texts = [read_text(m) for m in (board, *app.thread_messages(board))]
    assert any("Read on" in text for text in texts) or max(map(len, texts)) > 9_000


@pytest.mark.parametrize("code", ["internal_error", "fatal_error", "service_unavailable"])
async def test_a_fault_of_slacks_is_tried_again(app: App, code: str) -> None:
    app.server.faults.fail("chat.update", code)
    app.server.faults.fail("chat.postMessage", code)
    await app.ask()
    board = await app.find_board()
    await app.wait_until_over()
    assert "Tabs win." in read_text(app.thread_messages(board)[0])


async def test_an_update_that_stalls_is_given_up_and_sent_again(
    start_app: StartApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(Scheduler.__init__.__kwdefaults__ or {}, "request_timeout_s", 0.5)
    app = await start_app()
    app.server.faults.stall("chat.update", 30.0, times=2)
    await app.ask()
    board = await app.find_board()
    await app.wait_until_over()
    assert "Tabs win." in read_text(app.thread_messages(board)[0])


async def test_a_limit_of_seconds_is_waited_out_with_the_newest_text(app: App) -> None:
    app.server.faults.fail("chat.update", "ratelimited", retry_after_s=1)
    await app.ask()
    board = await app.find_board()
    await app.wait_until_over()
    updates = app.find_calls("chat.update")
    (refused,) = (request for request in updates if request.status == 429)
    assert updates[-1].at >= refused.at + 1
    assert "Tabs win." in read_text(app.thread_messages(board)[0])


async def test_an_answer_that_is_lost_posts_nothing_twice_where_history_may_be_read(start_app: StartApp) -> None:
    app = await start_app(listen=True)
    app.server.faults.reset("chat.postMessage", done=True, times=2)
    await app.ask()
    board = await app.find_board()
    await app.wait_until_over()
    assert len(app.channel_messages()) == 1
    assert [m.username for m in app.thread_messages(board)][:2] == ["Ada", "Bob"]
    assert len(app.thread_messages(board)) == 3


async def test_a_workspace_that_uninstalls_ends_its_runs(start_app: StartApp) -> None:
    app = await start_app(lines=SLOW)
    await app.ask()
    board = await app.find_board()
    await wait_until(lambda: len(app.thread_messages(board)) == 2)
    where = app.server.world.im(app.ann.id)
    await app.server.people.say(app.ann.id, where.id, "and here?")
    await wait_until(lambda: len(app.server.world.messages(where.id)) == 2)
    await (await app.server.people.uninstall(app.team.id))
    await app.wait_until_over()
    assert {row.outcome for row in await app.store.runs()} == {"stopped"}


async def test_a_revoked_token_drops_the_view_and_nothing_else(start_app: StartApp) -> None:
    lines = {"ada": ["Tabs ", 0.3, "win."], "bob": ["Spaces."]}
    app = await start_app(lines=lines)
    await app.ask()
    board = await app.find_board()
    await wait_until(lambda: len(app.thread_messages(board)) >= 2)
    app.server.world.tokens[app.team.bot_token].revoked = True
    await app.wait_until_over()
    assert [row.outcome for row in await app.store.runs()] == ["compared"]


async def test_a_run_that_is_watched_where_nothing_can_be_posted_goes_on(start_app: StartApp) -> None:
    app = await start_app(lines=SLOW)
    await app.ask()
    board = await app.find_board()
    await wait_until(lambda: len(app.thread_messages(board)) == 2)
    (run,) = await app.store.runs()
    room = app.server.world.add_channel(app.team.id, "room", [app.ann.id])
    app.server.faults.fail("chat.postMessage", "not_in_channel")
    await (await app.server.people.command(app.ann.id, room.id, "/moot", f"watch {run.run}"))
    assert "I cannot show it here" in (await app.read_ephemerals())[0]
    assert app.speaker.speaking == 2
    await (await app.server.people.command(app.ann.id, room.id, "/moot", f"watch {run.run}"))
    await wait_until(lambda: bool(app.server.world.messages(room.id)))
    await press(app, board, "stop")
    await app.wait_until_over()


async def test_looking_for_lost_messages_is_put_off_by_a_limit(start_app: StartApp) -> None:
    app = await start_app(listen=True)
    app.server.faults.fail("conversations.history", "ratelimited", retry_after_s=1)
    app.server.faults.reset("chat.postMessage", done=True)
    await app.ask()
    board = await app.find_board()
    await app.wait_until_over()
    assert len(app.channel_messages()) == 1
    assert len(app.thread_messages(board)) == 3


async def test_a_button_is_answered_while_a_reaction_waits_for_a_store_that_fails(
    start_app: StartApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = await start_app(lines=SLOW)
    await app.ask()
    board = await app.find_board()
    await wait_until(lambda: len(app.thread_messages(board)) == 2)
    ada, bob = app.thread_messages(board)
    await app.wait_until_stored(3)
    (run,) = await app.store.runs()
    append, is_away, tried = app.store.append, True, list[str]()

    async def fail(name: str, facts: Sequence[Fact], **how: Any) -> None:
        tried.extend(type(fact).__name__ for fact in facts)
        if is_away:
            raise StoreFailed("The store postgresql://db.internal:5432/moot failed.")
        await append(name, facts, **how)

    monkeypatch.setattr(app.store, "append", fail)
    reacting = await app.server.people.react(app.ann.id, bob, "+1")
    await wait_until(lambda: "VoteCast" in tried)
    await press(app, ada, "skip")
    (told,) = await app.read_ephemerals()
    assert "My database cannot be used just now" in told
    assert "db.internal" not in told
    is_away = False
    await reacting
    await wait_until(lambda: tried.count("VoteCast") > 1)
    await press(app, board, "stop")
    await app.wait_until_over()
    assert "VoteCast" in [type(entry.fact).__name__ for entry in await app.store.read(run.run)]
