"""Discord and Slack from one process: one core, one database, and each run where it was asked."""

from __future__ import annotations

import asyncio
from functools import partial
from pathlib import Path

import aiohttp
import discord
import pytest
from aiohttp.test_utils import unused_port
from pydantic import SecretStr
from structlog.testing import capture_logs

from adapters.slack.dialect import escape_entities
from bot.cli import duties
from bot.domain.run import LaneId
from bot.ports.store import PostedPage
from tests.servers.discord import Upload
from tests.servers.slack import SlackServer
from tests.support.discord_bot import run_moot
from tests.support.discord_guild import find_button
from tests.support.discord_runs import ask_to_delete, finish_run
from tests.support.slack_app import make_settings, open_workspace, wait_until
from tests.support.two_platforms import serve_both


async def test_both_are_served_at_once_and_again_after_a_restart(tmp_path: Path) -> None:
    async with open_workspace() as (slack, team):
        slack_settings = make_settings(slack, team)
        async with run_moot(tmp_path, slack=slack_settings) as here:
            await slack.sockets.wait_for_connections()
            board = await here.ask("debate", rounds=1)
            ann = next(user for user in slack.world.users.values() if user.name == "ann")
            hall = next(channel for channel in slack.world.channels.values() if channel.name == "hall")
            await (await slack.people.command(ann.id, hall.id, "/compare", "tabs or spaces"))
            await wait_until(lambda: any("Result:" in message.text for message in slack.world.messages(hall.id)))
            await here.find_end_card(await here.find_thread(board))
            (there,) = slack.world.messages(hall.id)
            assert "tabs or spaces" in there.text
            assert "tabs or spaces" not in board.text
            await here.stop()
            await here.start()
            await slack.sockets.wait_for_connections()
            assert "Your vote" in await here.press(here.bob, await here.find_end_card(board.id), "vote", "claude")


async def test_a_deletion_goes_on_until_every_platform_has_deleted_its_messages(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duties, "DELETIONS_S", 0.01)
    async with serve_both(tmp_path, monkeypatch) as (here, there):
        _, thread, end = await finish_run(here)
        await there.finish_run("compare", "tabs or spaces")
        run = find_button(end, "more").split(":")[1]
        [elsewhere] = [row.run for row in await here.store.runs() if row.run != run]
        for page in await here.store.posted_pages(elsewhere):  # as if one run stood on both
            await here.store.record_page(run, page)
        notice = await ask_to_delete(here, end)
        await (await here.server.click(here.ada, notice, find_button(notice, "delete_now"))).answer()
        await here.wait_until(lambda: not here.read_messages(thread) and not here.read_messages(here.channel))
        await wait_until(lambda: not there.server.world.messages(there.channel.id))
        while await here.store.documents("deleting/"):
            await asyncio.sleep(0.01)
        assert await here.store.posted_pages(run) == []


async def test_a_deletion_waits_for_a_platform_that_is_not_served(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duties, "DELETIONS_S", 0.01)
    async with run_moot(tmp_path) as here:
        _, thread, end = await finish_run(here)
        run = find_button(end, "more").split(":")[1]
        left = PostedPage("slack:T1:C1:5.0", LaneId("board", 1, ""), 0, "slack:T1:C1:5.0")
        await here.store.record_page(run, left)
        notice = await ask_to_delete(here, end)
        await (await here.server.click(here.ada, notice, find_button(notice, "delete_now"))).answer()
        await here.wait_until(lambda: not here.read_messages(thread) and not here.read_messages(here.channel))
        while await here.store.posted_pages(run) != [left]:
            await asyncio.sleep(0.01)
        assert await here.call_command(here.ada, "moot runs") == "There are no runs yet: try `/council`."
        assert list(await here.store.documents("deleting/")) == [f"deleting/{run}"]


SOUND = b"OggS\0\1"
REFUSED: dict[str, tuple[str, str]] = {  # what is asked, with a file or without → the beginning of what is told
    "a word that is not allowed": (
        "Is a _newt_ <tea> & coffee?",
        "The question has a word that is not allowed here: “newt”.",
    ),
    "a sound": ("Tea?", "“it.ogg” is a sound"),
}


def _told(slack: SlackServer, count: int) -> bool:
    return len(slack.world.ephemerals) >= count


async def test_a_refusal_of_a_mention_reads_the_same_on_both(tmp_path: Path) -> None:
    async with open_workspace() as (slack, team):
        settings = make_settings(slack, team)
        async with run_moot(
            tmp_path, slack=settings, discord={"listen": True}, servers={"default": {"words": ["newt"]}}
        ) as here:
            await slack.sockets.wait_for_connections()
            ann = next(user for user in slack.world.users.values() if user.name == "ann")
            hall = next(channel for channel in slack.world.channels.values() if channel.name == "hall")
            for number, (name, (asked, told)) in enumerate(REFUSED.items()):
                sound = [Upload("it.ogg", SOUND, "audio/ogg")] if name == "a sound" else []
                await here.server.say(here.ada, here.channel, asked, mentions=[here.server.bot], attachments=sound)
                files = [(file.filename, file.data) for file in sound]
                await (await slack.people.say(ann.id, hall.id, escape_entities(asked), mention=True, files=files))
                await wait_until(partial(_told, slack, number + 1))
                shown = await here.find(here.channel, lambda m: m.author.id == here.server.bot.id, nth=number)
                (block,) = slack.world.ephemerals[-1].blocks
                assert shown.text == block["text"]
                assert shown.text.startswith(told)
            assert here.models.log == []


@pytest.mark.parametrize("fault", ["not there", "token refused", "channel of no use"])
async def test_discord_is_served_while_slack_is_not(
    fault: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with open_workspace() as (slack, team):
        changes: dict[str, dict[str, object]] = {
            "not there": {"api_base": f"http://127.0.0.1:{unused_port()}/api/"},
            "token refused": {"bot_token": SecretStr("xoxb-none")},
            "channel of no use": {"operator_channel": "#nowhere"},
        }
        settings = make_settings(slack, team).model_copy(update=changes[fault])
        async with run_moot(tmp_path, slack=settings) as here:
            assert "Ask with" in await here.call_command(here.ada, "moot help")
            await wait_until(lambda: "in 1 server" in capsys.readouterr().out)


async def test_a_wrong_channel_of_operators_is_said_and_ends_nothing(tmp_path: Path) -> None:
    with capture_logs() as logs:
        async with run_moot(tmp_path, discord={"operator_channel": "#ops"}) as here:
            await wait_until(lambda: any("operator_channel" in line["event"] for line in logs))
            assert "Ask with" in await here.call_command(here.ada, "moot help")


async def test_slack_is_served_while_discord_is_not_and_discord_once_it_is_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.discord.client.ExponentialBackoff.delay", lambda self: 0.01)
    there = discord.http.HTTPClient.static_login
    down = True

    async def static_login(self: discord.http.HTTPClient, token: str) -> object:
        answer = await there(self, token)
        if down:
            raise aiohttp.ServerDisconnectedError
        return answer

    monkeypatch.setattr(discord.http.HTTPClient, "static_login", static_login)
    async with (
        open_workspace() as (slack, team),
        run_moot(tmp_path, slack=make_settings(slack, team), started=False) as here,
    ):
        starting = asyncio.create_task(here.start())
        await slack.sockets.wait_for_connections()
        down = False
        await starting
        assert "Ask with" in await here.call_command(here.ada, "moot help")
