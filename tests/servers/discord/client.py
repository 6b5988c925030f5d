"""The unmodified discord.py, logged in at the server. Apart from the package, which does not need discord.py."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Protocol

import discord
import yarl


class Served(Protocol):
    """Where a server is, and what a bot says to it."""

    @property
    def api_base(self) -> str: ...

    @property
    def gateway_url(self) -> str: ...


class Impatient(discord.Client):
    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """discord.py waits here for 5 s before it identifies once more."""


@contextmanager
def pointed_at(server: Served) -> Iterator[None]:
    """Until it is left, every client of this process talks to this server: discord.py keeps both in classes."""
    gateway = discord.gateway.DiscordWebSocket
    before = discord.http.Route.BASE, gateway.DEFAULT_GATEWAY
    discord.http.Route.BASE = server.api_base
    gateway.DEFAULT_GATEWAY = yarl.URL(server.gateway_url)
    try:
        yield
    finally:
        discord.http.Route.BASE, gateway.DEFAULT_GATEWAY = before


@asynccontextmanager
async def logged_in(
    token: str,
    intents: discord.Intents | None = None,
    setup: Callable[[discord.Client], None] = lambda client: None,
) -> AsyncIterator[discord.Client]:
    """A client that is ready; `setup` adds listeners and commands before. Raises what its login raises."""
    client = Impatient(intents=intents or discord.Intents.default(), guild_ready_timeout=0.05)
    setup(client)
    running = asyncio.create_task(client.start(token))
    async with client:
        ready = asyncio.create_task(client.wait_until_ready())
        await asyncio.wait({running, ready}, return_when=asyncio.FIRST_COMPLETED)
        ready.cancel()
        if running.done():
            await running
        yield client
    await running
