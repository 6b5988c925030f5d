"""A small scene on the Discord wire server, for the tests of that server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

import aiohttp
import discord

from tests.servers.discord import Channel, DiscordServer, Guild, Intent, Limits, Rule, User
from tests.servers.discord.client import log_in, redirect_clients
from tests.servers.discord.gateway import PRIVILEGED
from tests.servers.discord.server import SPEC

UNLIMITED = Limits({name: Rule(1000, 1.0) for name in ("message.create", "webhook.execute", "webhook.edit")})


class Scene:
    """A server with one guild, one channel and one person; clients log in as tests need them."""

    def __init__(self, server: DiscordServer, guild: Guild, channel: Channel, ada: User) -> None:
        self.server, self.guild, self.channel, self.ada = server, guild, channel, ada

    def log_in(
        self, intents: discord.Intents | None = None, setup: Callable[[discord.Client], None] = lambda client: None
    ) -> AbstractAsyncContextManager[discord.Client]:
        return log_in(self.server.token, intents, setup)

    def find_text_channel(self, client: discord.Client) -> discord.TextChannel:
        found = client.get_channel(self.channel.id)
        assert isinstance(found, discord.TextChannel)
        return found


@asynccontextmanager
async def open_scene(
    limits: Limits = UNLIMITED, *, allowed: Intent = PRIVILEGED, contract: Path = SPEC
) -> AsyncIterator[Scene]:
    async with DiscordServer(limits, allowed=allowed, contract=contract) as server:
        guild = await server.create_guild()
        channel = await server.create_channel(guild)
        with redirect_clients(server):
            yield Scene(server, guild, channel, await server.create_member(guild, "ada"))


async def send_request(
    server: DiscordServer, method: str, path: str, body: object = None
) -> tuple[int, dict[str, str], dict[str, object]]:
    """Send a request past discord.py, with the bot's token; return its status, headers and body."""
    headers = {"Authorization": f"Bot {server.token}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.request(method, server.api_base + path, json=body) as response,
    ):
        return response.status, dict(response.headers), await response.json()
