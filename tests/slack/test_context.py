"""Questions on Slack about the message that a person is looking at beside their direct messages."""

from __future__ import annotations

import pytest

pytest.importorskip("slack_bolt", reason="slack_bolt and slack_sdk are not installed")

from adapters.slack.listening import LOOKED_AT
from adapters.slack.manifest import render_manifest
from tests.servers.slack.world import Message, Ref
from tests.support.slack_app import App, StartApp, wait_until
from tests.support.slack_messages import read_text


async def say_in_hall(a: App, text: str, thread_ts: str = "") -> Ref:
    delivery = await (await a.server.people.say(a.ann.id, a.hall.id, text, thread_ts=thread_ts))
    return Ref(a.hall.id, delivery.event["ts"])


async def ask_beside(a: App, looking_at: Ref | None, text: str = LOOKED_AT) -> list[Message]:
    """Ask in a direct message, beside a message; return what the app writes there first."""
    where = a.server.world.im(a.ann.id)
    await (await a.server.people.say(a.ann.id, where.id, text, looking_at=looking_at))
    await wait_until(lambda: len(a.server.world.messages(where.id)) >= 2)
    return a.server.world.messages(where.id)[1:]


async def test_the_message_that_one_looks_at_is_asked_about(start_app: StartApp) -> None:
    app = await start_app(listen=True)
    first = await say_in_hall(app, "Lunch?")
    for n in range(3):
        await say_in_hall(app, f"Reply {n}", first.ts)
    reply = await say_in_hall(app, "Tabs are better than spaces.", first.ts)
    [board] = await ask_beside(app, reply)
    assert "Tabs are better than spaces." in read_text(board)
    await app.wait_until_over()
    (row,) = await app.store.runs()
    assert "Tabs are better than spaces." in str((await app.store.read(row.run))[0].fact)


async def test_other_questions_take_no_message_along(start_app: StartApp) -> None:
    app = await start_app(listen=True)
    seen = await say_in_hall(app, "Tabs are better than spaces.")
    await ask_beside(app, seen, "What is for lunch?")
    await app.wait_until_over()
    (row,) = await app.store.runs()
    assert "Tabs" not in str((await app.store.read(row.run))[0].fact)
    assert app.find_calls("conversations.replies") == []


async def test_where_nobody_knows_which_message_nothing_starts(start_app: StartApp) -> None:
    app = await start_app(listen=True)
    [told] = await ask_beside(app, None)
    assert "I do not see which message" in told.text
    assert await app.store.runs() == []


async def test_a_message_that_is_gone_starts_nothing(start_app: StartApp) -> None:
    app = await start_app(listen=True)
    gone = await say_in_hall(app, "Tabs are better than spaces.")
    app.server.world.posts[gone].deleted = True
    [told] = await ask_beside(app, gone)
    assert "I cannot read the message that you are looking at: the thread is gone." in told.text
    assert await app.store.runs() == []


def test_the_prompt_is_there_where_the_app_may_read_channels() -> None:
    assert (LOOKED_AT in render_manifest(True), LOOKED_AT in render_manifest(False)) == (True, False)
