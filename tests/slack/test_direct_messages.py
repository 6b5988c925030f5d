"""Direct messages on Slack: native streams, and back to edits when Slack will not have one."""

from __future__ import annotations

from dataclasses import replace

import pytest

pytest.importorskip("slack_bolt", reason="slack_bolt and slack_sdk are not installed")

from adapters.slack import streams
from tests.servers.slack.world import Channel, Message
from tests.support.slack_app import MODELS, App, StartApp, wait_until

TEXT = ["Tabs ", 0.1, "are **bo", 0.1, "ld** and ", 0.1, "```\ncode", 0.1, "\nmore\n```\n", 0.1, "done."]
SLOWER = [0.3, TEXT[0], 2.0, *TEXT[2:]]
WHOLE = "Tabs are **bold** and"


async def ask_directly(a: App) -> tuple[Channel, list[Message]]:
    """Ask in a direct message; return it, and the thread of the run when that is over."""
    where = a.server.world.im(a.ann.id)
    await (await a.server.people.say(a.ann.id, where.id, "tabs?"))
    await wait_until(lambda: len(a.server.world.messages(where.id)) == 2)
    board = a.server.world.messages(where.id)[1]
    await wait_until(lambda: len(a.thread_messages(board)) >= 2)
    await a.wait_until_over()
    return where, a.thread_messages(board)


def read_shown(message: Message) -> str:
    """Return the text that people see: a stream's, or that of an edit's blocks."""
    return next((b["text"] for b in message.blocks if b["type"] == "markdown"), message.text)


def check_whole(a: App, turn: Message) -> None:
    """Check that all of a turn is there, once, under the name of its seat."""
    text = read_shown(turn)
    assert text.startswith(WHOLE)
    assert text.count("done.") == text.count("more") == 1
    assert "Ada" not in text
    assert turn.username == "Ada"


async def test_turns_are_streamed_with_the_names_and_faces_of_their_seats(start_app: StartApp) -> None:
    faces = {"ada": "https://example.org/ada.png", "bob": ""}
    models = {key: replace(MODELS[key], avatar_url=face) for key, face in faces.items()}
    app = await start_app(lines={"ada": SLOWER, "bob": SLOWER}, models=models)
    _, thread = await ask_directly(app)
    check_whole(app, thread[0])
    assert [(m.username, m.icon, m.stream) for m in thread[:2]] == [
        ("Ada", faces["ada"], "stopped"),
        ("Bob", "", "stopped"),
    ]
    assert len(app.find_calls("chat.appendStream")) >= 2
    assert [r.error for r in app.server.requests if r.error] == []


@pytest.mark.parametrize(
    ("method", "code"),
    [
        ("chat.startStream", "unknown_method"),
        ("chat.appendStream", "message_not_in_streaming_state"),
        ("chat.appendStream", "internal_error"),
        ("chat.stopStream", "message_not_in_streaming_state"),
    ],
)
async def test_refusals_lead_back_to_edits(start_app: StartApp, method: str, code: str) -> None:
    app = await start_app(lines={"ada": TEXT, "bob": TEXT})
    app.server.faults.fail(method, code)
    _, thread = await ask_directly(app)
    check_whole(app, thread[0])
    assert len(thread) >= 3


async def test_an_append_whose_answer_is_lost_is_not_there_twice(start_app: StartApp) -> None:
    app = await start_app(lines={"ada": TEXT, "bob": TEXT})
    app.server.faults.reset("chat.appendStream", done=True)
    _, thread = await ask_directly(app)
    check_whole(app, thread[0])


async def test_a_stream_ends_before_slack_ends_it(start_app: StartApp, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "ROLL_OVER_S", 0.2)
    app = await start_app(lines={"ada": TEXT, "bob": TEXT})
    _, thread = await ask_directly(app)
    check_whole(app, thread[0])
    assert len(app.find_calls("chat.update")) > 0


async def test_a_limit_puts_the_end_of_a_stream_off(start_app: StartApp) -> None:
    app = await start_app(lines={"ada": TEXT, "bob": TEXT})
    app.server.faults.fail("chat.stopStream", "ratelimited", retry_after_s=1)
    _, thread = await ask_directly(app)
    check_whole(app, thread[0])
    assert all(m.stream in ("", "stopped") for m in thread)


async def test_without_the_scope_for_names_a_stream_has_a_heading(start_app: StartApp) -> None:
    app = await start_app(lines={"ada": SLOWER, "bob": SLOWER})
    app.server.world.tokens[app.team.bot_token].scopes.discard("chat:write.customize")
    _, (first, second, *_) = await ask_directly(app)
    for turn, name in ((first, "Ada"), (second, "Bob")):
        assert read_shown(turn).startswith(f"**{name}**\n\n{WHOLE}")
        assert (turn.username, turn.stream) == ("", "stopped")
    assert [r.error for r in app.server.requests if r.error] == ["missing_scope"]
