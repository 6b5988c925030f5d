"""Refusals by a limit, as Slack is known to tell them: each is understood, and says how long to wait."""

from __future__ import annotations

import time
from email.utils import formatdate

import aiohttp
import pytest

from adapters.slack.api import DEFAULT_PAUSE_S, Api
from adapters.slack.scopes import Method
from bot.ports.surface import RateLimited
from tests.servers.slack import SlackServer

TOLD = {"7": 7.0, "1.5": 1.5, "0": 0.0, **dict.fromkeys(("", "soon", "-1", "nan"), DEFAULT_PAUSE_S)}


async def refuse(error: str = "", *, method: Method = "chat.update", status: int = 0, told: str = "9") -> RateLimited:
    async with SlackServer() as server, aiohttp.ClientSession() as session:
        team = server.world.add_team("acme")
        server.faults.fail(method, error, status=status, retry_after=told)
        said = {"channel": "C1", "text": "a", **({"ts": "1.0"} if method == "chat.update" else {})}
        with pytest.raises(RateLimited) as refused:
            await Api(session, server.api_base).call_with_token(team.bot_token, method, team.id, **said)
        return refused.value


@pytest.mark.parametrize("told", TOLD)
async def test_a_retry_after_is_read_as_it_comes(told: str) -> None:
    assert (await refuse("ratelimited", told=told)).retry_after_s == TOLD[told]


async def test_a_retry_after_may_be_a_date() -> None:
    at = formatdate(time.time() + 100, usegmt=True)
    assert 0 < (await refuse("ratelimited", told=at)).retry_after_s <= 100


async def test_a_429_may_have_no_json() -> None:
    assert (await refuse(status=429)).retry_after_s == 9.0


async def test_a_limit_may_be_told_with_status_200() -> None:
    assert (await refuse("rate_limited", method="chat.postMessage")).retry_after_s == DEFAULT_PAUSE_S
