"""Gateways and workers on one PostgreSQL database, all in the process of the tests, which so hears what they log."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

from bot.cli.cluster import open_cluster
from bot.cli.provision import read_configured
from bot.cli.serve import serve_platforms
from bot.settings.settings import Settings
from storage import SqlStore, open_store
from storage.leases import Role
from tests.servers.discord import DiscordServer
from tests.servers.model_server import ModelServer, answer
from tests.support.discord_bot import PATIENCE_S
from tests.support.processes import SEATS, Town
from tests.support.several import SharedTown


class TownHere(SharedTown):
    """A town whose gateways and workers are tasks."""

    async def start_here(
        self, stack: AsyncExitStack, role: Role, change: Callable[[SqlStore], None] = lambda store: None, **more: Any
    ) -> None:
        """Start one in its role, and return once it has a lease; it is cut off as the stack is left.

        `change`: made to its store. `more`: tables of its settings.
        """
        settings = Settings.model_validate({**self.make_tables(), "storage": {"url": self.url}, **more})
        known = len(self.list_leases(role))
        serving = asyncio.create_task(_serve(settings, role, change), name=role)
        stack.push_async_callback(_cut_off, serving)
        async with asyncio.timeout(120):
            while len(self.list_leases(role)) == known:
                assert not serving.done(), serving.exception()
                await asyncio.sleep(0.02)

    async def wait_until_heard(self) -> None:
        """Wait until a gateway hears what people do."""
        async with asyncio.timeout(120):
            while not await self.discord.connects():
                await asyncio.sleep(0.02)


async def _serve(settings: Settings, role: Role, change: Callable[[SqlStore], None]) -> None:
    async with (
        open_store(settings.storage.location, clock=time.time, shared=True) as store,
        open_cluster(settings, role, store) as cluster,
    ):
        change(store)
        await serve_platforms(settings, read_configured(settings, None), store, asyncio.Event(), cluster=cluster)


async def _cut_off(serving: asyncio.Task[None]) -> None:
    serving.cancel()
    await asyncio.wait([serving])


@asynccontextmanager
async def open_town_here(path: Path, url: str) -> AsyncIterator[tuple[TownHere, AsyncExitStack]]:
    """Open a town without a bot in it; leave it to cut off those that were started in it."""
    async with ModelServer() as models, DiscordServer(deadline_s=PATIENCE_S) as discord, AsyncExitStack() as stack:
        made = TownHere(path, url, discord, models)
        made.guild = await discord.create_guild()
        made.channel = await discord.create_channel(made.guild)
        made.ada = await discord.create_member(made.guild, "ada")
        for seat, name in SEATS.items():
            made.script_model(seat, answer(f"{name} ", "speaks."))
        yield made, stack


def count_lines(logged: Sequence[Mapping[str, Any]]) -> Counter[str]:
    """Count what both processes have logged as a warning, or as worse."""
    return Counter(line["event"] for line in logged if line["log_level"] in ("warning", "error"))


def read_texts(town: Town) -> list[str]:
    """Return all messages that anybody can read."""
    return [m.text for place in town.discord.hub.world.messages.values() for m in place.values()]
