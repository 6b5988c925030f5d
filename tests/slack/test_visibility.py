"""Reveal, blind and guess who on Slack, over the wire."""

from __future__ import annotations

from pathlib import Path

from tests.servers.slack.world import Message
from tests.slack.test_runs import action, offers, press, says
from tests.support.slack_app import App, run_app, wait_until

NAMES = ("Ada", "Bob", '"ada', '"bob', "/ada", "/bob", "openai")
QUIET = {"ada": ["Tabs."], "bob": ["Spaces."]}
VOTE_S = 600.0


def sent(a: App) -> str:
    """Everything that the app has sent to Slack."""
    return repr([(r.method, r.args) for r in a.server.requests])


async def turns(a: App, board: Message, words: str, count: int) -> list[Message]:
    """Once so many messages of the thread read so."""

    def found() -> list[Message]:
        return [m for m in a.thread_messages(board) if words in says(m)]

    await wait_until(lambda: len(found()) == count)
    return found()


async def offering(a: App, board: Message, name: str) -> Message:
    """The message of the thread under which that can be pressed, once there is one."""
    await wait_until(lambda: any(offers(m, name) for m in a.thread_messages(board)))
    return next(m for m in a.thread_messages(board) if offers(m, name))


async def test_answers_wait_for_each_other_and_are_shown_together(tmp_path: Path) -> None:
    async with run_app(tmp_path / "moot.db", lines={"ada": ["Tabs."], "bob": [60.0]}, vote_s=VOTE_S) as a:
        await a.ask("which? --reveal together")
        board = await a.find_board()
        await turns(a, board, "Ada is done: 5 characters, not shown yet.", 1)
        await wait_until(lambda: offers(board, "reveal"))
        assert "Tabs." not in sent(a)
        await press(a, await offering(a, board, "skip"), "skip")
        await turns(a, board, "Tabs.", 1)
        await wait_until(lambda: not offers(board, "reveal"))


async def test_answers_are_revealed_on_demand_by_a_button_and_by_a_command(tmp_path: Path) -> None:
    async with run_app(tmp_path / "moot.db", lines=QUIET, vote_s=VOTE_S) as a:
        await a.ask("which? --reveal on-demand")
        board = await a.find_board()
        end = await offering(a, board, "follow_up")
        assert "What was said is still hidden" in says(end)
        assert "Tabs." not in sent(a)
        await press(a, end, "reveal")
        assert (await a.read_ephemerals())[0].startswith("Revealed")
        await turns(a, board, "Tabs.", 1)
        await offering(a, board, "vote")
        await a.ask("and semicolons? --reveal demand")
        other = await a.find_board(1)
        run = action(await offering(a, other, "follow_up"), "reveal").split(":")[1]
        await a.ask(f"reveal {run}", "/moot")
        await turns(a, other, "Tabs.", 1)


async def test_nobody_knows_who_is_who_until_the_vote_has_closed(tmp_path: Path) -> None:
    async with run_app(tmp_path / "moot.db", lines=QUIET, vote_s=VOTE_S) as a:
        await a.ask("which? --blind yes", "/council")
        board = await a.find_board()
        end = await offering(a, board, "vote")
        await press(a, end, "vote", about="a")
        assert await a.read_ephemerals() == ["Your vote is Speaker A's."]
        assert "council of Speaker A, Speaker B" in says(board)
        assert {m.username for m in a.thread_messages(board)} >= {"🟦 Speaker A", "🟩 Speaker B"}
        assert [name for name in NAMES if name in sent(a).replace("'", '"')] == []
        await press(a, end, "close")
        first, *_ = await turns(a, board, "** (was Speaker A)", 1)
        who = says(first).split("**")[1]
        assert first.username == "🟦 Speaker A"  # a name that was sent stays
        await wait_until(lambda: f"Speaker A was {who}" in says(board) and f"Votes: {who} 1." in says(end))


async def test_guesses_are_counted_when_names_are_told(tmp_path: Path) -> None:
    async with run_app(tmp_path / "moot.db", lines=QUIET, vote_s=VOTE_S) as a:
        await a.ask("which? --guess yes")
        board = await a.find_board()
        end, card = await offering(a, board, "vote"), await offering(a, board, "guess")
        await press(a, card, "guess", about="a")
        await wait_until(lambda: len(a.server.world.views) == 1)
        [view] = a.server.world.views.values()
        [field] = view.body["blocks"]
        assert [option["value"] for option in field["element"]["options"]] == ["Ada", "Bob"]
        await (await a.server.people.submit(a.ann.id, view.id, {"name": "Ada"}))
        assert await a.read_ephemerals() == ["You guess that Speaker A is Ada."]
        await press(a, end, "close")
        [told] = await turns(a, board, "Speaker A was", 1)
        right = "Speaker A was Ada" in says(told)
        await wait_until(lambda: f"Guessed right: ann {int(right)} of 1" in says(card))
        assert not offers(card, "guess")
