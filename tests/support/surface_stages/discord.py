"""Discord's surface on the wire server, with the real discord.py: in every kind of place where a run can stand."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any, Literal

import discord
from pydantic import SecretStr

from adapters.discord.addresses import read_ref
from adapters.discord.api import Rest
from adapters.discord.budgets import discord_budget
from adapters.discord.client import make_client
from adapters.discord.places import Places
from adapters.discord.webhooks import Webhooks
from bot.domain.run import LaneId
from bot.domain.word_filter import WordFilter
from bot.live.budget import Budgets
from bot.ports.surface import MessageRef, Surface
from bot.settings.platforms import DiscordSettings
from tests.servers.discord import DiscordServer, Message, User
from tests.servers.discord.client import redirect_clients
from tests.support.discord_bot import UNLIMITED
from tests.support.discord_guild import button_labels
from tests.support.stores import MemoryStore
from tests.support.surface_stages.base import (
    RETRY_S,
    RUN,
    Ability,
    Refusal,
    SeenMessage,
    SurfaceCase,
    make_transcript,
    store_pages,
)

STATUS: dict[Refusal, tuple[int, int]] = {  # HTTP status and Discord's code
    "for now": (429, 0),
    "for good": (403, 50013),
    "by a fault": (500, 0),
    "by a torn connection": (0, 0),
}


class DiscordStage:
    def __init__(self, server: DiscordServer, ada: User, client: discord.Client, rest: Rest, channel: Any) -> None:
        self.person = f"discord:{ada.id}"
        self._server = server
        self._client = client
        self._rest = rest
        self._channel = channel
        self._store = MemoryStore(time.time)
        self._places = self._make_places()
        self.surface = self._make_surface()

    async def open_another(self) -> Surface:
        return self._make_surface()

    async def read_messages(self) -> list[SeenMessage]:
        return [SeenMessage(m.text, tuple(button_labels(m))) for m in self._own_messages()]

    def list_pings(self) -> list[str]:
        return [f"discord:{person}" for m in self._own_messages() for person in m.notified]

    async def delete_as_person(self, ref: MessageRef) -> None:
        await self._server.delete_message(read_ref(ref)[1])

    async def refuse(self, how: Refusal) -> None:
        status, code = STATUS[how]
        await self._server.fail("*", "*", status, None, code=code, retry_after_s=RETRY_S)

    async def heal(self) -> None:
        await self._server.heal()

    def list_requests(self) -> list[str]:
        return [r.bucket for r in self._server.requests]

    async def reopen(self, placed: dict[LaneId, MessageRef]) -> Surface | None:
        await store_pages(self._store, self.surface, placed)
        server = f"discord:{self._channel.guild.id}" if getattr(self._channel, "guild", None) else self.person
        stands = await self._store.posted_pages(RUN)
        return await self._make_places().reopen(self.surface.address, RUN, make_transcript(server), stands)

    def _make_places(self) -> Places:
        """Return the places as a process that has just begun knows them."""
        assert self._client.application_id is not None
        faces = Webhooks(self._rest, self._client.application_id)
        return Places(self._store, self._rest, faces, self._client, lambda server: WordFilter([]))

    def _make_surface(self) -> Surface:
        guild = getattr(self._channel, "guild", None)
        granted = self._channel.permissions_for(guild.me) if guild else discord.Permissions.none()
        return self._places.create(RUN, "Tea?", self._channel, granted, None, None)

    def _own_messages(self) -> list[Message]:
        """Return the messages of the bot and its webhook, in the order in which they appeared: by id."""
        found = [m for place in self._server.hub.world.messages.values() for m in place.values() if m.author.bot]
        return sorted(found, key=lambda m: m.id)


Where = Literal["channel", "thread", "forum", "direct message"]


@asynccontextmanager
async def open_discord(where: Where, *, faces: bool = True) -> AsyncIterator[DiscordStage]:
    now = asyncio.get_running_loop().time
    async with DiscordServer(UNLIMITED) as server:
        guild = await server.create_guild()
        hall = await server.create_channel(guild)
        forum = await server.create_forum(guild)
        ada = await server.create_member(guild, "ada")
        if not faces:
            await server.deny(hall, "manage_webhooks")
        place = {
            "channel": hall.id,
            "forum": forum.id,
            "thread": (await server.thread(ada, await server.say(ada, hall, "Tea?"), "tea")).id,
            "direct message": (await server.dm(ada)).id,
        }[where]
        rest = Rest(Budgets(discord_budget, now()), now)
        with redirect_clients(server):
            settings = DiscordSettings(
                token=SecretStr(server.token), api_base=server.api_base, gateway_url=server.gateway_url
            )
            async with connect(make_client(settings, rest), server.token) as client:
                rest.use_client(client)
                yield DiscordStage(server, ada, client, rest, await client.fetch_channel(place))


@asynccontextmanager
async def connect(client: discord.Client, token: str) -> AsyncIterator[discord.Client]:
    """Connect the client and wait until it knows its channels."""

    async def before_identify_hook(shard_id: int | None, *, initial: bool = False) -> None:
        """Skip the 5 s that discord.py waits here before it identifies once more."""

    client.event(before_identify_hook)
    client._connection.guild_ready_timeout = 0.05  # so long it waits for further guilds
    async with client:
        await client.login(token)
        running = asyncio.create_task(client.connect())
        await client.wait_until_ready()
        yield client
    await running


ALL: frozenset[Ability] = frozenset({"buttons", "whole", "people", "refuses", "counts", "reopens", "finds", "bounded"})

CASES = (
    SurfaceCase("Discord, a channel", ALL, partial(open_discord, "channel")),
    SurfaceCase("Discord, a channel without webhooks", ALL, partial(open_discord, "channel", faces=False)),
    SurfaceCase("Discord, a thread", ALL, partial(open_discord, "thread")),
    SurfaceCase("Discord, a forum", ALL, partial(open_discord, "forum")),
    SurfaceCase("Discord, a direct message", ALL, partial(open_discord, "direct message")),
)
