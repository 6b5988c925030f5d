"""Where runs stand on Slack, and who may know: reactions at once, the order of clicks, private channels, mirrors."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from bot.domain.facts import VoteCast
from tests.servers.slack.world import Channel
from tests.slack.test_runs import action, offers, press, says
from tests.support.slack_app import LINES, SLOW, App, make_settings, open_workspace, run_app, serve_app, wait_until


async def watched(a: App, user: str, run: str) -> tuple[Any, Any]:
    """A second channel in which the run is shown, and its board there."""
    room = a.server.world.add_channel(a.team.id, "room", [a.ann.id, user])
    await (await a.server.people.command(user, room.id, "/moot", f"watch {run}"))
    await wait_until(lambda: bool(a.server.world.messages(room.id)))
    return room, a.server.world.messages(room.id)[0]


async def seen(a: App, channel: Channel) -> None:
    """Something stands there."""
    await wait_until(lambda: bool(a.server.world.messages(channel.id)))


async def test_a_reaction_counts_before_the_posts_answer_is_there(tmp_path: Path) -> None:
    async with run_app(tmp_path / "moot.db", lines=SLOW) as a:
        await a.ask()
        board = await a.find_board()
        await wait_until(lambda: bool(a.thread_messages(board)))
        await (await a.server.people.react(a.ann.id, a.thread_messages(board)[0], "octagonal_sign"))
        await a.wait_until_over()
        (run,) = await a.store.runs()
        assert run.outcome == "stopped"


async def test_clicks_of_one_person_are_stored_in_the_order_in_which_they_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with run_app(tmp_path / "moot.db", vote_s=60.0) as a:
        await a.ask()
        board = await a.find_board()
        await wait_until(lambda: len(a.thread_messages(board)) == 3)
        end = a.thread_messages(board)[-1]
        await wait_until(lambda: offers(end, "close"))
        (run,) = await a.store.runs()
        read, delays = a.store.read, iter((0.2, 0.1))

        async def uneven(run: str, after: int = 0) -> Any:
            """The disk is slowest for who comes first."""
            await asyncio.sleep(next(delays, 0.0))
            return await read(run, after)

        monkeypatch.setattr(a.store, "read", uneven)
        seats = ["bob", "ada", "=tie"]
        for delivery in [await a.server.people.click(a.ann.id, end, action(end, "vote", seat)) for seat in seats]:
            await delivery
        await a.read_ephemerals(3)
        assert [e.fact.seat for e in await read(run.run) if isinstance(e.fact, VoteCast)] == seats
        await press(a, end, "close")
        await a.wait_until_over()


@pytest.mark.parametrize("kind", ["member", "guest"])
async def test_runs_of_a_channel_are_listed_for_those_who_see_it(tmp_path: Path, kind: Any) -> None:
    async with run_app(tmp_path / "moot.db", settings={"allow_guests": True}) as a:
        world, people = a.server.world, a.server.people
        eve = world.add_user(a.team.id, "eve", kind)
        secret = world.add_channel(a.team.id, "secret", [a.ann.id], "private")
        public = world.add_channel(a.team.id, "public", [a.ann.id])
        a.hall.members.append(eve.id)
        for channel, question in ((secret, "the surprise party"), (public, "tabs"), (a.hall, "tea")):
            await (await people.command(a.ann.id, channel.id, "/compare", question))
            await seen(a, channel)
        await a.wait_until_over()
        for n, user in enumerate((a.ann.id, eve.id), 1):
            await (await people.command(user, a.hall.id, "/moot", "runs"))
            await a.read_ephemerals(n)
        anns, eves = await a.read_ephemerals(2)
        assert all(question in anns for question in ("the surprise party", "tabs", "tea"))
        assert "surprise" not in eves
        assert "tea" in eves
        assert ("tabs" in eves) == (kind == "member")  # guests see the channels that they are in
        await (await people.open_home(eve.id))
        await wait_until(lambda: eve.id in world.homes)
        assert "surprise" not in str(world.homes[eve.id].body)


async def test_a_run_of_a_channel_is_read_by_its_name_by_those_who_see_it(tmp_path: Path) -> None:
    async with run_app(tmp_path / "moot.db") as a:
        eve, bea = (a.server.world.add_user(a.team.id, name) for name in ("eve", "bea"))
        secret = a.server.world.add_channel(a.team.id, "secret", [a.ann.id, bea.id], "private")
        a.hall.members.extend([eve.id, bea.id])
        await (await a.server.people.command(a.ann.id, secret.id, "/compare", "the surprise party"))
        await seen(a, secret)
        await a.wait_until_over()
        (row,) = await a.store.runs()
        for n, command in enumerate(("show", "watch", "summarise"), 1):
            await (await a.server.people.command(eve.id, a.hall.id, "/moot", f"{command} {row.run}"))
            assert (await a.read_ephemerals(n))[-1] == f"There is no run {row.run} here."
        assert not a.server.world.files
        for user in (a.ann.id, bea.id):
            await (await a.server.people.command(user, a.hall.id, "/moot", f"show {row.run}"))
        await wait_until(lambda: sum(file.done for file in a.server.world.files.values()) == 2)


async def test_where_membership_cannot_be_told_private_channels_stay_private(tmp_path: Path) -> None:
    async with run_app(tmp_path / "moot.db") as a:
        secret = a.server.world.add_channel(a.team.id, "secret", [a.ann.id], "private")
        await (await a.server.people.command(a.ann.id, secret.id, "/compare", "the surprise party"))
        await seen(a, secret)
        await a.wait_until_over()
        a.server.faults.fail("users.conversations", "internal_error")
        await (await a.server.people.command(a.ann.id, a.hall.id, "/moot", "runs"))
        await (await a.server.people.command(a.ann.id, secret.id, "/moot", "runs"))
        elsewhere, there = await a.read_ephemerals(2)
        assert elsewhere.startswith("There are no runs")
        assert "the surprise party" in there


async def test_a_mirror_shows_all_of_a_run_and_tells_nobody_twice(tmp_path: Path) -> None:
    async with run_app(tmp_path / "moot.db", lines=SLOW, vote_s=60.0) as a:
        bea = a.server.world.add_user(a.team.id, "bea")
        await a.ask()
        board = await a.find_board()
        await wait_until(lambda: len(a.thread_messages(board)) == 2)
        (run,) = await a.store.runs()
        _, mirror = await watched(a, bea.id, run.run)
        await wait_until(lambda: len(a.thread_messages(mirror)) == 2)
        assert [m.username for m in a.thread_messages(mirror)] == [m.username for m in a.thread_messages(board)]
        await press(a, mirror, "stop")
        await wait_until(lambda: len(a.thread_messages(board)) == len(a.thread_messages(mirror)) == 3)
        await wait_until(lambda: "Verdict" in says(board) and "Verdict" in says(mirror))
        ends = [a.thread_messages(place)[-1] for place in (board, mirror)]
        assert [end.notified for end in ends] == [(a.ann.id,), ()]
        await press(a, ends[1], "vote", bea.id, about="bob")
        await press(a, ends[1], "close")
        await a.wait_until_over()
        assert all("Votes: Bob 1" in says(end) for end in ends)


async def test_a_mirror_goes_on_after_a_restart(tmp_path: Path) -> None:
    async with open_workspace() as (server, team):
        settings = make_settings(server, team)
        async with serve_app(server, team, tmp_path / "moot.db", settings, lines=SLOW) as a:
            await a.ask()
            board = await a.find_board()
            await wait_until(lambda: len(a.thread_messages(board)) == 2)
            (run,) = await a.store.runs()
            room, mirror = await watched(a, a.ann.id, run.run)
            await wait_until(lambda: len(a.thread_messages(mirror)) == 2)
            await a.wait_until_stored(6)
        async with serve_app(server, team, tmp_path / "moot.db", settings, lines=LINES) as a:
            await a.wait_until_over()
            assert len(server.world.messages(room.id)) == 1
            for place in (board, mirror):
                assert [m.username for m in a.thread_messages(place)] == ["🟦 Ada", "🟩 Bob", ""]
                assert "Tabs win." in says(a.thread_messages(place)[0])
                assert "Verdict" in says(place)
