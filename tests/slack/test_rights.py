"""Rights on Slack: a form acts for its own person alone, a button or a name only where its person sees the run."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

pytest.importorskip("slack_bolt", reason="slack_bolt and slack_sdk are not installed")

from bot.domain.controls import ObjectionRef, SeatRef, about_text, press_id
from bot.domain.run import TurnId
from tests.servers.slack.world import View
from tests.support.slack_app import SLOW, App, StartApp, wait_until
from tests.support.slack_messages import press, read_text

NOT_YOURS = "That form was not made for you here: use the command, button or menu once more."


async def open_form(app: App) -> View:
    """Let Ann open the form of a comparison, and return it."""
    await app.ask("")
    await wait_until(lambda: bool(app.server.world.views))
    (view,) = app.server.world.views.values()
    return view


async def read_told(app: App, user: str) -> str:
    """Return what somebody was told directly, as a form stands in no channel."""
    direct = app.server.world.im(user).id
    await wait_until(lambda: bool(app.server.world.messages(direct)))
    (told,) = app.server.world.messages(direct)
    return read_text(told)


def _reseal(sealed: str, **changed: str) -> str:
    kept, _, seal = sealed.rpartition("#")
    return f"{json.dumps(json.loads(kept) | changed)}#{seal}"


@pytest.mark.parametrize(
    "forge",
    [
        lambda sealed: sealed[:-1] + ("A" if sealed[-1] != "A" else "B"),
        lambda sealed: _reseal(sealed, channel="C99999999"),
        lambda sealed: _reseal(sealed, command="moot stop"),
        lambda sealed: _reseal(sealed, action="stop", run="another"),
        lambda sealed: sealed.rpartition("#")[0],
        lambda sealed: "#" + sealed.rpartition("#")[2],
        lambda sealed: "{",
        lambda sealed: "[]",
        lambda sealed: '{"sealed": 5}',
        lambda sealed: "\ud800",
        lambda sealed: "",
    ],
)
async def test_a_form_whose_target_was_changed_does_nothing(app: App, forge: Callable[[str], str]) -> None:
    view = await open_form(app)
    view.body["private_metadata"] = forge(view.body["private_metadata"])
    await (await app.server.people.submit(app.ann.id, view.id, {"question": "tabs?"}))
    assert await read_told(app, app.ann.id) == NOT_YOURS
    assert await app.store.runs() == []


async def test_a_form_is_for_its_own_person(app: App) -> None:
    eve = app.server.world.add_user(app.team.id, "eve")
    view = await open_form(app)
    view.user = eve.id
    await (await app.server.people.submit(eve.id, view.id, {"question": "tabs?"}))
    assert await read_told(app, eve.id) == NOT_YOURS
    assert await app.store.runs() == []


async def test_a_button_or_name_of_a_run_that_one_cannot_see_does_nothing(start_app: StartApp) -> None:
    app = await start_app(lines=SLOW)
    world, people = app.server.world, app.server.people
    eve = world.add_user(app.team.id, "eve")
    secret = world.add_channel(app.team.id, "secret", [app.ann.id], "private")
    app.hall.members.append(eve.id)
    await (await people.command(app.ann.id, secret.id, "/compare", "the surprise party"))
    await wait_until(lambda: len(world.messages(secret.id)) > 0)
    (row,) = await app.store.runs()
    await (await people.command(eve.id, app.hall.id, "/compare", "--panel solo tabs?"))
    board = await app.find_board()
    (element,) = [e for block in board.blocks for e in block.get("elements", ()) if ":stop:" in e.get("action_id", "")]
    turn = TurnId("answer", 1, "ada")
    before = await app.store.read(row.run)
    told = 0
    for action, about in (
        *((action, None) for action in ("stop", "pause", "run_again", "export", "delete", "summarise", "share")),
        *((action, turn) for action in ("vote", "skip", "retry", "read_on", "remove")),
        ("vote", SeatRef("ada")),
        ("upvote", ObjectionRef(1)),
    ):
        element["action_id"] = press_id(row.run, action, about_text(about))
        await (await people.click(eve.id, board, element["action_id"]))
        told += 1
        assert (await app.read_ephemerals(told))[-1] == f"There is no run {row.run} here.", action
    for command in ("show", "stop", "reveal", "watch", "summarise", "pause"):
        await (await people.command(eve.id, app.hall.id, "/moot", f"{command} {row.run}"))
        told += 1
        assert (await app.read_ephemerals(told))[-1] == f"There is no run {row.run} here.", command
    for command in ("say", "object"):
        await (await people.command(eve.id, app.hall.id, "/moot", f"{command} milk --run {row.run}"))
        told += 1
        assert (await app.read_ephemerals(told))[-1] == f"There is no run {row.run} here.", command
    assert await app.store.read(row.run) == before
    assert len(await app.store.runs()) == 2
    await press(app, world.messages(secret.id)[0], "stop")
