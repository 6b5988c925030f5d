"""The gateway of the Discord wire server: sessions, resumes, intents, and the real discord.py through them."""

from __future__ import annotations

import asyncio

import aiohttp
import discord
import pytest

from tests.servers.discord import DiscordServer, Intent
from tests.support.discord_scene import open_scene


async def test_events_missed_while_away_come_with_the_resume() -> None:
    heard: list[str] = []
    arrived = asyncio.Event()

    def listen(client: discord.Client) -> None:
        async def on_message(message: discord.Message) -> None:
            heard.append(message.content)
            arrived.set()

        client.event(on_message)

    async def next_message() -> None:
        async with asyncio.timeout(60):
            await arrived.wait()
        arrived.clear()

    intents = discord.Intents(guilds=True, guild_messages=True, message_content=True)
    async with open_scene() as s, s.log_in(intents, listen):
        await s.server.say(s.ada, s.channel, "one")
        await next_message()
        await s.server.drop()
        await s.server.say(s.ada, s.channel, "two")
        await next_message()
        await s.server.ask_to_reconnect()
        await s.server.say(s.ada, s.channel, "three")
        await next_message()
        assert heard == ["one", "two", "three"]
        assert [c.kind for c in await s.server.connects()] == ["identify", "resume", "resume"]


async def test_a_refused_resume_begins_a_new_session() -> None:
    again = asyncio.Event()

    def listen(client: discord.Client) -> None:
        async def on_connect() -> None:
            again.set()

        client.event(on_connect)

    async with open_scene() as s, s.log_in(setup=listen):
        again.clear()
        await s.server.drop(resume=False)
        async with asyncio.timeout(60):
            await again.wait()
        assert [c.kind for c in await s.server.connects()] == ["identify", "identify"]


async def test_a_wrong_token_and_a_forbidden_intent_are_refused() -> None:
    async with open_scene(allowed=Intent(0)) as s:
        with pytest.raises(discord.PrivilegedIntentsRequired):
            async with s.log_in(discord.Intents(guilds=True, message_content=True)):
                pass
        s.server.token = "another"  # the token that the client sends; the hub keeps its own
        with pytest.raises(discord.LoginFailure):
            async with s.log_in():
                pass


@pytest.mark.parametrize("may_read", [False, True])
async def test_the_message_content_intent(may_read: bool) -> None:
    heard: list[str] = []
    last = asyncio.Event()

    def listen(client: discord.Client) -> None:
        async def on_message(message: discord.Message) -> None:
            heard.append(message.content)
            if message.guild is None:
                last.set()

        client.event(on_message)

    intents = discord.Intents(guilds=True, messages=True, message_content=may_read)
    async with open_scene() as s, s.log_in(intents, listen):
        await s.server.say(s.ada, s.channel, "plain")
        await s.server.say(s.ada, s.channel, "to you", mentions=(s.server.bot,))
        await s.server.say(s.ada, await s.server.dm(s.ada), "in private")
        async with asyncio.timeout(60):
            await last.wait()
        assert heard == ["plain" if may_read else "", f"<@{s.server.bot.id}> to you", "in private"]


async def test_a_connect_can_be_refused() -> None:
    async with DiscordServer() as server, aiohttp.ClientSession() as session:
        await server.refuse_connects(1)
        with pytest.raises(aiohttp.ClientError):
            await session.ws_connect(server.gateway_url)
        async with session.ws_connect(server.gateway_url) as socket:
            assert (await socket.receive_json())["op"] == 10
            await socket.send_json({"op": 1, "d": None})
            assert (await socket.receive_json())["op"] == 11


async def test_the_bot_is_thrown_out_of_a_guild() -> None:
    out = asyncio.Event()

    def listen(client: discord.Client) -> None:
        async def on_guild_remove(guild: discord.Guild) -> None:
            out.set()

        client.event(on_guild_remove)

    async with open_scene() as s, s.log_in(setup=listen) as client:
        channel = s.find_text_channel(client)
        await s.server.leave_guild(s.guild)
        async with asyncio.timeout(60):
            await out.wait()
        with pytest.raises(discord.Forbidden):
            await channel.send("hi")


async def test_shards_hear_of_their_own_guilds_alone() -> None:
    async with open_scene() as s, aiohttp.ClientSession() as session:
        mine = (s.guild.id >> 22) % 2
        for shard, there in ((mine, True), (1 - mine, False)):
            async with session.ws_connect(s.server.gateway_url) as socket:
                await socket.receive_json()
                who = {"token": s.server.token, "intents": 1, "shard": [shard, 2]}
                await socket.send_json({"op": 2, "d": who})
                ready = (await socket.receive_json())["d"]
                assert [g["id"] for g in ready["guilds"]] == ([str(s.guild.id)] if there else [])
