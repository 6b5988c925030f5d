"""The gateway's events for a moment at a time, so that a flood of them leaves the bot to the others."""

from __future__ import annotations

import asyncio
from typing import Any

import discord
from discord.gateway import DiscordWebSocket

SLICE_S = 0.01  # events are taken for so long, then all that waits has its turn


class Gateway(DiscordWebSocket):
    """Lets everything else go on between events.

    discord.py handles what has arrived without a pause and begins a task for each event: a burst of thousands, which
    is a few kilobytes once compressed, would hold up the loop for longer than the 3 s that an interaction can wait for
    its answer, and pile up as many tasks. So what cannot be handled yet stays unread in the connection.
    """

    _turn_at = 0.0  # loop time

    async def received_message(self, msg: Any, /) -> None:
        await super().received_message(msg)
        loop = asyncio.get_running_loop()
        if loop.time() - self._turn_at >= SLICE_S:
            await asyncio.sleep(0)
            self._turn_at = loop.time()


def use() -> None:
    """For all clients of this process: discord.py lets nobody hand it a class of theirs."""
    discord.client.DiscordWebSocket = Gateway  # type: ignore[misc]  # a name that it looks up when it connects
    discord.shard.DiscordWebSocket = Gateway  # type: ignore[misc]  # likewise
