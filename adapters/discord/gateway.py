"""The gateway's events a few at a time, so that a flood of them leaves the bot to the others."""

from __future__ import annotations

import asyncio
from typing import Any

import discord
from discord.gateway import DiscordWebSocket

EVENTS = 20  # some milliseconds


class Gateway(DiscordWebSocket):
    """Lets everything else go on after every few events.

    discord.py handles what has arrived without a pause and begins a task for each event: a burst of thousands, which
    is a few kilobytes once compressed, would hold up the loop for longer than the 3 s that an interaction can wait for
    its answer, and pile up as many tasks. So what cannot be handled yet stays unread in the connection.
    """

    _taken = 0

    async def received_message(self, msg: Any, /) -> None:
        await super().received_message(msg)
        self._taken += 1
        if self._taken % EVENTS == 0:
            await asyncio.sleep(0)


def use() -> None:
    """For all clients of this process: discord.py lets nobody hand it a class of theirs."""
    discord.client.DiscordWebSocket = Gateway  # type: ignore[misc]  # a name that it looks up when it connects
    discord.shard.DiscordWebSocket = Gateway  # type: ignore[misc]  # likewise
