"""The rate limits of the Discord wire server, and how the real discord.py meets them."""

from __future__ import annotations

import asyncio

import pytest

from tests.servers.discord import Limits, Rule
from tests.servers.discord.errors import DiscordError
from tests.servers.discord.limits import Buckets
from tests.support.discord_scene import open_scene, send_request
from tests.support.virtual_time import run_virtual


async def test_discord_py_keeps_to_the_headers_and_obeys_a_429() -> None:
    async with open_scene(Limits({"message.create": Rule(2, 0.3)})) as s, s.log_in() as client:
        for n in range(5):
            await s.find_text_channel(client).send(str(n))
        assert {r.status for r in s.server.requests} == {200}
        path = f"/channels/{s.channel.id}/messages"
        answers = [await send_request(s.server, "POST", path, {"content": "spend"}) for _ in range(3)]
        status, headers, body = answers[-1]
        assert status == 429
        assert isinstance(body["retry_after"], float)
        assert (headers["Content-Type"], headers["X-RateLimit-Scope"]) == ("application/json", "user")
        assert {"Via", "Retry-After", "X-RateLimit-Bucket", "X-RateLimit-Reset-After"} <= headers.keys()
        other = await s.server.create_channel(s.guild)
        assert (await send_request(s.server, "POST", f"/channels/{other.id}/messages", {"content": "other"}))[0] == 200
        await s.find_text_channel(client).send("last")  # the client was told that one call is left, though none is
        sent = [r.status for r in s.server.requests if isinstance(r.body, dict) and r.body.get("content") == "last"]
        assert sent == [429, 200]


async def test_storms_and_long_waits() -> None:
    async with open_scene() as s, s.log_in() as client:
        await s.server.storm(0.2, retry_after_s=0.1)
        await s.find_text_channel(client).send("through")
        sent = [r.status for r in s.server.requests if r.route == "/channels/{channel_id}/messages"]
        assert sent[0] == 429
        assert sent[-1] == 200
        await s.server.fail("POST", "/channels/*/threads", 429, retry_after_s=136.0)
        status, _, body = await send_request(
            s.server, "POST", f"/channels/{s.channel.id}/threads", {"name": "t", "type": 11}
        )
        assert (status, body["retry_after"]) == (429, 136.0)
        statuses = [(await send_request(s.server, "GET", f"/channels/{s.channel.id}"))[0] for _ in range(60)]
        assert 429 in statuses  # the limit is fifty a second for the token


def test_a_window_opens_with_its_first_call_and_is_new_when_it_is_over() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        buckets = Buckets(Limits(), loop.time, lambda: 0.0)
        await asyncio.sleep(3.0)
        left = [int(buckets.take("message.edit", "1")["X-RateLimit-Remaining"]) for _ in range(5)]
        assert left == [4, 3, 2, 1, 0]
        await asyncio.sleep(4.0)
        with pytest.raises(DiscordError) as spent:
            buckets.take("message.edit", "1")
        assert spent.value.body["retry_after"] == 1.0
        buckets.take("message.edit", "2")
        await asyncio.sleep(1.0)
        buckets.take("message.edit", "1")

    run_virtual(main())


async def test_old_messages_take_fewer_edits() -> None:
    async with open_scene() as s, s.log_in() as client:
        message = await s.find_text_channel(client).send("old")
        await s.server.age(message, 3601.0)
        path = f"/channels/{s.channel.id}/messages/{message.id}"
        answers = [await send_request(s.server, "PATCH", path, {"content": str(n)}) for n in range(4)]
        assert [status for status, _, _ in answers] == [200, 200, 200, 429]
        assert answers[-1][2]["code"] == 30046
        assert answers[-1][1]["X-RateLimit-Remaining"] == "1"  # the bucket itself has room
