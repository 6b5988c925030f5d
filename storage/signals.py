"""Signals between processes that share a PostgreSQL database: a fact of a run was stored, or its board should say more.

A signal is a hint (LISTEN and NOTIFY): it may be lost, and whoever conducts the run looks at the tables as well.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

import structlog

from storage.postgres import connect_async

log = structlog.get_logger()

CHANNEL = "moot_run"
MAX_NOTE_CHARS = 500  # PostgreSQL takes 8,000 bytes
MAX_WAITING = 10_000  # signals that are to be sent; more are left to the look at the tables
RETRY_S = 0.5

OnSignal = Callable[[str, str], None]  # a run, and a sentence for its board, "" for none


class Signals:
    """The signals of one process: `send` never waits; `send_all` and `hear` go on until they are cancelled."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._waiting: asyncio.Queue[str] = asyncio.Queue(MAX_WAITING)

    def send(self, run: str, note: str) -> None:
        """Have a signal sent to all processes."""
        if not self._waiting.full():
            self._waiting.put_nowait(json.dumps([run, note[:MAX_NOTE_CHARS]]))

    async def send_all(self) -> None:
        """Send signals; a connection that is lost is made again."""

        async def send() -> None:
            async with await connect_async(self._url) as connection:
                while True:
                    payload = await self._waiting.get()
                    await connection.execute("SELECT pg_notify(%s, %s)", [CHANNEL, payload])

        await _again(send)

    async def hear(self, on_signal: OnSignal) -> None:
        """Hear the signals of all processes; a connection that is lost is made again."""

        async def hear() -> None:
            async with await connect_async(self._url) as connection:
                await connection.execute(f"LISTEN {CHANNEL}".encode())
                async for heard in connection.notifies():
                    run, note = json.loads(heard.payload)
                    on_signal(run, note)

        await _again(hear)


async def _again(work: Callable[[], Awaitable[None]]) -> None:
    """Do the work again whenever its connection is lost."""
    while True:
        try:
            await work()
        except Exception as error:  # the driver's, of many kinds
            log.warning("signals between processes are cut; connecting anew", reason=f"{error}".partition("\n")[0])
        await asyncio.sleep(RETRY_S)
