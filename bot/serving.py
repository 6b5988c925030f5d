"""The bot on its platforms, wired together: `moot run`."""

from __future__ import annotations

import asyncio
import signal
import time
from contextlib import AsyncExitStack
from typing import Any

from adapters.discord.api import Rest
from adapters.discord.budgets import budget as discord_budget
from adapters.discord.client import DiscordBot, make_client
from bot.errors import Misconfigured, Refused
from bot.formats import FORMATS
from bot.provision import USUAL_SEATS, Provision, provision
from bot.settings import DiscordSettings, Settings
from bot.tasks import Tasks
from bot.trace import NoTrace
from bot.wiring import OK, Core, configured, table
from bot.words import Words
from storage import SqlStore, open_store

NO_PLATFORM = (
    "No platform is configured, so there is nothing to run. Discord: set discord.token (MOOT_DISCORD__TOKEN). "
    "Slack: set slack.bot_token and slack.app_token. In this terminal: moot try."
)


async def run_bot() -> int:
    """Until it is stopped: SIGTERM or SIGINT leaves at once, and what runs goes on at the next start."""
    settings = configured()
    if settings.discord is None:
        raise Misconfigured(NO_PLATFORM)
    for name, server in settings.servers.items():
        try:
            Words(server.words)
        except Refused as error:
            raise Misconfigured(f"servers.{name}.words: {error}") from error
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(settings.storage.path, clock=time.time))
        supply = await stack.enter_async_context(provision(settings, None, lambda found: found[:USUAL_SEATS]))
        await _until_stopped(serve(settings, settings.discord, supply, store))
    return OK


async def serve(settings: Settings, discord: DiscordSettings, supply: Provision, store: SqlStore) -> None:
    """Discord with everything behind it, until cancelled. Raises Misconfigured."""
    words: asyncio.Queue[str] = asyncio.Queue(maxsize=100)  # for the operator
    async with table(
        settings,
        supply,
        store,
        NoTrace(),
        discord_budget,
        vote_s=settings.limits.vote_s,
        tell_operator=lambda text: None if words.full() else words.put_nowait(text),
    ) as core:
        rest = Rest(core.budgets, asyncio.get_running_loop().time)
        bot = DiscordBot(make_client(discord, rest), rest, core.actions, store, store, discord, settings.limits)
        async with Tasks() as tasks:
            besides = [tasks.create_task(_resume(bot, core, settings)), tasks.create_task(_tell(bot, words))]
            try:
                await bot.serve()
            finally:
                for task in besides:
                    task.cancel()


async def _resume(bot: DiscordBot, core: Core, settings: Settings) -> None:
    """Once the servers are known, go on with what an earlier process has left."""
    await bot.ready.wait()
    await core.hall.resume(FORMATS, bot.places.reopen, time.time() - settings.limits.vote_s)


async def _tell(bot: DiscordBot, words: asyncio.Queue[str]) -> None:
    while True:
        await bot.tell_operator(await words.get())


async def _until_stopped(work: Any) -> None:
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(work)
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    try:
        await task
    except asyncio.CancelledError:
        if (me := asyncio.current_task()) and me.cancelling():
            raise
