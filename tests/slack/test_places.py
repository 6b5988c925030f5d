"""Where runs stand on Slack, and who may know: reactions at once, the order of clicks, private channels, mirrors."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from bot.domain.facts import VoteCast
from tests.servers.slack.world import Channel
from tests.support.slack_app import LINES, SLOW, App, StartApp, wait_until
from tests.support.slack_messages import find_button, has_button, press, press_more, read_text
from tests.support.slack_restarts import SlackRestarts


async def watch_elsewhere(a: App, user: str, run: str) -> tuple[Any, Any]:
    """Show a run in a second channel; return the channel and the board there."""
    room = a.server.world.add_channel(a.team.id, "room", [a.ann.id, user])
    await (await a.server.people.command(user, room.id, "/moot", f"watch {run}"))
    await wait_until(lambda: bool(a.server.world.messages(room.id)))
    return room, a.server.world.messages(room.id)[0]


async def wait_until_seen(a: App, channel: Channel) -> None:
    """Wait until a message stands in a channel."""
    await wait_until(lambda: bool(a.server.world.messages(channel.id)))


async def test_a_reaction_counts_before_the_posts_answer_is_there(start_app: StartApp) -> None:
    app = await start_app(lines=SLOW)
    await app.ask()
    board = await app.find_board()
    await wait_until(lambda: bool(app.thread_messages(board)))
    await (await app.server.people.react(app.ann.id, app.thread_messages(board)[0], "octagonal_sign"))
    await app.wait_until_over()
    (run,) = await app.store.runs()
    assert run.outcome == "stopped"


async def test_clicks_of_one_person_are_stored_in_the_order_in_which_they_came(
    start_app: StartApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    app = await start_app(vote_s=60.0)
    await app.ask()
    board = await app.find_board()
    await wait_until(lambda: len(app.thread_messages(board)) == 3)
    end = app.thread_messages(board)[-1]
    await wait_until(lambda: has_button(end, "vote"))
    (run,) = await app.store.runs()
    read, delays = app.store.read, iter((0.2, 0.1))

    async def uneven(run: str, after: int = 0) -> Any:
        """Read late, latest for who comes first."""
        await asyncio.sleep(next(delays, 0.0))
        return await read(run, after)

    monkeypatch.setattr(app.store, "read", uneven)
    seats = ["bob", "ada", "bob"]
    for delivery in [await app.server.people.click(app.ann.id, end, find_button(end, "vote", seat)) for seat in seats]:
        await delivery
    await app.read_ephemerals(3)
    assert [e.fact.seat for e in await read(run.run) if isinstance(e.fact, VoteCast)] == seats
    await press_more(app.server, end, "close", app.ann.id)
    await app.wait_until_over()


@pytest.mark.parametrize("kind", ["member", "guest"])
async def test_in_a_channel_its_own_runs_are_listed(start_app: StartApp, kind: Any) -> None:
    app = await start_app(settings={"allow_guests": True})
    world, people = app.server.world, app.server.people
    eve = world.add_user(app.team.id, "eve", kind)
    secret = world.add_channel(app.team.id, "secret", [app.ann.id], "private")
    public = world.add_channel(app.team.id, "public", [app.ann.id])
    app.hall.members.append(eve.id)
    for channel, question in ((secret, "the surprise party"), (public, "tabs"), (app.hall, "tea")):
        await (await people.command(app.ann.id, channel.id, "/compare", question))
        await wait_until_seen(app, channel)
    await app.wait_until_over()
    for n, user in enumerate((app.ann.id, eve.id), 1):
        await (await people.command(user, app.hall.id, "/moot", "runs"))
        await app.read_ephemerals(n)
    for listed in await app.read_ephemerals(2):  # that channel's alone, whatever else they may see
        assert [question for question in ("surprise", "tabs", "tea") if question in listed] == ["tea"]
    await (await people.open_home(eve.id))
    await wait_until(lambda: eve.id in world.homes)
    assert "surprise" not in str(world.homes[eve.id].body)


async def test_a_run_of_a_channel_is_read_by_its_name_by_those_who_see_it(app: App) -> None:
    eve, bea = (app.server.world.add_user(app.team.id, name) for name in ("eve", "bea"))
    secret = app.server.world.add_channel(app.team.id, "secret", [app.ann.id, bea.id], "private")
    app.hall.members.extend([eve.id, bea.id])
    await (await app.server.people.command(app.ann.id, secret.id, "/compare", "the surprise party"))
    await wait_until_seen(app, secret)
    await app.wait_until_over()
    (row,) = await app.store.runs()
    for n, command in enumerate(("show", "watch", "summarise"), 1):
        await (await app.server.people.command(eve.id, app.hall.id, "/moot", f"{command} {row.run}"))
        assert (await app.read_ephemerals(n))[-1] == f"There is no run {row.run} here."
    assert not app.server.world.files
    for user in (app.ann.id, bea.id):
        await (await app.server.people.command(user, app.hall.id, "/moot", f"show {row.run}"))
    await wait_until(lambda: sum(file.done for file in app.server.world.files.values()) == 2)


async def test_where_membership_cannot_be_told_private_channels_stay_private(app: App) -> None:
    secret = app.server.world.add_channel(app.team.id, "secret", [app.ann.id], "private")
    await (await app.server.people.command(app.ann.id, secret.id, "/compare", "the surprise party"))
    await wait_until_seen(app, secret)
    await app.wait_until_over()
    app.server.faults.fail("users.conversations", "internal_error")
    await (await app.server.people.command(app.ann.id, app.hall.id, "/moot", "runs"))
    await (await app.server.people.command(app.ann.id, secret.id, "/moot", "runs"))
    elsewhere, there = await app.read_ephemerals(2)
    assert elsewhere.startswith("There are no runs")
    assert "the surprise party" in there


async def test_a_mirror_shows_all_of_a_run_and_tells_nobody_twice(start_app: StartApp) -> None:
    app = await start_app(lines=SLOW, vote_s=60.0)
    bea = app.server.world.add_user(app.team.id, "bea")
    await app.ask()
    board = await app.find_board()
    await wait_until(lambda: len(app.thread_messages(board)) == 2)
    (run,) = await app.store.runs()
    _, mirror = await watch_elsewhere(app, bea.id, run.run)
    await wait_until(lambda: len(app.thread_messages(mirror)) == 2)
    assert [m.username for m in app.thread_messages(mirror)] == [m.username for m in app.thread_messages(board)]
    await press(app, mirror, "stop")
    await wait_until(lambda: len(app.thread_messages(board)) == len(app.thread_messages(mirror)) == 3)
    await wait_until(lambda: "Result:" in read_text(board) and "Result:" in read_text(mirror))
    ends = [app.thread_messages(place)[-1] for place in (board, mirror)]
    assert [end.notified for end in ends] == [(app.ann.id,), ()]
    await press(app, ends[1], "vote", bea.id, about="bob")
    await press_more(app.server, ends[1], "close", app.ann.id)
    await app.wait_until_over()
    assert all("Votes: Bob 1" in read_text(end) for end in ends)


async def test_a_mirror_goes_on_after_a_restart(slack_restarts: SlackRestarts) -> None:
    app = await slack_restarts.start(lines=SLOW)
    await app.ask()
    board = await app.find_board()
    await wait_until(lambda: len(app.thread_messages(board)) == 2)
    (run,) = await app.store.runs()
    room, mirror = await watch_elsewhere(app, app.ann.id, run.run)
    await wait_until(lambda: len(app.thread_messages(mirror)) == 2)
    await app.wait_until_stored(6)
    await slack_restarts.stop()
    app = await slack_restarts.start(lines=LINES)
    await app.wait_until_over()
    assert len(slack_restarts.server.world.messages(room.id)) == 1
    for place in (board, mirror):
        assert [m.username for m in app.thread_messages(place)] == ["Ada", "Bob", ""]
        assert "Tabs win." in read_text(app.thread_messages(place)[0])
        assert "Result:" in read_text(place)
