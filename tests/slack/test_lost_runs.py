"""A process that has lost its runs to another one says nothing of them on Slack any more."""

from __future__ import annotations

import aiohttp
import pytest

from adapters.slack.api import Api
from bot.ports.process import holding
from bot.ports.surface import SurfaceError
from tests.servers.slack import SlackServer


async def lose() -> None:
    raise SurfaceError("another process has taken the run over")


async def test_who_has_lost_its_runs_says_nothing_and_may_still_look_things_up() -> None:
    async with SlackServer() as server, aiohttp.ClientSession() as session:
        team = server.world.add_team("acme")
        api = Api(session, server.api_base)
        with pytest.raises(SurfaceError, match="another process"), holding(lose):
            await api.call_with_token(team.bot_token, "chat.postMessage", team.id, channel="C1", text="a")
        await api.call_with_token(team.bot_token, "auth.test", team.id)
        assert [seen.method for seen in server.api.requests] == ["auth.test"]
