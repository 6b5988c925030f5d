"""Rights on Slack: a form acts for its own person alone, a button or a name only where its person sees the run."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable

import pytest

pytest.importorskip("slack_bolt", reason="slack_bolt and slack_sdk are not installed")

from bot.domain.controls import ObjectionRef, SeatRef, about_text, press_id
from bot.domain.facts import Stopped
from bot.domain.run import TurnId
from bot.settings.platforms import ServerSettings
from tests.servers.slack.world import Message, UserKind, View
from tests.support.slack_app import SLOW, App, StartApp, wait_until
from tests.support.slack_messages import press, read_text
from tests.support.slack_restarts import SlackRestarts

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
    turn = TurnId("answer", 1, "ada")
    before = await app.store.read(row.run)
    told = 0
    for action, about in (
        *((action, None) for action in ("stop", "pause", "run_again", "export", "delete", "summarise", "share")),
        *((action, turn) for action in ("vote", "skip", "retry", "read_on", "remove")),
        ("vote", SeatRef("ada")),
        ("upvote", ObjectionRef(1)),
    ):
        element = next(e for block in board.blocks for e in block.get("elements", ()) if "action_id" in e)
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


async def go_on(app: App, end: Message, turn: Message) -> None:
    """Go on from a run that is over in each of three ways."""
    people, views = app.server.people, app.server.world.views
    await press(app, end, "run_again")
    for question, open_form in (
        ("and with milk?", press(app, end, "follow_up")),
        ("why?", people.shortcut(app.ann.id, turn, "moot:ask_seat")),
    ):
        before = set(views)
        await open_form
        await wait_until(lambda before=before: len(views) > len(before))  # type: ignore[misc]
        (view,) = set(views) - before
        await (await people.submit(app.ann.id, view, {"question": question}))


async def test_what_goes_on_from_a_run_begins_in_the_channels_that_are_set(slack_restarts: SlackRestarts) -> None:
    app = await slack_restarts.start(places={"default": ServerSettings(channels=["hall"])})
    await app.ask()
    board = await app.find_board()
    await app.wait_until_over()
    turn, end = app.thread_messages(board)[0], app.thread_messages(board)[-1]
    await go_on(app, end, turn)

    async def count_runs() -> int:
        return len(await app.store.runs())

    while await count_runs() < 4:
        await asyncio.sleep(0.005)
    await app.wait_until_over()
    await slack_restarts.stop()
    app = await slack_restarts.start(places={"default": ServerSettings(channels=["tea-room"])})
    await go_on(app, end, turn)
    refused = "Runs are started in tea-room here; try it there."
    assert await app.read_ephemerals(3) == [refused] * 3
    assert await count_runs() == 4
    direct = app.server.world.im(app.ann.id)
    await (await app.server.people.say(app.ann.id, direct.id, "tabs?"))
    await wait_until(lambda: len(app.server.world.messages(direct.id)) > 1)
    assert refused in str(app.server.world.messages(direct.id)[-1])
    assert await count_runs() == 4


@pytest.mark.parametrize("kind", ["member", "stranger"])
@pytest.mark.parametrize("setting", ["off", "members", "everyone"])
@pytest.mark.parametrize("outsiders", [False, True])
async def test_direct_messages_are_for_whom_the_operator_says(
    start_app: StartApp, kind: UserKind, setting: str, outsiders: bool
) -> None:
    app = await start_app(settings={"direct_messages": setting, "allow_outsiders": outsiders})
    eve = app.server.world.add_user(app.team.id, "eve", kind)
    direct = app.server.world.im(eve.id)
    await (await app.server.people.say(eve.id, direct.id, "tabs?"))
    await wait_until(lambda: len(app.server.world.messages(direct.id)) > 1)
    told = str(app.server.world.messages(direct.id)[1])
    await app.wait_until_over()
    if setting == "off":
        assert "I answer no direct messages: ask me in a channel." in told
    elif kind == "stranger" and not (outsiders and setting == "everyone"):
        assert "I am for this organisation's own people" in told
    else:
        assert len(await app.store.runs()) == 1
        return
    assert await app.store.runs() == []


@pytest.mark.parametrize(("allow", "admitted"), [(["T00000001"], True), (["T9"], False), (["E9"], False), ([], False)])
async def test_a_workspace_that_is_not_allowed_is_told_its_id(
    start_app: StartApp, allow: list[str], admitted: bool
) -> None:
    app = await start_app(settings={"allow": allow})
    assert app.team.id == "T00000001"
    await app.ask()
    if admitted:
        await app.find_board()
        await app.wait_until_over()
        return
    (told,) = await app.read_ephemerals()
    assert told == (
        f"I am not set up for this workspace. Whoever runs me can allow it: send them its id, {app.team.id}."
    )
    assert await app.store.runs() == []


@pytest.mark.parametrize("denied", ["id", "member", "guest"])
async def test_whoever_is_denied_does_nothing(slack_restarts: SlackRestarts, denied: str) -> None:
    app = await slack_restarts.start(lines=SLOW)
    await app.ask()
    board = await app.find_board()
    await wait_until(lambda: len(app.thread_messages(board)) == 2)
    await slack_restarts.stop()
    rule = app.ann.id if denied == "id" else denied
    app = await slack_restarts.start(lines=SLOW, places={"default": ServerSettings(deny=[rule])})
    (row,) = await app.store.runs()
    before = await app.store.read(row.run)
    await press(app, board, "stop")
    if denied == "guest":  # which Ann is not
        await app.wait_until_over()
        return
    await app.ask()
    await (await app.server.people.command(app.ann.id, app.hall.id, "/moot", "runs"))
    await (await app.server.people.react(app.ann.id, board, "octagonal_sign"))
    told = "You may not use me here: whoever runs me has decided so, and can change it."
    assert await app.read_ephemerals(3) == [told] * 3
    facts = [entry.fact for entry in (await app.store.read(row.run))[len(before) :]]
    assert not [fact for fact in facts if isinstance(fact, Stopped)]
    assert len(await app.store.runs()) == 1
