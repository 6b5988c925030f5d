"""Starts that fail: models of open runs are not asked for them, and what is set up wrongly is said."""

from __future__ import annotations

import asyncio
import socket
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from aiohttp.test_utils import unused_port
from pydantic import SecretStr
from structlog.testing import capture_logs

from bot.cli import serve
from bot.errors import Misconfigured
from tests.servers.discord.gateway import PRIVILEGED
from tests.support.discord_bot import THINKING, Moot, run_moot
from tests.support.slack_app import make_settings, open_workspace, wait_until
from tests.support.slack_installs import serve_installable

STARTS = 3


def count_asks(moot: Moot) -> int:
    """Return how often a model was asked to speak."""
    return sum(request.path.endswith("/chat/completions") for request in moot.models.log)


async def leave_open(moot: Moot) -> int:
    """Leave a run open in which all seats are asked; return how often models were asked."""
    for seat in ("claude", "gpt", "gemini"):
        moot.script_model(seat, THINKING)
    await moot.wait_until_stored(await moot.ask())
    await wait_until(lambda: count_asks(moot) == 3)
    await moot.stop()
    return count_asks(moot)


async def go_on(moot: Moot, asked: int) -> None:
    """Start as it should be, and check that each seat is asked once more."""
    await moot.start()
    await wait_until(lambda: count_asks(moot) >= asked + 3)
    assert count_asks(moot) == asked + 3
    await moot.stop()


async def test_models_are_not_asked_by_starts_whose_token_is_refused(moot: Moot) -> None:
    asked, right = await leave_open(moot), moot.settings.discord
    assert right is not None
    for _ in range(STARTS):
        moot.change_settings("discord", token=SecretStr("none"))
        with pytest.raises(Misconfigured, match="token"):
            await moot.start()
    assert count_asks(moot) == asked
    moot.change_settings("discord", token=right.token)
    await go_on(moot, asked)


async def test_models_are_not_asked_by_starts_whose_intents_are_refused(moot: Moot) -> None:
    asked = await leave_open(moot)
    gateway = moot.server.hub.gateway
    moot.change_settings("discord", listen=True)
    for _ in range(STARTS):
        gateway.allowed &= ~PRIVILEGED
        with pytest.raises(Misconfigured, match="Message Content Intent"):
            await moot.start()
    assert count_asks(moot) == asked
    gateway.allowed |= PRIVILEGED
    await go_on(moot, asked)


async def test_models_are_not_asked_while_discord_cannot_be_reached(
    moot: Moot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("adapters.discord.client.ExponentialBackoff.delay", lambda self: 0.001)
    asked, right = await leave_open(moot), moot.settings.discord
    assert right is not None
    moot.change_settings("discord", api_base=f"http://127.0.0.1:{unused_port()}/api/v10")
    for _ in range(STARTS):
        with capture_logs() as logs:
            starting = asyncio.create_task(moot.start())
            await wait_until(lambda logs=logs: sum("not reached" in line["event"] for line in logs) > STARTS)  # type: ignore[misc]
            assert not any("ConnectionKey" in line.get("reason", "") for line in logs), "a sentence, and no repr"
            starting.cancel()
            await asyncio.wait([starting])
            await moot.stop()
    assert count_asks(moot) == asked
    moot.change_settings("discord", api_base=right.api_base)
    await go_on(moot, asked)


async def test_models_are_asked_once_while_one_platform_is_tried_again_and_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(serve, "_LONGEST_WAIT_S", 0.02)
    with closing(socket.create_server(("127.0.0.1", 0))) as taken:
        async with open_workspace() as (slack, team):
            port: int = taken.getsockname()[1]
            http: dict[str, Any] = {"mode": "http", "port": port, "signing_secret": slack.world.app.signing_secret}
            async with run_moot(tmp_path, slack=make_settings(slack, team, **http)) as moot:
                asked = await leave_open(moot)
                with capture_logs() as logs:
                    await moot.start()
                    await wait_until(lambda: count_asks(moot) == asked + 3)
                    await wait_until(lambda: sum("not connected" in line["event"] for line in logs) > 2 * STARTS)
                assert count_asks(moot) == asked + 3


@pytest.mark.parametrize("channel", ["#ops", "C99999999", "", "right", "not in it"])
async def test_a_wrong_channel_of_operators_on_slack_is_said_and_ends_nothing(channel: str, tmp_path: Path) -> None:
    async with open_workspace() as (slack, team):
        ann = next(user for user in slack.world.users.values() if user.name == "ann")
        ops = slack.world.add_channel(team.id, "ops", [ann.id])
        named = {"right": ops.id, "not in it": ops.id}.get(channel, channel)
        if channel == "not in it":
            ops.members.remove(team.bot_user)
        with capture_logs() as logs:
            async with run_moot(tmp_path, slack=make_settings(slack, team, operator_channel=named)) as here:
                await slack.sockets.wait_for_connections()
                hall = next(channel for channel in slack.world.channels.values() if channel.name == "hall")
                await (await slack.people.command(ann.id, hall.id, "/moot", "help"))
                await wait_until(lambda: bool(slack.world.ephemerals))
                assert "Ask with" in await here.call_command(here.ada, "moot help")
        said = [line["event"] for line in logs if "slack.operator_channel" in line["event"]]
    assert len(said) == (channel not in ("", "right"))


async def test_a_channel_of_operators_is_nobodys_with_many_workspaces(tmp_path: Path) -> None:
    with capture_logs() as logs:
        async with serve_installable(tmp_path / "moot.db", settings={"operator_channel": "C1"}):
            await wait_until(lambda: any("nobody's" in line["event"] for line in logs))


async def test_what_is_up_is_printed_with_the_workspace(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    async with open_workspace() as (slack, team), run_moot(tmp_path, slack=make_settings(slack, team)):
        shown: list[str] = []

        def is_up() -> bool:
            shown.append(capsys.readouterr().out)
            return "Discord: moot#0000 in 1 server · Slack: acme · ready" in "".join(shown)

        await wait_until(is_up)
