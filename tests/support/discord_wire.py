"""A display on Discord's wire server, which real discord.py speaks with, in virtual time if the loop's is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import NamedTuple

from pydantic import SecretStr

from adapters.discord.addresses import Address
from adapters.discord.api import Rest
from adapters.discord.budgets import discord_budget
from adapters.discord.client import make_client
from adapters.discord.surface import DiscordSurface
from adapters.discord.webhooks import Webhooks
from bot.domain.word_filter import WordFilter
from bot.engine.trace import NoTrace
from bot.live.budget import Budgets
from bot.live.schedule import Scheduler
from bot.live.view import Display
from bot.settings.platforms import DiscordSettings
from tests.servers.discord import Limits
from tests.support.discord_scene import Scene, open_scene


@dataclass(frozen=True, slots=True)
class Wire:
    """A scene, and a logged-in client with the budgets that its calls draw on."""

    scene: Scene
    rest: Rest
    budgets: Budgets
    application: int


class WireDisplay(NamedTuple):
    scene: Scene
    rest: Rest
    display: Display


@asynccontextmanager
async def open_wire(limits: Limits) -> AsyncIterator[Wire]:
    """Log a client in at a server with these limits."""
    now = asyncio.get_running_loop().time
    async with open_scene(limits) as s:
        budgets = Budgets(discord_budget, now())
        rest = Rest(budgets, now)
        token = SecretStr(s.server.token)
        settings = DiscordSettings(token=token, api_base=s.server.api_base, gateway_url=s.server.gateway_url)
        rest.use_client(client := make_client(settings, rest))
        async with client:
            await client.login(s.server.token)
            assert client.application_id is not None
            yield Wire(s, rest, budgets, client.application_id)


@asynccontextmanager
async def open_display(limits: Limits, *, by_webhook: bool = True) -> AsyncIterator[WireDisplay]:
    """Open a display in the scene's channel. `by_webhook`: seats speak under their own names."""
    async with open_wire(limits) as w, Scheduler(w.budgets) as scheduler:
        guild, channel = w.scene.guild.id, w.scene.channel.id
        surface = DiscordSurface(
            w.rest,
            Webhooks(w.rest, w.application),
            Address(guild, channel, channel, "inside", "a"),
            run="r",
            title="t",
            words=WordFilter(()),
            may_use_webhooks=by_webhook,
        )
        display = Display(scheduler, trace=NoTrace())
        display.attach(surface)
        yield WireDisplay(w.scene, w.rest, display)
