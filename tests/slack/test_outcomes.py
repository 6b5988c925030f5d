"""What became of a decision on Slack: asked for in its thread, once its starter has agreed, and told by a button."""

from __future__ import annotations

import time

from bot.actions.outcomes import ask_due
from bot.domain.facts import AskLater, OutcomeMarked
from bot.engine.thread import LATER_QUESTION
from tests.support.slack_app import wait_until
from tests.support.slack_messages import press, read_text
from tests.support.slack_restarts import SlackRestarts


async def test_a_question_stands_in_the_thread_and_is_answered(slack_restarts: SlackRestarts) -> None:
    app = await slack_restarts.start()
    await app.ask()
    board = await app.find_board()
    await app.wait_until_over()
    assert await app.store.unfinished_runs() == []
    [row] = await app.store.runs()
    await app.store.append(row.run, [AskLater(f"slack:{app.team.id}:{app.ann.id}", time.time())])
    stood = len(app.thread_messages(board))
    assert await ask_due(app.store, time.time()) == [row.run]
    await slack_restarts.stop()
    app = await slack_restarts.start()
    await wait_until(lambda: LATER_QUESTION in read_text(app.thread_messages(board)[-1]))
    asked = app.thread_messages(board)[-1]
    assert (len(app.thread_messages(board)), asked.notified) == (stood + 1, ())
    await press(app, asked, "was_right")
    await wait_until(lambda: any(n.text == "Noted: it was right." for n in app.server.world.ephemerals))
    assert [e.fact.mark for e in await app.store.read(row.run) if isinstance(e.fact, OutcomeMarked)] == ["right"]
