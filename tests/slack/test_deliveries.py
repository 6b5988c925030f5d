"""Deliveries to the app on Slack: acknowledged at once, taken once, across restarts, and only when signed."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from unittest.mock import patch

import pytest

from adapters.common.deliveries import KEPT_S
from adapters.slack.listening import EDITED, EDITED_LATE
from commands import dispatch
from tests.servers.slack import Unacknowledged
from tests.servers.slack.deliveries import Delivery
from tests.servers.slack.http_deliveries import Signing
from tests.servers.slack.world import Ref
from tests.support.slack_app import SLOW, App, StartApp, make_settings, open_workspace, serve_app, wait_until
from tests.support.slack_messages import find_button, press, press_more, read_text
from tests.support.slack_restarts import SlackRestarts


async def test_a_command_is_acknowledged_while_everything_behind_it_is_slow(start_app: StartApp) -> None:
    app = await start_app(lines=SLOW)
    app.server.faults.stall("users.info")
    delivery = await (await app.server.people.command(app.ann.id, app.hall.id, "/compare", "tabs?"))
    assert delivery.acknowledged_after_s is not None
    assert app.channel_messages() == []
    app.server.faults.release()
    await press(app, await app.find_board(), "stop")
    await app.wait_until_over()


async def test_whatever_comes_twice_acts_once_also_after_a_restart(slack_restarts: SlackRestarts) -> None:
    app = await slack_restarts.start(lines=SLOW)
    people, again = slack_restarts.server.people, slack_restarts.server.courier.send_again
    command = await (await people.command(app.ann.id, app.hall.id, "/compare", "tabs?"))
    await again(command)
    board = await app.find_board()
    mention = await (await people.say(app.ann.id, app.hall.id, "spaces?", mention=True))
    await again(mention)
    await app.find_board(2)
    stop = await (await people.click(app.ann.id, board, find_button(board, "stop")))
    await again(stop)
    await app.read_ephemerals()
    await slack_restarts.stop()
    app = await slack_restarts.start(lines=SLOW)
    for delivery in (command, mention, stop):
        await again(delivery)
    last = await (await people.command(app.ann.id, app.hall.id, "/moot", "runs"))
    await app.read_ephemerals(2)
    assert last.acknowledged_after_s is not None
    assert len(await app.store.runs()) == 2
    assert len(app.channel_messages()) == 3
    assert len(slack_restarts.server.world.ephemerals) == 2


async def test_a_form_that_is_sent_twice_starts_one_run(app: App) -> None:
    await app.ask("", "/compare")
    await wait_until(lambda: bool(app.server.world.views))
    (view,) = app.server.world.views
    sent = await (await app.server.people.submit(app.ann.id, view, {"question": "tabs?"}))
    await app.server.courier.send_again(sent)
    await app.find_board()
    await app.wait_until_over()
    assert len(await app.store.runs()) == 1


async def test_what_comes_out_of_order_is_taken_as_it_comes(start_app: StartApp) -> None:
    app = await start_app(lines=SLOW, vote_s=60.0)
    await app.ask()
    board = await app.find_board()
    await wait_until(lambda: len(app.thread_messages(board)) == 2)
    app.server.courier.hold()
    seat = app.thread_messages(board)[0]
    await app.server.people.react(app.ann.id, seat, "+1")
    await app.server.people.unreact(app.ann.id, seat, "+1")
    app.server.courier.release(backwards=True)
    (run,) = await app.store.runs()
    await wait_until(lambda: bool((t := app.supervisor.transcript(run.run)) and t.votes))
    await press(app, board, "stop")
    await wait_until(lambda: len(app.thread_messages(board)) == 3)
    await press_more(app.server, app.thread_messages(board)[-1], "close", app.ann.id)
    await app.wait_until_over()


@pytest.mark.parametrize("signing", ["wrong", "old"])
async def test_a_bad_signature_or_an_old_one_runs_nothing(start_app: StartApp, signing: Signing) -> None:
    app = await start_app(http=True)
    app.server.http.signing = signing
    with pytest.raises(Unacknowledged, match="http_error"):
        await (await app.server.people.command(app.ann.id, app.hall.id, "/compare", "tabs?"))
    assert app.channel_messages() == []
    assert await app.store.runs() == []


async def test_sockets_that_are_dropped_are_opened_anew(app: App) -> None:
    await app.server.sockets.disconnect("refresh_requested")
    await app.server.sockets.wait_for_connections()
    await app.ask()
    await app.find_board()
    await app.wait_until_over()


async def test_stopping_leaves_no_task_and_the_run_goes_on_in_its_messages(tmp_path: Path) -> None:
    before = asyncio.all_tasks()
    async with open_workspace() as (server, team):
        settings = make_settings(server, team)
        async with serve_app(server, team, tmp_path / "moot.db", settings, lines=SLOW) as a:
            own = asyncio.all_tasks()
            await a.ask()
            board = await a.find_board()
            await wait_until(lambda: len(a.thread_messages(board)) == 2)
            await wait_until(lambda: all("…" not in m.text for m in a.thread_messages(board)))
            await a.wait_until_stored(3)
        left = {t for t in asyncio.all_tasks() - own if "aiohttp" not in repr(t) and "servers/slack" not in repr(t)}
        assert {t for t in left if "adapters" in repr(t) or "bot/" in repr(t) or "slack_sdk" in repr(t)} == set()
        async with serve_app(server, team, tmp_path / "moot.db", settings) as a:
            await a.wait_until_over()
            assert len(a.channel_messages()) == 1
            thread = a.thread_messages(board)
            assert [m.username for m in thread] == ["Ada", "Bob", ""]
            assert "Tabs win." in thread[0].blocks[0]["text"]
    assert asyncio.all_tasks() == before


def _at(delivery: Delivery) -> Ref:
    return Ref(delivery.event["channel"], delivery.event["ts"])


async def test_a_preview_is_no_edit_of_a_question_and_a_tombstone_its_deletion(start_app: StartApp) -> None:
    app = await start_app(lines=SLOW, listen=True)
    people = app.server.people
    asked = _at(await people.say(app.ann.id, app.hall.id, "https://tea.example/ or coffee?", mention=True))
    board = await app.find_board(1)
    with patch.object(dispatch, "note_change") as noted:
        await (await people.show_preview(asked, {"title": "Tea", "from_url": "https://tea.example/"}))
        await (await people.bury(asked))
        await wait_until(lambda: noted.called)
    assert [call.args[2] for call in noted.call_args_list] == ["deleted"]
    await press(app, board, "stop")
    await app.wait_until_over()


@pytest.mark.parametrize("listen", [False, True])
async def test_an_edited_question_is_asked_once_and_its_board_says_so(start_app: StartApp, listen: bool) -> None:
    """Slack sends the mention again, under a new event id."""
    app = await start_app(lines=SLOW, listen=listen)
    people = app.server.people
    asked = await (await people.say(app.ann.id, app.hall.id, "tabs?", mention=True))
    board = await app.find_board(1)
    for words in ("tabs or spaces?", "tabs or three spaces?"):
        again = await (await people.edit(app.ann.id, _at(asked), f"<@{app.team.bot_user}> {words}"))
        assert again.event["type"] == "app_mention"
    await wait_until(lambda: "edited after the start" in read_text(board))
    assert len(await app.store.runs()) == 1
    assert app.server.world.ephemerals == []
    await press(app, board, "stop")
    await app.wait_until_over()


async def test_an_edit_of_what_started_nothing_tells_what_to_do(app: App) -> None:
    people = app.server.people
    empty = await (await people.say(app.ann.id, app.hall.id, "", mention=True))
    await app.read_ephemerals()
    await (await people.edit(app.ann.id, _at(empty), f"<@{app.team.bot_user}> tabs?"))
    assert (await app.read_ephemerals(2))[1] == EDITED
    assert await app.store.runs() == []


async def test_a_mention_that_an_edit_adds_asks_once_while_the_message_is_young(app: App) -> None:
    people = app.server.people
    plain = await people.say(app.ann.id, app.hall.id, "tabs?")
    await (await people.edit(app.ann.id, _at(plain), f"<@{app.team.bot_user}> tabs?"))
    await app.find_board(1)
    await (await people.edit(app.ann.id, _at(plain), f"<@{app.team.bot_user}> tabs??"))
    await app.wait_until_over()
    assert len(await app.store.runs()) == 1
    old = await people.say(app.ann.id, app.hall.id, "spaces?")
    app.bot.listener._clock = lambda: time.time() + KEPT_S + 60.0
    await (await people.edit(app.ann.id, _at(old), f"<@{app.team.bot_user}> spaces?"))
    assert await app.read_ephemerals() == [EDITED_LATE]
    assert len(await app.store.runs()) == 1
