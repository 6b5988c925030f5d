"""Runs on Slack, end to end: what is asked by a command becomes a board, a thread and an end."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import pytest

from bot.domain.run import Usage
from bot.models.deltas import Delta
from commands.debate import DebateOptions
from commands.deletion import describe_deletion
from tests.support.slack_app import SLOW, App, StartApp, wait_until
from tests.support.slack_messages import find_action, has_button, press, press_more, read_text
from tests.support.speakers import Step


@pytest.mark.parametrize("http", [False, True], ids=["sockets", "HTTP"])
async def test_a_comparison_from_the_command_to_its_end(start_app: StartApp, http: bool) -> None:
    app = await start_app(http=http)
    await app.ask("tabs or spaces")
    board = await app.find_board()
    await app.wait_until_over()
    thread = app.thread_messages(board)
    assert [m.username for m in thread[:2]] == ["Ada", "Bob"]
    assert [read_text(m).split("\n")[0] for m in thread[:2]] == ["Tabs win.", "Spaces win."]
    assert thread[-1].notified == (app.ann.id,)
    assert not any(m.broadcast for m in thread)
    assert [request.error for request in app.server.requests if request.error] == []
    assert "tabs or spaces" in read_text(board)


@pytest.mark.parametrize("http", [False, True], ids=["sockets", "HTTP"])
async def test_a_debate_with_options_in_its_text(start_app: StartApp, http: bool) -> None:
    app = await start_app(http=http)
    await app.ask("tabs or spaces --rounds 1 --panel default", "/debate")
    board = await app.find_board()
    await app.wait_until_over()
    thread = app.thread_messages(board)
    assert len(thread) >= 4  # two seats, the judge, the end
    assert all(len(m.text) <= 4_000 for m in thread)
    assert [m.notified for m in thread if m.notified] == [(app.ann.id,)]


async def test_placeholders_go_out_together_in_the_order_of_the_panel(start_app: StartApp) -> None:
    app = await start_app(lines={"ada": [60.0], "bob": [60.0]})
    await app.ask()
    board = await app.find_board()
    await wait_until(lambda: len(app.thread_messages(board)) == 2)
    assert [m.edits[0].text for m in app.thread_messages(board)] == [
        "Ada is answering: Ada is thinking…",
        "Bob is answering: Bob is thinking…",
    ]
    assert all(has_button(m, "skip") for m in app.thread_messages(board))


async def test_a_seat_is_skipped_by_its_button_and_the_run_stopped_on_the_board(start_app: StartApp) -> None:
    app = await start_app(lines=SLOW)
    await app.ask()
    board = await app.find_board()
    await wait_until(lambda: len(app.thread_messages(board)) == 2)
    await press(app, app.thread_messages(board)[0], "skip")
    assert "is skipped" in (await app.read_ephemerals())[0]
    await wait_until(lambda: app.speaker.speaking == 1)
    await press(app, board, "stop")
    await app.wait_until_over()
    assert "Stopped; what was said is kept." in await app.read_ephemerals(2)
    assert "Spaces" in read_text(app.thread_messages(board)[1])
    assert not any(has_button(m, "skip") for m in app.thread_messages(board))


async def test_a_seat_is_seen_to_think_and_skipped_meanwhile(
    start_app: StartApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    for step in ("draft.QUIET_S", "draft.STEP_S", "conductor.PROGRESS_S"):
        monkeypatch.setattr(f"bot.engine.{step}", 0.2)
    thought = Delta(0.0, thinking="hm", usage=Usage(7, 1_900, 1_900, "estimated"))
    app = await start_app(lines={"ada": [thought, 600.0], "bob": ["Spaces."]})
    await app.ask()
    board = await app.find_board()
    await wait_until(lambda: len(app.thread_messages(board)) == 2)
    turn = app.thread_messages(board)[0]
    await wait_until(lambda: "Ada is thinking, 1,900 tokens, " in read_text(turn))
    await wait_until(lambda: "Ada: thinking, 1,900 tokens, " in read_text(board))
    await press(app, turn, "skip")
    assert "is skipped" in (await app.read_ephemerals())[0]
    await app.wait_until_over()
    assert "thinking" not in read_text(turn)
    assert "skipped" in read_text(turn)


async def test_what_somebody_may_not_do_is_told_to_them_alone(start_app: StartApp) -> None:
    app = await start_app(lines=SLOW)
    bob = app.server.world.add_user(app.team.id, "bob")
    app.hall.members.append(bob.id)
    await app.ask()
    board = await app.find_board()
    await press(app, board, "stop", bob.id)
    await app.read_ephemerals()
    (told,) = app.server.world.ephemerals
    assert (told.user, told.text) == (bob.id, "Stop is for ann and moderators.")
    boss = app.server.world.add_user(app.team.id, "boss", "admin")
    app.hall.members.append(boss.id)
    await press(app, board, "stop", boss.id)
    await app.wait_until_over()


async def test_what_may_be_done_at_the_end(app: App) -> None:
    await app.ask()
    board = await app.find_board()
    await app.wait_until_over()
    end = app.thread_messages(board)[-1]
    await press_more(app.server, end, "export", app.ann.id)
    files = app.server.world.files
    await wait_until(lambda: any(f.done for f in files.values()))
    (file,) = files.values()
    assert file.content is not None
    assert "Tabs win." in file.content.decode()
    assert [app.server.world.channels[c].kind for c in file.channels] == ["im"]
    await press_more(app.server, end, "share", app.ann.id)
    await wait_until(lambda: any(m.broadcast for m in app.thread_messages(board)))
    await press(app, end, "run_again")
    await wait_until(lambda: len(app.thread_messages(board)) > 4)
    await app.wait_until_over()
    await press_more(app.server, end, "delete", app.ann.id)
    await wait_until(lambda: any(n.text.startswith("Delete this run") for n in app.server.world.ephemerals))
    notice = next(n for n in app.server.world.ephemerals if n.text.startswith("Delete this run"))
    assert not board.deleted
    await (await app.server.people.click_ephemeral(notice, find_action(notice, "delete_now")))
    await wait_until(lambda: board.deleted)


async def test_an_export_as_a_card_is_a_picture_and_says_what_it_needs(
    app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    await app.ask()
    await app.find_board()
    await app.wait_until_over()
    [run] = [row.run for row in await app.store.runs()]
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, "resvg_py", None)
        patch.delitem(sys.modules, "bot.records.card_picture", raising=False)
        await app.ask(f"export {run} --format card", "/moot")
        assert (await app.read_ephemerals())[0].startswith("Cards need a library that is not installed")
    pytest.importorskip("resvg_py", reason="the extra cards is not installed")
    await app.ask(f"export {run} --format card", "/moot")
    files = app.server.world.files
    await wait_until(lambda: any(f.done for f in files.values()))
    [file] = files.values()
    assert file.content is not None
    assert (file.title, file.content[:4]) == (f"moot-{run}.png", b"\x89PNG")
    assert [app.server.world.channels[c].kind for c in file.channels] == ["im"]


async def test_before_a_run_is_deleted_its_messages_are_counted(app: App) -> None:
    await app.ask()
    board = await app.find_board()
    await app.wait_until_over()
    await app.server.people.say(app.ann.id, app.hall.id, "Thanks!", thread_ts=board.ts)
    await press_more(app.server, app.thread_messages(board)[-2], "delete", app.ann.id)
    await wait_until(lambda: any(has_button(n, "delete_now") for n in app.server.world.ephemerals))
    notice = next(n for n in app.server.world.ephemerals if has_button(n, "delete_now"))
    ours = [board, *app.thread_messages(board)[:-1]]
    assert notice.text == describe_deletion(len(ours))
    await (await app.server.people.click_ephemeral(notice, find_action(notice, "delete_now")))
    await wait_until(lambda: all(message.deleted for message in ours))
    assert [m.text for m in app.server.world.posts.values() if not m.deleted] == ["Thanks!"]


async def test_a_follow_up_is_asked_for_in_a_modal(app: App) -> None:
    await app.ask()
    board = await app.find_board()
    await app.wait_until_over()
    await press(app, app.thread_messages(board)[-1], "follow_up")
    await wait_until(lambda: bool(app.server.world.views))
    (view,) = app.server.world.views.values()
    before = len(app.thread_messages(board))
    await (await app.server.people.submit(app.ann.id, view.id, {"question": "And semicolons?"}))
    await wait_until(lambda: len(app.thread_messages(board)) > before)
    await app.wait_until_over()
    assert any("And semicolons?" in read_text(m) for m in app.thread_messages(board)[before:])


async def test_a_command_without_text_opens_a_modal_with_every_option(app: App) -> None:
    await app.ask("", "/debate")
    await wait_until(lambda: bool(app.server.world.views))
    (view,) = app.server.world.views.values()
    assert [b["block_id"] for b in view.body["blocks"]] == list(DebateOptions.model_fields)
    wrong = await (await app.server.people.submit(app.ann.id, view.id, {"question": "?", "rounds": "9"}))
    assert wrong.answer is not None
    assert list(wrong.answer["errors"]) == ["rounds"]
    await (
        await app.server.people.submit(app.ann.id, view.id, {"question": "Tabs?", "rounds": "1", "panel": "default"})
    )
    board = await app.find_board()
    await app.wait_until_over()
    assert "Tabs?" in read_text(board)


async def test_without_the_scope_for_names_a_heading_stands_above_each_turn(app: App) -> None:
    app.server.world.tokens[app.team.bot_token].scopes.discard("chat:write.customize")
    await app.ask()
    board = await app.find_board()
    await app.wait_until_over()
    assert [m.username for m in app.thread_messages(board)[:2]] == ["", ""]
    assert read_text(app.thread_messages(board)[0]).startswith("**Ada**\n\nTabs win.")


async def test_a_long_turn_is_one_message_and_read_on_tells_the_rest(start_app: StartApp) -> None:
    long = "word " * 4_000
    app = await start_app(lines={"ada": [long], "bob": ["short"]})
    await app.ask()
    board = await app.find_board()
    await app.wait_until_over()
    turn = app.thread_messages(board)[0]
    assert len(read_text(turn)) <= 12_000
    await press(app, turn, "read_on")
    await app.read_ephemerals(1)
    told = " ".join(b["text"] for e in app.server.world.ephemerals for b in e.blocks)
    assert read_text(turn).split().count("word") + told.split().count("word") == 4_000


async def test_model_text_pings_nobody(start_app: StartApp) -> None:
    evil = "<!channel> <!here> <@U00000001> <#C1> @everyone & <b> ```\n<!channel>\n``` `<!channel>`"
    app = await start_app(lines={"ada": [evil], "bob": [evil]})
    await app.ask(evil)
    board = await app.find_board()
    await app.wait_until_over()
    await press_more(app.server, app.thread_messages(board)[-1], "share", app.ann.id)
    await wait_until(lambda: any(m.broadcast for m in app.thread_messages(board)))
    everything: list[Any] = [board, *app.thread_messages(board)]
    assert {who for m in everything for who in (*m.notified, *m.mentions)} == {app.ann.id}


async def test_a_seat_that_waits_says_so_in_its_message_and_can_be_skipped(start_app: StartApp) -> None:
    waits: Sequence[Step] = [Delta(0.0, notice="Bob: next in line"), 600.0]
    app = await start_app(lines={"ada": ["Tabs win."], "bob": waits})
    await app.ask()
    board = await app.find_board()
    await wait_until(lambda: len(app.thread_messages(board)) == 2)
    turn = app.thread_messages(board)[1]
    await wait_until(lambda: "Bob: next in line" in read_text(turn) and "Bob: next in line" in read_text(board))
    await press(app, turn, "skip")
    await app.wait_until_over()
    assert "in line" not in read_text(turn)
