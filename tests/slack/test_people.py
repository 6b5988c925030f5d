"""How people speak with the app on Slack besides commands: mentions, threads, reactions, shortcuts, direct messages."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.servers.slack import Ref
from tests.servers.slack.world import Message
from tests.support.slack_app import SLOW, App, StartApp, run_app, wait_until
from tests.support.slack_messages import find_button, press, press_more, read_text

NEXT = "black_right_pointing_double_triangle_with_vertical_bar"
ASKED = {"ada": ["Tabs ", 60.0], "bob": ["Spaces."]}


async def say(a: App, text: str, thread: str | None = None, **more: Any) -> Ref:
    """Write a message that mentions the app."""
    delivery = await (await a.server.people.say(a.ann.id, a.hall.id, text, thread, mention=True, **more))
    return Ref(a.hall.id, delivery.event["ts"])


async def test_a_mention_asks_the_council_and_one_in_the_thread_is_a_remark(start_app: StartApp) -> None:
    app = await start_app(lines=SLOW)
    await say(app, "tabs &amp; spaces?")
    board = await app.find_board(1)
    assert "tabs & spaces?" in read_text(board).replace("\\", "")
    await wait_until(lambda: len(app.thread_messages(board)) == 2)
    await say(app, "think of the diff", board.ts)
    assert (await app.read_ephemerals())[0].startswith("Told the models")
    await press(app, board, "stop")
    await app.wait_until_over()


async def test_a_mention_in_a_thread_names_a_command_and_its_options(app: App) -> None:
    where = await app.server.people.say(app.ann.id, app.hall.id, "we quarrel")
    ts = where.event["ts"]
    await say(app, "debate tabs or spaces --rounds 1", ts)
    await wait_until(lambda: len(app.server.world.messages(app.hall.id, ts)) > 4)
    await app.wait_until_over()
    thread = app.server.world.messages(app.hall.id, ts)
    assert "debate" in read_text(thread[2])
    assert all(m.thread_ts == ts for m in thread[1:])
    await say(app, "debate", ts)
    assert "Write the question behind it" in (await app.read_ephemerals())[0]


async def test_a_mention_with_a_file_brings_it_along(app: App) -> None:
    await say(app, "what is wrong here?", files=[("code.py", b"print('tabs')\n")])
    await app.find_board(1)
    await app.wait_until_over()
    asked = str([part for _, ask in app.speaker.asked for part in ask.parts])
    assert "print('tabs')" in asked


async def test_reactions_vote_skip_and_stop(start_app: StartApp) -> None:
    app = await start_app(lines=SLOW, vote_s=60.0)
    await app.ask()
    board = await app.find_board()
    await wait_until(lambda: len(app.thread_messages(board)) == 2)
    ada, bob = app.thread_messages(board)
    people = app.server.people
    await (await people.react(app.ann.id, ada, NEXT))
    await wait_until(lambda: app.speaker.speaking == 1)
    await (await people.react(app.ann.id, bob, "+1"))
    await (await people.react(app.ann.id, board, "octagonal_sign"))
    await wait_until(lambda: len(app.thread_messages(board)) == 3)
    (run,) = await app.store.runs()
    facts = [type(entry.fact).__name__ for entry in await app.store.read(run.run)]
    assert {"SkipAsked", "VoteCast", "Stopped"} <= set(facts)
    await (await people.unreact(app.ann.id, bob, "+1"))
    await press_more(app.server, app.thread_messages(board)[-1], "close", app.ann.id)
    await app.wait_until_over()
    facts = [type(entry.fact).__name__ for entry in await app.store.read(run.run)]
    assert facts.index("VoteWithdrawn") < facts.index("VoteClosed")


async def test_the_shortcuts_of_messages(app: App) -> None:
    people = app.server.people
    said = Ref(app.hall.id, (await people.say(app.ann.id, app.hall.id, "tabs?")).event["ts"])
    await (await people.shortcut(app.ann.id, said, "moot:ask_about"))

    def thread() -> list[Message]:
        return app.server.world.messages(app.hall.id, said.ts)

    await wait_until(lambda: len(thread()) > 4)
    await app.wait_until_over()
    seat = next(m for m in thread() if m.username == "Ada")
    await (await people.shortcut(app.ann.id, seat, "moot:ask_seat"))
    await wait_until(lambda: len(app.server.world.views) == 1)
    await (await people.submit(app.ann.id, next(iter(app.server.world.views)), {"question": "why?"}))
    before = len(thread())
    await wait_until(lambda: len(thread()) > before)
    await app.wait_until_over()
    await (await people.shortcut(app.ann.id, said, "moot:send_to"))
    await wait_until(lambda: len(app.server.world.views) == 2)
    before = len(thread())
    await (await people.submit(app.ann.id, list(app.server.world.views)[1], {"model": "bob", "note": "and you?"}))
    await wait_until(lambda: len(thread()) > before)
    await app.wait_until_over()
    await (await people.shortcut(app.ann.id, said, "moot:remove"))
    assert "That is no seat's message" in (await app.read_ephemerals())[0]
    asked = str([part for _, ask in app.speaker.asked for part in ask.parts])
    assert "and you?" in asked
    assert "tabs?" in asked


async def test_an_edit_of_a_message_that_a_shortcut_asked_about_is_noted(start_app: StartApp) -> None:
    app = await start_app(lines=SLOW, listen=True)
    people = app.server.people
    asked = Ref(app.hall.id, (await people.say(app.ann.id, app.hall.id, "tabs?")).event["ts"])
    await (await people.shortcut(app.ann.id, asked, "moot:ask_about"))
    await wait_until(lambda: len(app.server.world.messages(app.hall.id, asked.ts)) > 1)
    board = app.server.world.messages(app.hall.id, asked.ts)[1]
    await (await people.edit(app.ann.id, asked, "tabs or spaces?"))
    await wait_until(lambda: "edited after the start" in read_text(board))
    await press(app, board, "stop")
    await app.wait_until_over()


async def test_a_moderator_removes_a_turn_by_its_shortcut(app: App) -> None:
    boss = app.server.world.add_user(app.team.id, "boss", "owner")
    app.hall.members.append(boss.id)
    await app.ask()
    board = await app.find_board()
    await app.wait_until_over()
    await (await app.server.people.shortcut(boss.id, app.thread_messages(board)[0], "moot:remove"))
    assert "Removed what" in (await app.read_ephemerals())[0]


async def test_the_home_tab_shows_runs_and_panels(start_app: StartApp) -> None:
    app = await start_app(lines=SLOW)
    await app.ask("tabs <or> spaces")
    board = await app.find_board()
    await (await app.server.people.open_home(app.ann.id))
    await wait_until(lambda: app.ann.id in app.server.world.homes)
    shown = str(app.server.world.homes[app.ann.id].body["blocks"])
    assert f"archives/{app.hall.id}/p{board.ts.replace('.', '')}|tabs &lt;or&gt; spaces>" in shown
    assert "*default* (usual here): ada, bob" in shown
    await press(app, board, "stop")
    await app.wait_until_over()


async def test_what_the_home_tab_starts_is_shown_in_the_direct_message(app: App) -> None:
    world, people = app.server.world, app.server.people
    await (await people.open_home(app.ann.id))
    await wait_until(lambda: app.ann.id in world.homes)
    await (await people.click_in_view(app.ann.id, world.homes[app.ann.id].id, "moot::ask:/compare"))
    await wait_until(lambda: any(view.body["type"] == "modal" for view in world.views.values()))
    form = next(view for view in world.views.values() if view.body["type"] == "modal")
    await (await people.submit(app.ann.id, form.id, {"question": "tea or coffee?"}))
    where = world.im(app.ann.id)
    await wait_until(lambda: bool(world.messages(where.id)))
    assert "tea or coffee?" in read_text(world.messages(where.id)[0])
    await app.wait_until_over()


async def test_plain_words_in_a_thread_are_remarks_only_where_the_app_listens(start_app: StartApp) -> None:
    app = await start_app(lines=SLOW, listen=True)
    await app.ask()
    board = await app.find_board()
    await (await app.server.people.say(app.ann.id, app.hall.id, "think of the diff", board.ts))
    (run,) = await app.store.runs()
    await wait_until(lambda: bool((t := app.supervisor.transcript(run.run)) and t.remarks))
    await press(app, board, "stop")
    await app.wait_until_over()


@pytest.mark.parametrize(
    ("kind", "told"), [("guest", "full members"), ("single_channel_guest", "full members"), ("stranger", "own people")]
)
async def test_guests_and_outsiders_are_refused(app: App, kind: Any, told: str) -> None:
    eve = app.server.world.add_user(app.team.id, "eve", kind)
    app.hall.members.append(eve.id)
    await app.ask(user=eve.id)
    assert told in (await app.read_ephemerals())[0]
    assert app.channel_messages() == []


async def test_guests_may_where_a_setting_allows_it(start_app: StartApp) -> None:
    app = await start_app(settings={"allow_guests": True})
    eve = app.server.world.add_user(app.team.id, "eve", "guest")
    app.hall.members.append(eve.id)
    await app.ask(user=eve.id)
    await app.find_board()
    await app.wait_until_over()


@pytest.mark.parametrize("method", ["users.info", "conversations.info"])
async def test_who_or_what_cannot_be_read_is_refused(app: App, method: str) -> None:
    app.server.faults.fail(method, "internal_error")
    await app.ask()
    assert "I could not find out" in (await app.read_ephemerals())[0]
    assert app.channel_messages() == []


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


async def test_an_outsider_in_a_shared_channel_cannot_press(start_app: StartApp) -> None:
    app = await start_app(lines=SLOW, settings={"allow_shared_channels": True})
    other = app.server.world.add_team("rival", installed=False)
    eve = app.server.world.add_user(other.id, "eve", "admin")
    app.hall.members.append(eve.id)
    await app.ask()
    board = await app.find_board()
    await (await app.server.people.click(eve.id, board, find_button(board, "stop")))
    assert "own people" in (await app.read_ephemerals())[0]
    await press(app, board, "stop")
    await app.wait_until_over()
