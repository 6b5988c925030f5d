"""Signals between processes that share a PostgreSQL database: a fact of a run was stored, or its board should say more.

A signal is a hint (LISTEN and NOTIFY): it may be lost, and whoever conducts the run looks at the tables as well.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable

from bot.outages import OutageLog
from storage.postgres import connect_async

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

        async def send(connected: Callable[[], None]) -> None:
            async with await connect_async(self._url) as connection:
                connected()
                while True:
                    payload = await self._waiting.get()
                    await connection.execute("SELECT pg_notify(%s, %s)", [CHANNEL, payload])

        await _again(send, OutageLog("signals cannot be sent to other processes"))

    async def hear(self, on_signal: OnSignal) -> None:
        """Hear the signals of all processes; a connection that is lost is made again."""

        async def hear(connected: Callable[[], None]) -> None:
            async with await connect_async(self._url) as connection:
                await connection.execute(f"LISTEN {CHANNEL}".encode())
                connected()
                async for heard in connection.notifies():
                    run, note = json.loads(heard.payload)
                    on_signal(run, note)

        await _again(hear, OutageLog("signals of other processes cannot be heard"))


async def _again(work: Callable[[Callable[[], None]], Awaitable[None]], outage: OutageLog) -> None:
    """Do the work again whenever its connection is lost; it calls what it is given once it is connected."""
    while True:
        try:
            await work(outage.end)
        except Exception as error:  # the driver's, of many kinds
            outage.note(error)
        await asyncio.sleep(RETRY_S)
