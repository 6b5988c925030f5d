"""A person on a server in another process, who asks for a council and reads it to its end.

`python -m tests.servers.discord.person http://127.0.0.1:8010 "Tea or coffee?"`
"""

from __future__ import annotations

import asyncio
import sys

import aiohttp

from tests.servers.discord.control import RemoteDiscord
from tests.servers.discord.world import Message, Ref

RETRY_S = 0.5
WITHIN_S = 300.0  # the model is small, and so may the machine be
ENDED = ":follow_up"  # the button of an end card


async def ask(origin: str, question: str) -> list[Message]:
    """Ask once there is a bot that hears and has commands; return the messages of the run, which has ended.

    Raises TimeoutError.
    """
    async with asyncio.timeout(WITHIN_S), RemoteDiscord(origin) as server:
        channel, ada = await _join(server)
        while not await server.connects() or not await server.commands():
            await asyncio.sleep(RETRY_S)
        await server.slash(ada, channel, "council", question=question)
        while True:
            messages = await server.messages(channel)
            if messages and messages[0].id in {thread.id for thread in await server.threads(channel)}:
                thread = await server.messages(messages[0])
                if any(ENDED in str(message.components) for message in thread):
                    return [*messages, *thread]
            await asyncio.sleep(RETRY_S)


async def _join(server: RemoteDiscord) -> tuple[Ref, Ref]:
    """Open a guild with a channel and a person once the server answers."""
    while True:
        try:
            guild = await server.create_guild()
            return await server.create_channel(guild), await server.create_member(guild, "ada")
        except aiohttp.ClientConnectionError:
            await asyncio.sleep(RETRY_S)


if __name__ == "__main__":
    for told in asyncio.run(ask(*sys.argv[1:3])):
        sys.stdout.write(f"{told.author.name}\n{told.text}\n\n")
