"""Runs on Slack, end to end: what is asked by a command becomes a board, a thread and an end."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from commands.debate import DebateOptions
from tests.servers.slack.world import Message
from tests.support.slack_app import SLOW, App, run_app, wait_until


def action(message: Message, name: str, about: str = "") -> str:
    """The action id of the button of that name under a message."""
    for block in message.blocks:
        for element in block.get("elements", ()):
            parts = element.get("action_id", "").split(":", 3)
            if len(parts) == 4 and parts[2] == name and parts[3].startswith(about):
                return str(element["action_id"])
    raise AssertionError(f"no button {name!r} under {message.text!r}")


def offers(message: Message, name: str) -> bool:
    return any(f":{name}:" in e.get("action_id", "") for b in message.blocks for e in b.get("elements", ()))


async def press(a: App, message: Message, name: str, user: str = "", about: str = "") -> None:
    await (await a.server.people.click(user or a.ann.id, message, action(message, name, about)))


def says(message: Message) -> str:
    return "\n".join(block["text"] for block in message.blocks if block["type"] == "markdown")


@pytest.mark.parametrize("http", [False, True], ids=["sockets", "HTTP"])
async def test_a_comparison_from_the_command_to_its_end(tmp_path: Path, http: bool) -> None:
    async with run_app(tmp_path / "moot.db", http=http) as a:
        await a.ask("tabs or spaces")
        board = await a.find_board()
        await a.wait_until_over()
        thread = a.thread_messages(board)
        assert [m.username for m in thread[:2]] == ["🟦 Ada", "🟩 Bob"]
        assert [says(m).split("\n")[0] for m in thread[:2]] == ["Tabs win.", "Spaces win."]
        assert thread[-1].notified == (a.ann.id,)
        assert not any(m.broadcast for m in thread)
        assert [request.error for request in a.server.requests if request.error] == []
        assert "tabs or spaces" in says(board)


@pytest.mark.parametrize("http", [False, True], ids=["sockets", "HTTP"])
async def test_a_debate_with_options_in_its_text(tmp_path: Path, http: bool) -> None:
    async with run_app(tmp_path / "moot.db", http=http) as a:
        await a.ask("tabs or spaces --rounds 1 --panel default", "/debate")
        board = await a.find_board()
        await a.wait_until_over()
        thread = a.thread_messages(board)
        assert len(thread) >= 4  # two seats, the judge, the end
        assert all(len(m.text) <= 4_000 for m in thread)
        assert [m.notified for m in thread if m.notified] == [(a.ann.id,)]


async def test_placeholders_go_out_together_in_the_order_of_the_panel(tmp_path: Path) -> None:
    async with run_app(tmp_path / "moot.db", lines={"ada": [60.0], "bob": [60.0]}) as a:
        await a.ask()
        board = await a.find_board()
        await wait_until(lambda: len(a.thread_messages(board)) == 2)
        assert [m.edits[0].text for m in a.thread_messages(board)] == [
            "🟦 Ada is answering: Ada is thinking…",
            "🟩 Bob is answering: Bob is thinking…",
        ]
        assert all(offers(m, "skip") for m in a.thread_messages(board))


async def test_a_seat_is_skipped_by_its_button_and_the_run_stopped_on_the_board(tmp_path: Path) -> None:
    async with run_app(tmp_path / "moot.db", lines=SLOW) as a:
        await a.ask()
        board = await a.find_board()
        await wait_until(lambda: len(a.thread_messages(board)) == 2)
        await press(a, a.thread_messages(board)[0], "skip")
        assert "is skipped" in (await a.read_ephemerals())[0]
        await wait_until(lambda: a.speaker.speaking == 1)
        await press(a, board, "stop")
        await a.wait_until_over()
        assert "Stopped; what was said is kept." in await a.read_ephemerals(2)
        assert "Spaces" in says(a.thread_messages(board)[1])
        assert not any(offers(m, "skip") for m in a.thread_messages(board))


async def test_what_somebody_may_not_do_is_told_to_them_alone(tmp_path: Path) -> None:
    async with run_app(tmp_path / "moot.db", lines=SLOW) as a:
        bob = a.server.world.add_user(a.team.id, "bob")
        a.hall.members.append(bob.id)
        await a.ask()
        board = await a.find_board()
        await press(a, board, "stop", bob.id)
        await a.read_ephemerals()
        (told,) = a.server.world.ephemerals
        assert (told.user, told.text) == (bob.id, "Stop is for ann and moderators.")
        boss = a.server.world.add_user(a.team.id, "boss", "admin")
        a.hall.members.append(boss.id)
        await press(a, board, "stop", boss.id)
        await a.wait_until_over()


async def test_what_may_be_done_at_the_end(tmp_path: Path) -> None:
    async with run_app(tmp_path / "moot.db") as a:
        await a.ask()
        board = await a.find_board()
        await a.wait_until_over()
        end = a.thread_messages(board)[-1]
        await press(a, end, "export")
        files = a.server.world.files
        await wait_until(lambda: any(f.done for f in files.values()))
        (file,) = files.values()
        assert file.content is not None
        assert "Tabs win." in file.content.decode()
        assert [a.server.world.channels[c].kind for c in file.channels] == ["im"]
        await press(a, end, "share")
        await wait_until(lambda: any(m.broadcast for m in a.thread_messages(board)))
        await press(a, end, "run_again")
        await wait_until(lambda: len(a.thread_messages(board)) > 4)
        await a.wait_until_over()
        await press(a, end, "delete")
        await wait_until(lambda: board.deleted)


async def test_a_follow_up_is_asked_for_in_a_modal(tmp_path: Path) -> None:
    async with run_app(tmp_path / "moot.db") as a:
        await a.ask()
        board = await a.find_board()
        await a.wait_until_over()
        await press(a, a.thread_messages(board)[-1], "follow_up")
        await wait_until(lambda: bool(a.server.world.views))
        (view,) = a.server.world.views.values()
        before = len(a.thread_messages(board))
        await (await a.server.people.submit(a.ann.id, view.id, {"question": "And semicolons?"}))
        await wait_until(lambda: len(a.thread_messages(board)) > before)
        await a.wait_until_over()
        assert any("And semicolons?" in says(m) for m in a.thread_messages(board)[before:])


async def test_a_command_without_text_opens_a_modal_with_every_option(tmp_path: Path) -> None:
    async with run_app(tmp_path / "moot.db") as a:
        await a.ask("", "/debate")
        await wait_until(lambda: bool(a.server.world.views))
        (view,) = a.server.world.views.values()
        assert [b["block_id"] for b in view.body["blocks"]] == list(DebateOptions.model_fields)
        wrong = await (await a.server.people.submit(a.ann.id, view.id, {"question": "?", "rounds": "9"}))
        assert wrong.answer is not None
        assert list(wrong.answer["errors"]) == ["rounds"]
        await (
            await a.server.people.submit(a.ann.id, view.id, {"question": "Tabs?", "rounds": "1", "panel": "default"})
        )
        board = await a.find_board()
        await a.wait_until_over()
        assert "Tabs?" in says(board)


async def test_without_the_scope_for_names_a_heading_stands_above_each_turn(tmp_path: Path) -> None:
    async with run_app(tmp_path / "moot.db") as a:
        a.server.world.tokens[a.team.bot_token].scopes.discard("chat:write.customize")
        await a.ask()
        board = await a.find_board()
        await a.wait_until_over()
        assert [m.username for m in a.thread_messages(board)[:2]] == ["", ""]
        assert says(a.thread_messages(board)[0]).startswith("**🟦 Ada**\n\nTabs win.")


async def test_a_long_turn_is_one_message_and_read_on_tells_the_rest(tmp_path: Path) -> None:
    long = "word " * 4_000
    async with run_app(tmp_path / "moot.db", lines={"ada": [long], "bob": ["short"]}) as a:
        await a.ask()
        board = await a.find_board()
        await a.wait_until_over()
        turn = a.thread_messages(board)[0]
        assert len(says(turn)) <= 12_000
        await press(a, turn, "read_on")
        await a.read_ephemerals(2)
        told = " ".join(b["text"] for e in a.server.world.ephemerals for b in e.blocks)
        assert told.split() == long.split()


async def test_model_text_pings_nobody(tmp_path: Path) -> None:
    evil = "<!channel> <!here> <@U00000001> <#C1> @everyone & <b> ```\n<!channel>\n``` `<!channel>`"
    async with run_app(tmp_path / "moot.db", lines={"ada": [evil], "bob": [evil]}) as a:
        await a.ask(evil)
        board = await a.find_board()
        await a.wait_until_over()
        await press(a, a.thread_messages(board)[-1], "share")
        await wait_until(lambda: any(m.broadcast for m in a.thread_messages(board)))
        everything: list[Any] = [board, *a.thread_messages(board)]
        assert {who for m in everything for who in (*m.notified, *m.mentions)} == {a.ann.id}
