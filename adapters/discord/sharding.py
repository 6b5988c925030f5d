"""Discord's shards as several gateways share them: a client that hears those which the database lets it have."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import discord
import structlog
from discord.gateway import DiscordWebSocket

from bot.errors import Misconfigured, StoreFailed
from bot.outages import OutageLog
from bot.ports.shards import ShardLeases, ShardShare

log = structlog.get_logger()

LOOK_S = 1.0  # between two looks for what the others left or need
PATIENCE_S = 6.0  # two leases: so long a shard may still be that of a process that has died
HELD = (
    "discord.shard_ids: shard {} is heard by another gateway ({}), and two on one shard would both answer. Stop that "
    "one, give each gateway shards of its own, or leave shard_ids out: then gateways share discord.shard_count shards."
)


class LeasedClient(discord.AutoShardedClient):
    """A client whose `shard_ids` are those that this process may hear now: none at first, and while others hear all.

    A shard is launched once it is taken, and let go after its connection is closed. Sessions of all gateways begin as
    Discord's `max_concurrency` asks.
    """

    shard_ids: list[int]

    def __init__(self, leases: ShardLeases, only: Sequence[int] | None, **options: Any) -> None:
        """Take the leases, and the shards that this process is to have where its settings name them."""
        super().__init__(**options)
        self.shard_ids = []
        self._leases = leases
        self._only = only
        self._concurrency = 1  # sessions that Discord lets begin within five seconds
        self._launched = set[int]()
        self._keeping: asyncio.Task[None] | None = None

    async def connect(self, *, reconnect: bool = True) -> None:
        """Hear the shards of this process. Raises Misconfigured where others hear those that it was given."""
        try:
            await super().connect(reconnect=reconnect)
        finally:
            if self._keeping is not None:
                self._keeping.cancel()
                await asyncio.gather(self._keeping, return_exceptions=True)

    async def launch_shards(self) -> None:
        """Launch the first shard, as soon as there is one for this process; the others come and go beside it."""
        self._concurrency = (await self.fetch_session_start_limits()).max_concurrency
        self._launched.clear()
        first = await self._wait_for_share()
        self.shard_ids = [first]
        await super().launch_shards()
        self._launched.add(first)
        self._keeping = asyncio.create_task(self._keep_shards())

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """Wait until a session may begin, of all gateways."""
        outage = OutageLog("no session can begin")
        while True:
            try:
                wait_s = await self._leases.begin_session((shard_id or 0) % self._concurrency)
                outage.end()
            except StoreFailed as error:
                outage.note(error)
                wait_s = LOOK_S
            if not wait_s:
                return
            await asyncio.sleep(wait_s)

    def is_connected(self) -> bool:
        """Return whether each shard that this process may hear is connected; also where it may hear none."""
        shards = self.shards
        return all(shard in shards and not shards[shard].is_closed() for shard in self.shard_ids)

    async def _wait_for_share(self) -> int:
        """Wait for a shard; for all that were given, where settings give some. Raises Misconfigured."""
        loop = asyncio.get_running_loop()
        refused_at = loop.time() + PATIENCE_S
        while True:
            share = await self._share()
            held = [shard for shard in self._only or () if shard in share.others]
            if share.own and not held:
                return share.own[0]
            if held and loop.time() >= refused_at:
                raise Misconfigured(HELD.format(held[0], share.others[held[0]]))
            if share.others and not held:
                self.dispatch("ready")  # in reserve: other processes hear all shards
            await asyncio.sleep(LOOK_S)

    async def _keep_shards(self) -> None:
        """Hear what this process may hear, and let go what is more than its part; until cancelled."""
        while True:
            try:
                waiting = await self._keep_share(await self._share())
            except StoreFailed as error:
                log.warning("a shard cannot be let go; trying again", reason=str(error))
                waiting = False
            except Exception:
                log.exception("shards cannot be shared")
                waiting = False
            if not waiting:
                await asyncio.sleep(LOOK_S)

    async def _keep_share(self, share: ShardShare) -> bool:
        """Close what others may hear, and launch one shard; return whether more are to be launched."""
        self.shard_ids = [shard for shard in share.own if shard not in share.surplus]
        for number, shard in self.shards.items():
            if number not in self.shard_ids:
                await shard.disconnect()
                self._launched.discard(number)
        if share.surplus:
            await self._leases.release(share.surplus)
        missing = [shard for shard in self.shard_ids if shard not in self._launched]
        if missing:
            await self.launch_shard(DiscordWebSocket.DEFAULT_GATEWAY, missing[0])
            self._launched.add(missing[0])
        return len(missing) > 1

    async def _share(self) -> ShardShare:
        outage = OutageLog("shards cannot be looked for")
        while True:
            try:
                share = await self._leases.share(self.shard_count or 1, self._only)
            except StoreFailed as error:
                outage.note(error)
                await asyncio.sleep(LOOK_S)
            else:
                outage.end()
                return share
