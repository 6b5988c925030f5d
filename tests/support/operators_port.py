"""The operators' port of a bot, as a collector reads it."""

from __future__ import annotations

import asyncio
import socket

import aiohttp

from bot.operations.reading import Reading


def find_free_port(host: str = "127.0.0.1") -> int:
    """Return a port that nothing listened on a moment ago."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as one:
        one.bind((host, 0))
        port: int = one.getsockname()[1]
        return port


async def read_page(port: int, path: str, host: str = "127.0.0.1") -> tuple[int, str]:
    """Return the status and the text of a page."""
    async with aiohttp.ClientSession() as session, session.get(f"http://{host}:{port}{path}") as answer:
        return answer.status, await answer.text()


async def wait_until_ready(port: int) -> None:
    """Wait until a bot, which answers already, says that it is ready, which may be after it has served people."""
    async with asyncio.timeout(60):
        while (await read_page(port, "/readyz"))[0] != 200:
            await asyncio.sleep(0.02)


async def scrape(port: int) -> Reading:
    """Read the metrics once."""
    status, text = await read_page(port, "/metrics")
    assert status == 200, text
    return Reading(text)
