"""The unmodified discord.py, connected to the server.

The package does not import this module, and so works without discord.py.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Protocol

import discord
import yarl


class Served(Protocol):
    """The two addresses of a running server."""

    @property
    def api_base(self) -> str: ...

    @property
    def gateway_url(self) -> str: ...


class Impatient(discord.Client):
    """A client that identifies again without a wait."""

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Skip the 5 s that discord.py waits here before it identifies again."""


@contextmanager
def redirect_clients(server: Served) -> Iterator[None]:
    """Point every Discord client of this process at `server` within the block.

    discord.py keeps both addresses in attributes of classes.
    """
    gateway = discord.gateway.DiscordWebSocket
    before = discord.http.Route.BASE, gateway.DEFAULT_GATEWAY
    discord.http.Route.BASE = server.api_base
    gateway.DEFAULT_GATEWAY = yarl.URL(server.gateway_url)
    try:
        yield
    finally:
        discord.http.Route.BASE, gateway.DEFAULT_GATEWAY = before


@asynccontextmanager
async def log_in(
    token: str,
    intents: discord.Intents | None = None,
    setup: Callable[[discord.Client], None] = lambda client: None,
) -> AsyncIterator[discord.Client]:
    """Log a client in, and yield it once it is ready.

    `setup` adds listeners and commands before the login. Raises what the login raises.
    """
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
