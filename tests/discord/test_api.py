"""Calls that show text, on the wire: each ends with its own response, and draws on the budget that Discord counts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from adapters.discord.addresses import Address, read_ref
from adapters.discord.surface import DiscordSurface
from adapters.discord.webhooks import Webhooks
from bot.domain.run import LaneId
from bot.domain.word_filter import WordFilter
from bot.ports.surface import Gone, Message, RateLimited
from tests.servers.discord import Limits, Rule
from tests.support.discord_scene import UNLIMITED
from tests.support.discord_wire import Wire, open_wire

SPENT_BY_ONE = Limits({name: Rule(1, 300.0) for name in ("message.create", "message.edit", "webhook.execute")})
TEXT = {"content": "hello"}
CREATE = "/channels/{channel_id}/messages"
EDIT = "/channels/{channel_id}/messages/{message_id}"


@asynccontextmanager
async def wire(limits: Limits = SPENT_BY_ONE) -> AsyncIterator[Wire]:
    async with open_wire(limits) as w, asyncio.timeout(30):  # far below the windows: nothing here waits one out
        yield w


async def test_the_call_that_spends_a_bucket_is_answered_at_once() -> None:
    async with wire() as w:
        sent = await w.rest.call("POST", CREATE, TEXT, channel_id=w.scene.channel.id)
        assert sent["content"] == "hello"


async def test_a_spent_bucket_refuses_at_once_and_says_for_how_long() -> None:
    async with wire() as w:
        await w.rest.call("POST", CREATE, TEXT, channel_id=w.scene.channel.id)
        with pytest.raises(RateLimited) as refused:
            await w.rest.call("POST", CREATE, TEXT, channel_id=w.scene.channel.id)
        assert 0 < refused.value.retry_after_s <= 300


async def test_an_error_that_spends_a_bucket_is_told_at_once() -> None:
    async with wire() as w:
        with pytest.raises(Gone):
            await w.rest.call("PATCH", EDIT, TEXT, channel_id=w.scene.channel.id, message_id=1)


async def test_all_posts_of_a_channel_draw_on_its_webhooks_budget_before_it_is_known() -> None:
    async with wire() as w:
        faces, here = Webhooks(w.rest, w.application), w.scene.channel.id
        spot = Address(w.scene.guild.id, here, here, "channel", "a")
        surface = DiscordSurface(w.rest, faces, spot, run="r", title="t", words=WordFilter(()), may_use_webhooks=True)
        await surface.post(Message(LaneId("board", 1, ""), 0, "board", "", "a board", final=False))
        seat = LaneId("answer", 1, "ada")
        before = surface.draws("post", seat)
        await surface.post(Message(seat, 0, "turn", "Ada", "hello", final=False))
        assert surface.draws("post", seat) == before
        now = asyncio.get_running_loop().time()
        spent = [name for name in before if w.budgets[name].tokens(now) < 1]
        assert spent == [name for name in before if name.startswith("discord call webhooks/")]


async def test_a_refused_webhook_is_asked_for_once_a_run_and_not_with_each_post() -> None:
    async with wire(UNLIMITED) as w:
        here, looks = w.scene.channel.id, [("GET", "/channels/{channel_id}/webhooks")]
        await w.scene.server.deny(here, "manage_webhooks")
        faces = Webhooks(w.rest, w.application)
        for times in (1, 2):
            spot = Address(w.scene.guild.id, here, here, "inside", str(times))
            surface = DiscordSurface(
                w.rest, faces, spot, run="r", title="t", words=WordFilter(()), may_use_webhooks=True
            )
            for seat in ("ada", "bob", "cyd"):
                await surface.post(Message(LaneId("answer", 1, seat), 0, "turn", seat, "hello", final=False))
            assert [r for r in w.scene.server.requests if (r.method, r.route) in looks][times:] == []
        await w.scene.server.allow(here, "manage_webhooks")
        spot = Address(w.scene.guild.id, here, here, "inside", "3")
        surface = DiscordSurface(w.rest, faces, spot, run="r", title="t", words=WordFilter(()), may_use_webhooks=True)
        ref = await surface.post(Message(LaneId("answer", 1, "ada"), 0, "turn", "Ada", "hello", final=False))
        assert read_ref(ref)[2]


async def test_one_look_finds_the_webhooks_of_a_whole_server() -> None:
    async with wire(UNLIMITED) as w:
        server, guild = w.scene.server, w.scene.guild
        channels = [w.scene.channel, *[await server.create_channel(guild) for _ in range(2)]]
        made = Webhooks(w.rest, w.application)
        hooks = [await made.find_or_create(channel.id, allowed=True) for channel in channels]
        looked = len(server.requests)
        faces = Webhooks(w.rest, w.application)  # as in the next process
        await asyncio.gather(*(faces.prefetch(guild.id) for _ in channels))
        assert [await faces.find_or_create(channel.id, allowed=True) for channel in channels] == hooks
        assert len(server.requests) == looked + 1


async def test_without_the_right_to_look_at_a_whole_server_each_channel_is_looked_at() -> None:
    async with wire(UNLIMITED) as w:
        await w.scene.server.fail("GET", "/guilds/*/webhooks", 403, code=50013)
        faces = Webhooks(w.rest, w.application)
        await faces.prefetch(w.scene.guild.id)
        assert await faces.find_or_create(w.scene.channel.id, allowed=True) is not None
