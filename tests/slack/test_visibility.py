"""Reveal, blind and guess who on Slack, over the wire."""

from __future__ import annotations

import re

from tests.servers.slack.world import Message
from tests.support.slack_app import App, StartApp, wait_until
from tests.support.slack_messages import find_button, has_button, press, press_more, read_text
from tests.support.slack_restarts import SlackRestarts

NAMES = ("Ada", "Bob", '"ada', '"bob', "/ada", "/bob", "openai")
QUIET = {"ada": ["Tabs."], "bob": ["Spaces."]}
VOTE_S = 600.0
FIGURES = re.compile(r"\d tokens|\$\d|free|unknown|\d s · \d")  # which would tell models apart


def read_sent(a: App) -> str:
    """Return everything that the app has sent to Slack."""
    return repr([(r.method, r.args) for r in a.server.requests])


async def find_turns(a: App, board: Message, words: str, count: int) -> list[Message]:
    """Return the messages of the thread with these words, once there are so many."""

    def found() -> list[Message]:
        return [m for m in a.thread_messages(board) if words in read_text(m)]

    await wait_until(lambda: len(found()) == count)
    return found()


async def find_offering(a: App, board: Message, name: str) -> Message:
    """Return the message of the thread with that button, once there is one."""
    await wait_until(lambda: any(has_button(m, name) for m in a.thread_messages(board)))
    return next(m for m in a.thread_messages(board) if has_button(m, name))


async def test_answers_wait_for_each_other_and_are_shown_together(start_app: StartApp) -> None:
    app = await start_app(lines={"ada": ["Tabs."], "bob": [60.0]}, vote_s=VOTE_S)
    await app.ask("which? --reveal together")
    board = await app.find_board()
    await find_turns(app, board, "Ada is done: 5 characters, not shown yet.", 1)
    await wait_until(lambda: has_button(board, "reveal"))
    assert "Tabs." not in read_sent(app)
    await press(app, await find_offering(app, board, "skip"), "skip")
    await find_turns(app, board, "Tabs.", 1)
    await wait_until(lambda: not has_button(board, "reveal"))


async def test_answers_are_revealed_on_demand_by_a_button_and_by_a_command(start_app: StartApp) -> None:
    app = await start_app(lines=QUIET, vote_s=VOTE_S)
    await app.ask("which? --reveal on-demand")
    board = await app.find_board()
    end = await find_offering(app, board, "follow_up")
    assert "What was said is still hidden" in read_text(end)
    assert "Tabs." not in read_sent(app)
    await press(app, end, "reveal")
    assert (await app.read_ephemerals())[0].startswith("Revealed")
    await find_turns(app, board, "Tabs.", 1)
    await find_offering(app, board, "vote")
    await app.ask("and semicolons? --reveal demand")
    other = await app.find_board(1)
    run = find_button(await find_offering(app, other, "follow_up"), "reveal").split(":")[1]
    await app.ask(f"reveal {run}", "/moot")
    await find_turns(app, other, "Tabs.", 1)


async def test_nobody_knows_who_is_who_until_the_vote_has_closed(start_app: StartApp) -> None:
    app = await start_app(lines=QUIET, vote_s=VOTE_S)
    await app.ask("which? --blind yes", "/council")
    board = await app.find_board()
    end = await find_offering(app, board, "vote")
    await press(app, end, "vote", about="a")
    assert await app.read_ephemerals() == ["Your vote is Speaker A's."]
    assert "council of Speaker A, Speaker B" in read_text(board)
    assert {m.username for m in app.thread_messages(board)} >= {"Speaker A", "Speaker B"}
    assert [name for name in NAMES if name in read_sent(app).replace("'", '"')] == []
    assert FIGURES.findall(read_sent(app)) == []
    await press_more(app.server, end, "close", app.ann.id)
    first, *_ = await find_turns(app, board, "** (was Speaker A)", 1)
    who = read_text(first).split("**")[1]
    assert first.username == "Speaker A"  # a name that was sent stays
    await wait_until(lambda: f"Speaker A was {who}" in read_text(end) and f"Votes: {who} 1." in read_text(end))


async def test_guesses_are_counted_when_names_are_told(start_app: StartApp) -> None:
    app = await start_app(lines=QUIET, vote_s=VOTE_S)
    await app.ask("which? --guess yes")
    board = await app.find_board()
    end, card = await find_offering(app, board, "vote"), await find_offering(app, board, "guess")
    await press(app, card, "guess", about="a")
    await wait_until(lambda: len(app.server.world.views) == 1)
    [view] = app.server.world.views.values()
    [field] = view.body["blocks"]
    assert [option["value"] for option in field["element"]["options"]] == ["Ada", "Bob"]
    await (await app.server.people.submit(app.ann.id, view.id, {"name": "Ada"}))
    assert await app.read_ephemerals() == ["You guess that Speaker A is Ada."]
    await press_more(app.server, end, "close", app.ann.id)
    [told] = await find_turns(app, board, "Speaker A was", 1)
    right = "Speaker A was Ada" in read_text(told)
    await wait_until(lambda: f"Guessed right: ann {int(right)} of 1" in read_text(card))
    assert not has_button(card, "guess")


async def test_figures_stay_hidden_after_a_restart_until_names_are_told(slack_restarts: SlackRestarts) -> None:
    app = await slack_restarts.start(lines={"ada": ["Tabs."], "bob": [60.0]}, vote_s=VOTE_S)
    await app.ask("which? --blind yes", "/compare")
    board = await app.find_board()
    await find_turns(app, board, "Tabs.", 1)
    await app.wait_until_stored(3)
    await slack_restarts.stop()
    app = await slack_restarts.start(lines=QUIET, vote_s=VOTE_S)
    end = await find_offering(app, board, "vote")
    await wait_until(lambda: "Result:" in read_text(board))
    run = find_button(end, "more").split(":")[1]
    await app.ask(f"show {run}", "/moot")
    await wait_until(lambda: any(file.done for file in app.server.world.files.values()))
    (file,) = app.server.world.files.values()
    assert file.content is not None
    assert FIGURES.findall(read_sent(app) + file.content.decode()) == []
    await press_more(app.server, end, "close", app.ann.id)
    await wait_until(lambda: bool(FIGURES.search(read_text(end))) and bool(FIGURES.search(read_text(board))))
