"""The gateway's connection with pauses between events, so that a flood of them does not hold up everything else."""

from __future__ import annotations

import asyncio
from typing import Any

import discord
import structlog
from discord.gateway import DiscordWebSocket

log = structlog.get_logger()

SLICE_S = 0.01  # events are handled for so long, then other tasks have their turn


class Gateway(DiscordWebSocket):
    """discord.py's connection, which lets other tasks run between events.

    discord.py handles everything that has arrived without a pause, and begins a task for each event. A burst of
    thousands, compressed to a few kilobytes, would hold up the loop for longer than the 3 s that an interaction can
    wait for its answer, and begin as many tasks. With pauses, later events stay unread in the connection.
    An event that it cannot read is passed over.
    """

    _turn_at = 0.0  # loop time

    async def received_message(self, msg: Any, /) -> None:
        try:
            await super().received_message(msg)
        except (LookupError, TypeError, ValueError, AttributeError):  # else it would end the connection
            log.exception("an event is not as discord.py expects it, and was passed over")
        loop = asyncio.get_running_loop()
        if loop.time() - self._turn_at >= SLICE_S:
            await asyncio.sleep(0)
            self._turn_at = loop.time()


def install_gateway() -> None:
    """Make all clients of this process use `Gateway`. discord.py has no setting for the class of its connection."""
    discord.client.DiscordWebSocket = Gateway  # type: ignore[misc]  # discord.py looks this name up when it connects
    discord.shard.DiscordWebSocket = Gateway  # type: ignore[misc]  # likewise
