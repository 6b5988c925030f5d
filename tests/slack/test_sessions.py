"""Runs in direct messages as sessions of an agent: their title and status, and Slack's own stop button."""

from __future__ import annotations

import pytest

pytest.importorskip("slack_bolt", reason="slack_bolt and slack_sdk are not installed")

from tests.servers.slack.world import Message, Session
from tests.support.slack_app import LINES, SLOW, App, StartApp, wait_until
from tests.support.slack_messages import read_text

QUESTION = "Should a small team rewrite " + "a very old system, " * 20 + "all at once?"


async def begin(a: App, question: str = QUESTION) -> Message:
    """Ask in a direct message; return the board of the run."""
    where = a.server.world.im(a.ann.id)
    before = len(a.server.world.messages(where.id))
    await (await a.server.people.say(a.ann.id, where.id, question))
    await wait_until(lambda: len(a.server.world.messages(where.id)) == before + 2)
    return a.server.world.messages(where.id)[-1]


def find_session(a: App, board: Message) -> Session | None:
    return next((s for (_, ts), s in a.server.world.sessions.items() if ts == board.ts), None)


async def test_a_session_is_processing_until_the_run_is_over(app: App) -> None:
    board = await begin(app)
    await wait_until(lambda: len(app.thread_messages(board)) >= 2)
    await app.wait_until_over()
    session = find_session(app, board)
    assert session is not None
    assert session.statuses == ["processing", "active"]
    assert session.initiator == app.ann.id
    assert session.title.startswith("Should a small team rewrite a very old system")
    assert 100 < len(session.title) <= 200


async def test_slacks_stop_button_stops_the_run(start_app: StartApp) -> None:
    app = await start_app(lines=SLOW)
    board = await begin(app)
    await wait_until(lambda: [m.stream for m in app.thread_messages(board)] == ["streaming"] * 2)
    await (await app.server.people.stop_session(app.ann.id, board))
    await app.wait_until_over()
    session = find_session(app, board)
    assert session is not None
    assert session.statuses == ["processing", "active"]
    one, other, end = app.thread_messages(board)
    assert "Tabs" in read_text(one)
    assert "Spaces" in read_text(other)
    assert "stopped before its end" in read_text(end)


async def test_a_stop_that_comes_too_late_says_so(app: App) -> None:
    board = await begin(app)
    await app.wait_until_over()
    session = find_session(app, board)
    assert session is not None
    session.statuses.append("processing")  # as if the end of the run had not reached Slack
    known = len(app.thread_messages(board))
    await (await app.server.people.stop_session(app.ann.id, board))
    await wait_until(lambda: len(app.thread_messages(board)) > known)
    assert "over" in app.thread_messages(board)[-1].text


async def test_where_the_app_is_no_agent_nobody_tries_again(start_app: StartApp) -> None:
    app = await start_app(lines=LINES)
    app.server.world.app.is_agent = False
    for question in ("tabs?", "spaces?"):
        board = await begin(app, question)
        await wait_until(lambda board=board: len(app.thread_messages(board)) >= 3)  # type: ignore[misc]
        await app.wait_until_over()
    assert [r.error for r in app.find_calls("agents.sessions.setStatus")] == ["not_agent_app"]


async def test_a_status_that_fails_holds_nothing_up(app: App) -> None:
    app.server.faults.fail("agents.sessions.setStatus", "internal_error", status=503)
    board = await begin(app)
    await wait_until(lambda: len(app.thread_messages(board)) >= 3)
    await app.wait_until_over()
    assert app.find_calls("agents.sessions.setStatus")[-1].args["status"] == "active"


async def test_a_run_in_a_channel_is_no_session(app: App) -> None:
    await app.ask()
    board = await app.find_board()
    await wait_until(lambda: len(app.thread_messages(board)) >= 3)
    await app.wait_until_over()
    assert app.find_calls("agents.sessions.setStatus") == []
