"""Prices before the start on Slack: the board tells what a run may cost, and a dear one is asked about first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from bot.domain.controls import press_id
from bot.domain.run import Price
from bot.settings.settings import MoneySettings
from tests.servers.slack.world import Ephemeral
from tests.support.slack_app import MODELS, App, StartApp, make_settings, open_workspace, serve_app, wait_until
from tests.support.slack_messages import find_action, read_text

PAID = {key: replace(model, price=Price(3.0, 15.0, "settings")) for key, model in MODELS.items()}
ASK_ALWAYS = MoneySettings(ask_above_usd=0.0)


async def press(app: App, notice: Ephemeral, action: str) -> None:
    await (await app.server.people.click_ephemeral(notice, find_action(notice, action)))


async def be_asked(app: App) -> Ephemeral:
    """Ask for a comparison and return the notice that Ann alone reads."""
    await app.ask()
    await app.read_ephemerals()
    (notice,) = app.server.world.ephemerals
    assert "expected to cost about $" in notice.text
    return notice


async def test_the_board_tells_what_a_run_may_cost(start_app: StartApp) -> None:
    app = await start_app(models=PAID)
    await app.ask()
    board = await app.find_board()
    await app.wait_until_over()
    assert "expected about $0.0" in str(board.edits)
    assert "expected" not in read_text(board)  # what it has cost stands there then


async def test_nothing_is_begun_before_its_person_agrees_and_then_once(start_app: StartApp) -> None:
    app = await start_app(models=PAID, money=ASK_ALWAYS)
    notice = await be_asked(app)
    assert (await app.store.runs(), app.speaker.asked, app.channel_messages()) == ([], [], [])
    await press(app, notice, "start")
    await app.find_board()
    await wait_until(lambda: notice.deleted)
    await press(app, replace(notice, deleted=False), "start")
    await wait_until(lambda: "This was started already" in notice.text)
    await app.wait_until_over()
    assert len(await app.store.runs()) == 1


async def test_one_stands_through_a_restart(tmp_path: Path) -> None:
    path, how = tmp_path / "moot.db", dict[str, Any](models=PAID, money=ASK_ALWAYS)
    async with open_workspace() as (server, team):
        settings = make_settings(server, team)
        async with serve_app(server, team, path, settings, **how) as app:
            notice = await be_asked(app)
        async with serve_app(server, team, path, settings, **how) as app:
            await press(app, notice, "start")
            await app.find_board()
            await wait_until(lambda: notice.deleted)
            await app.wait_until_over()
            assert len(await app.store.runs()) == 1


async def test_a_cancelled_one_leaves_a_sentence_in_place_of_its_buttons(start_app: StartApp) -> None:
    app = await start_app(models=PAID, money=ASK_ALWAYS)
    notice = await be_asked(app)
    await press(app, notice, "cancel")
    await wait_until(lambda: notice.text.startswith("Cancelled"))
    assert [block["type"] for block in notice.blocks] == ["markdown"]
    assert await app.store.runs() == []


async def test_a_mention_is_asked_back_by_a_notice_for_its_writer(start_app: StartApp) -> None:
    app = await start_app(models=PAID, money=ASK_ALWAYS)
    await (await app.server.people.say(app.ann.id, app.hall.id, "tabs?", mention=True))
    await app.read_ephemerals()
    (notice,) = app.server.world.ephemerals
    assert (notice.user, notice.via) == (app.ann.id, "")
    await press(app, notice, "start")
    board = await app.find_board(1)  # after the mention
    await app.wait_until_over()
    assert "tabs?" in read_text(board)


async def test_a_button_without_an_offer_starts_nothing(start_app: StartApp) -> None:
    app = await start_app(models=PAID, money=ASK_ALWAYS)
    notice = await be_asked(app)
    for block in notice.blocks:
        for element in block.get("elements", ()):
            element["action_id"] = press_id("22222222", "start", "")
    await (await app.server.people.click_ephemeral(notice, press_id("22222222", "start", "")))
    await wait_until(lambda: "too old by now" in notice.text)
    assert [block["type"] for block in notice.blocks] == ["markdown"]
    assert await app.store.runs() == []
