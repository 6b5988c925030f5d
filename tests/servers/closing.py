"""How the wire servers close."""

from __future__ import annotations

import asyncio

from aiohttp import web


async def close(runner: web.AppRunner) -> None:
    """Lets in who has just connected, then closes all connections. One that is accepted in the very turn of the loop in
    which its server closes would stay open: https://github.com/python/cpython/issues/109564
    """
    for _ in range(3):  # until a connection that waits is accepted, and attached
        await asyncio.sleep(0)
    await runner.cleanup()
