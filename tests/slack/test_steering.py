"""How people steer the course of a run on Slack: pauses, seats, objections, votes on rounds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tests.servers.slack.world import Message, User, UserKind
from tests.support.slack_app import LINES, App, StartApp, wait_until
from tests.support.slack_messages import has_button, press, read_text
from tests.support.slack_restarts import SlackRestarts
from tests.support.speakers import Step

HELD: Mapping[str, Sequence[Step]] = {"ada": ["Tabs win."], "bob": ["Spaces ", 600.0]}  # Bob's turn is to be skipped


def add_member(a: App, name: str, role: UserKind = "member") -> User:
    user = a.server.world.add_user(a.team.id, name, role)
    a.hall.members.append(user.id)
    return user


async def start_debate(app: App, options: str = "--rounds 2") -> tuple[Message, Message]:
    """Start a debate in which Ada has spoken and Bob goes on; return its board and Bob's turn."""
    await app.ask(f"tabs or spaces {options}", "/debate")
    board = await app.find_board()
    await wait_until(lambda: len(find_turns(app, board)) == 2 and "Tabs win." in read_text(find_turns(app, board)[0]))
    return board, find_turns(app, board)[1]


def find_turns(a: App, board: Message) -> list[Message]:
    """Return the debaters' messages in the thread."""
    return [m for m in a.thread_messages(board) if m.username]


def find_cards(a: App, board: Message, words: str) -> list[Message]:
    return [m for m in a.thread_messages(board) if words in read_text(m)]


async def say(a: App, user: str, board: Message, text: str) -> None:
    """Write a command in the thread, where Slack has no slash commands."""
    await (await a.server.people.say(user, a.hall.id, text, thread_ts=board.ts, mention=True))


async def skip(a: App, turn: Message) -> None:
    """Skip Bob's turn; he speaks at once from then on."""
    a.speaker.lines = LINES
    await press(a, turn, "skip")


async def test_a_pause_outlasts_a_restart(slack_restarts: SlackRestarts) -> None:
    app = await slack_restarts.start(lines=HELD)
    board, turn = await start_debate(app)
    bob = add_member(app, "bob")
    await press(app, board, "pause", bob.id)
    await wait_until(lambda: bool(slack_restarts.server.world.ephemerals))
    assert slack_restarts.server.world.ephemerals[0].text == "Pause is for ann and moderators."
    await press(app, board, "pause")
    await wait_until(lambda: "ann has paused this run" in read_text(board) and has_button(board, "resume"))
    await skip(app, turn)
    await wait_until(lambda: has_button(turn, "object"))
    asked = len(app.speaker.asked)
    assert asked == 2
    await slack_restarts.stop()
    app = await slack_restarts.start(lines=LINES)
    await say(app, app.ann.id, board, "moot pause")
    assert (await app.read_ephemerals(4))[-1] == "ann has paused it already."
    assert app.speaker.asked == []
    await press(app, board, "resume")
    await app.wait_until_over()
    assert [seat for seat, _ in app.speaker.asked[:2]] == ["ada", "bob"]
    assert "Paused" not in read_text(board)


async def test_a_seat_joins_and_another_leaves_in_mid_turn(start_app: StartApp) -> None:
    app = await start_app(lines=HELD)
    board, turn = await start_debate(app)
    await say(app, app.ann.id, board, "moot add ada --persona skeptic")
    assert (await app.read_ephemerals())[-1] == "Ada (skeptic) joins the table from round 2 on."
    await say(app, app.ann.id, board, "moot drop bob")
    assert (await app.read_ephemerals(2))[-1] == "Bob leaves the table; what it has said stays shown."
    await wait_until(lambda: "dropped by ann · skipped" in read_text(turn))
    assert read_text(turn).startswith("Spaces")
    await app.wait_until_over()
    assert "Bob did not finish its opening (dropped)" in read_text(app.thread_messages(board)[-1])
    assert [seat for seat, _ in app.speaker.asked[:4]] == ["ada", "bob", "ada", "ada:2"]
    assert "Dropped: Bob (by ann)" in read_text(board)


async def test_the_most_upvoted_objection_is_answered_first(start_app: StartApp) -> None:
    app = await start_app(lines=HELD)
    bob, cyd = add_member(app, "bob"), add_member(app, "cyd")
    board, turn = await start_debate(app)
    ada = find_turns(app, board)[0]
    await wait_until(lambda: has_button(ada, "object"))
    await press(app, ada, "object", bob.id)
    await wait_until(lambda: bool(app.server.world.views))
    (view,) = app.server.world.views.values()
    await (await app.server.people.submit(bob.id, view.id, {"text": "What of the cost?"}))
    await wait_until(lambda: bool(find_cards(app, board, "What of the cost?")))
    await say(app, cyd.id, board, "object Bob, define space!")
    await wait_until(lambda: bool(find_cards(app, board, "Bob, define space!")))
    (first,), (second,) = find_cards(app, board, "What of the cost?"), find_cards(app, board, "Bob, define space!")
    assert "to Ada" in read_text(first)
    await press(app, second, "upvote", bob.id)
    await app.wait_until_stored(5)
    await (await app.server.people.react(app.ann.id, second, "+1"))
    await wait_until(lambda: "▲ 2 · answered first in round 2" in read_text(second))
    await (await app.server.people.unreact(app.ann.id, second, "+1"))
    await wait_until(lambda: "▲ 1 · answered first in round 2" in read_text(second))
    await wait_until(lambda: "round 2 answers cyd's objection first (▲ 1)" in read_text(board))
    await skip(app, turn)
    await app.wait_until_over()
    closing = {seat: str(ask) for seat, ask in app.speaker.asked[2:4]}
    assert "objection from cyd, to be answered first" in closing["bob"]
    assert "objection from cyd, put to Bob" in closing["ada"]
    assert "answered in round 2 by Bob" in read_text(second)
    assert "not answered: no round was left" in read_text(first)
    assert not has_button(first, "upvote")


async def test_people_vote_on_the_next_round(app: App) -> None:
    bob, boss = add_member(app, "bob"), add_member(app, "boss", "admin")
    await app.ask("tabs or spaces --rounds 3 --next vote", "/debate")
    board = await app.find_board()
    await wait_until(lambda: bool(find_cards(app, board, "Go on to round 2 of 3")))
    (vote,) = find_cards(app, board, "Go on to round 2 of 3")
    await press(app, vote, "end_here", bob.id)
    await wait_until(lambda: "1 has voted." in read_text(vote))
    await press(app, vote, "next", bob.id)
    await wait_until(lambda: any(e.text == "Next is for ann and moderators." for e in app.server.world.ephemerals))
    await press(app, vote, "next", boss.id)
    await wait_until(
        lambda: "The debate went on: boss pressed Next." in read_text(vote) and not has_button(vote, "go_on")
    )
    await wait_until(lambda: bool(find_cards(app, board, "Go on to round 3 of 3")))
    (vote,) = find_cards(app, board, "Go on to round 3 of 3")
    await press(app, vote, "end_here", bob.id)
    await wait_until(lambda: "1 has voted." in read_text(vote))
    await press(app, vote, "close_round")
    await app.wait_until_over()
    assert "The debate ended after round 2 of 3, by vote." in read_text(app.thread_messages(board)[-1])
    assert "The debate ended: 1 voted to end, 0 to go on." in read_text(vote)
