"""Thinking that was shown, on Slack: what a closing tag shows to have been none of the answer leaves the messages."""

from __future__ import annotations

import asyncio

import pytest

from bot.models.deltas import Delta
from tests.support.slack_app import StartApp, wait_until
from tests.support.slack_messages import read_text

THOUGHT = "Okay, the user asks about tabs. "


@pytest.mark.parametrize("place", ["a channel", "a direct message"])
async def test_thinking_that_was_shown_leaves_the_messages(start_app: StartApp, place: str) -> None:
    release = asyncio.Event()
    answered = Delta(0.0, "Tabs, surely.", thinking=THOUGHT, restarts=True)
    drip = ["Hm. ", 0.1] * 30  # a stream shows what has stayed the same between two looks
    app = await start_app(lines={"ada": [THOUGHT, *drip, release, answered], "bob": ["Spaces."]})
    where = app.hall.id if place == "a channel" else app.server.world.im(app.ann.id).id
    if place == "a channel":
        await app.ask()
    else:
        await (await app.server.people.say(app.ann.id, where, "compare tabs or spaces"))
    count = 1 if place == "a channel" else 2  # the board comes after the message that asks
    await wait_until(lambda: len(app.server.world.messages(where)) == count)
    board = app.server.world.messages(where)[-1]

    def said() -> list[str]:
        return [f"{read_text(m)} {m.text}" for m in app.thread_messages(board)]

    await wait_until(lambda: sum("Okay, the user" in text for text in said()) == 1)
    release.set()
    await app.wait_until_over()
    assert sum("Tabs, surely." in text for text in said()) == 1
    assert not any("Okay" in text for text in said())
