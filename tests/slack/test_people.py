"""How people speak with the app on Slack besides commands: mentions, threads, reactions, shortcuts, direct messages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.servers.slack import Ref
from tests.servers.slack.world import Message
from tests.slack.test_runs import action, press, says
from tests.support.slack_app import SLOW, App, run_app, wait_until

NEXT = "black_right_pointing_double_triangle_with_vertical_bar"
ASKED = {"ada": ["Tabs ", 60.0], "bob": ["Spaces."]}


async def say(a: App, text: str, thread: str | None = None, **more: Any) -> Ref:
    """A message in the channel that mentions the app."""
    delivery = await (await a.server.people.say(a.ann.id, a.hall.id, text, thread, mention=True, **more))
    return Ref(a.hall.id, delivery.event["ts"])


async def test_a_mention_asks_the_council_and_one_in_the_thread_is_a_remark(tmp_path: Path) -> None:
    async with run_app(tmp_path / "moot.db", lines=SLOW) as a:
        await say(a, "tabs &amp; spaces?")
        board = await a.find_board(1)
        assert "tabs & spaces?" in says(board).replace("\\", "")
        await wait_until(lambda: len(a.thread_messages(board)) == 2)
        await say(a, "think of the diff", board.ts)
        assert (await a.read_ephemerals())[0].startswith("Passed on")
        await press(a, board, "stop")
        await a.wait_until_over()


async def test_a_mention_in_a_thread_names_a_command_and_its_options(tmp_path: Path) -> None:
    async with run_app(tmp_path / "moot.db") as a:
        where = await a.server.people.say(a.ann.id, a.hall.id, "we quarrel")
        ts = where.event["ts"]
        await say(a, "debate tabs or spaces --rounds 1", ts)
        await wait_until(lambda: len(a.server.world.messages(a.hall.id, ts)) > 4)
        await a.wait_until_over()
        thread = a.server.world.messages(a.hall.id, ts)
        assert "debate" in says(thread[2])
        assert all(m.thread_ts == ts for m in thread[1:])
        await say(a, "debate", ts)
        assert "Write the question behind it" in (await a.read_ephemerals())[0]


async def test_a_mention_with_a_file_brings_it_along(tmp_path: Path) -> None:
    async with run_app(tmp_path / "moot.db") as a:
        await say(a, "what is wrong here?", files=[("code.py", b"print('tabs')\n")])
        await a.find_board(1)
        await a.wait_until_over()
        asked = str([part for _, ask in a.speaker.asked for part in ask.parts])
        assert "print('tabs')" in asked


async def test_reactions_vote_skip_and_stop(tmp_path: Path) -> None:
    async with run_app(tmp_path / "moot.db", lines=SLOW, vote_s=60.0) as a:
        await a.ask()
        board = await a.find_board()
        await wait_until(lambda: len(a.thread_messages(board)) == 2)
        ada, bob = a.thread_messages(board)
        people = a.server.people
        await (await people.react(a.ann.id, ada, NEXT))
        await wait_until(lambda: a.speaker.speaking == 1)
        await (await people.react(a.ann.id, bob, "+1"))
        await (await people.react(a.ann.id, board, "octagonal_sign"))
        await wait_until(lambda: len(a.thread_messages(board)) == 3)
        (run,) = await a.store.runs()
        facts = [type(entry.fact).__name__ for entry in await a.store.read(run.run)]
        assert {"SkipAsked", "VoteCast", "Stopped"} <= set(facts)
        await (await people.unreact(a.ann.id, bob, "+1"))
        await press(a, a.thread_messages(board)[-1], "close")
        await a.wait_until_over()
        facts = [type(entry.fact).__name__ for entry in await a.store.read(run.run)]
        assert facts.index("VoteWithdrawn") < facts.index("VoteClosed")


async def test_the_shortcuts_of_messages(tmp_path: Path) -> None:
    async with run_app(tmp_path / "moot.db") as a:
        people = a.server.people
        said = Ref(a.hall.id, (await people.say(a.ann.id, a.hall.id, "tabs?")).event["ts"])
        await (await people.shortcut(a.ann.id, said, "moot:ask_about"))

        def thread() -> list[Message]:
            return a.server.world.messages(a.hall.id, said.ts)

        await wait_until(lambda: len(thread()) > 4)
        await a.wait_until_over()
        seat = next(m for m in thread() if m.username == "🟦 Ada")
        await (await people.shortcut(a.ann.id, seat, "moot:ask_seat"))
        await wait_until(lambda: len(a.server.world.views) == 1)
        await (await people.submit(a.ann.id, next(iter(a.server.world.views)), {"question": "why?"}))
        before = len(thread())
        await wait_until(lambda: len(thread()) > before)
        await a.wait_until_over()
        await (await people.shortcut(a.ann.id, said, "moot:send_to"))
        await wait_until(lambda: len(a.server.world.views) == 2)
        before = len(thread())
        await (await people.submit(a.ann.id, list(a.server.world.views)[1], {"model": "bob", "note": "and you?"}))
        await wait_until(lambda: len(thread()) > before)
        await a.wait_until_over()
        await (await people.shortcut(a.ann.id, said, "moot:remove"))
        assert "That is no seat's message" in (await a.read_ephemerals())[0]
        asked = str([part for _, ask in a.speaker.asked for part in ask.parts])
        assert "and you?" in asked
        assert "tabs?" in asked


async def test_a_moderator_removes_a_turn_by_its_shortcut(tmp_path: Path) -> None:
    async with run_app(tmp_path / "moot.db") as a:
        boss = a.server.world.add_user(a.team.id, "boss", "owner")
        a.hall.members.append(boss.id)
        await a.ask()
        board = await a.find_board()
        await a.wait_until_over()
        await (await a.server.people.shortcut(boss.id, a.thread_messages(board)[0], "moot:remove"))
        assert "Removed what" in (await a.read_ephemerals())[0]


async def test_the_home_tab_shows_runs_and_panels(tmp_path: Path) -> None:
    async with run_app(tmp_path / "moot.db", lines=SLOW) as a:
        await a.ask("tabs <or> spaces")
        board = await a.find_board()
        await (await a.server.people.open_home(a.ann.id))
        await wait_until(lambda: a.ann.id in a.server.world.homes)
        shown = str(a.server.world.homes[a.ann.id].body["blocks"])
        assert "tabs &lt;or&gt; spaces" in shown
        assert "*default* (usual here): ada, bob" in shown
        await press(a, board, "stop")
        await a.wait_until_over()


async def test_plain_words_in_a_thread_are_remarks_only_where_the_app_listens(tmp_path: Path) -> None:
    async with run_app(tmp_path / "moot.db", lines=SLOW, listen=True) as a:
        await a.ask()
        board = await a.find_board()
        await (await a.server.people.say(a.ann.id, a.hall.id, "think of the diff", board.ts))
        (run,) = await a.store.runs()
        await wait_until(
            lambda: (
                "Interjected" in [type(e.fact).__name__ for e in a.supervisor._conductors[run.run].transcript.entries]
            )
        )
        await press(a, board, "stop")
        await a.wait_until_over()


@pytest.mark.parametrize(
    ("kind", "told"), [("guest", "full members"), ("single_channel_guest", "full members"), ("stranger", "own people")]
)
async def test_guests_and_outsiders_are_refused(tmp_path: Path, kind: Any, told: str) -> None:
    async with run_app(tmp_path / "moot.db") as a:
        eve = a.server.world.add_user(a.team.id, "eve", kind)
        a.hall.members.append(eve.id)
        await a.ask(user=eve.id)
        assert told in (await a.read_ephemerals())[0]
        assert a.channel_messages() == []


async def test_guests_may_where_a_setting_allows_it(tmp_path: Path) -> None:
    async with run_app(tmp_path / "moot.db", settings={"allow_guests": True}) as a:
        eve = a.server.world.add_user(a.team.id, "eve", "guest")
        a.hall.members.append(eve.id)
        await a.ask(user=eve.id)
        await a.find_board()
        await a.wait_until_over()


@pytest.mark.parametrize("method", ["users.info", "conversations.info"])
async def test_who_or_what_cannot_be_read_is_refused(tmp_path: Path, method: str) -> None:
    async with run_app(tmp_path / "moot.db") as a:
        a.server.faults.fail(method, "internal_error")
        await a.ask()
        assert "I could not find out" in (await a.read_ephemerals())[0]
        assert a.channel_messages() == []


async def test_a_channel_shared_with_others_is_refused_unless_allowed(tmp_path: Path) -> None:
    async with run_app(tmp_path / "moot.db") as a:
        a.hall.ext_shared = True
        await a.ask()
        assert "shared with another organisation" in (await a.read_ephemerals())[0]
    async with run_app(tmp_path / "other.db", settings={"allow_shared_channels": True}) as a:
        a.hall.ext_shared = True
        await a.ask()
        await a.find_board()
        await a.wait_until_over()


async def test_an_outsider_in_a_shared_channel_cannot_press(tmp_path: Path) -> None:
    async with run_app(tmp_path / "moot.db", lines=SLOW, settings={"allow_shared_channels": True}) as a:
        other = a.server.world.add_team("rival", installed=False)
        eve = a.server.world.add_user(other.id, "eve", "admin")
        a.hall.members.append(eve.id)
        await a.ask()
        board = await a.find_board()
        await (await a.server.people.click(eve.id, board, action(board, "stop")))
        assert "own people" in (await a.read_ephemerals())[0]
        await press(a, board, "stop")
        await a.wait_until_over()
