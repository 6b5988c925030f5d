"""Moot as several processes on one PostgreSQL database, gateways and workers, which tests can kill one by one."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from signal import SIGKILL
from typing import Any

import psycopg
from aiohttp import ClientConnectionError

from storage import SqlStore, open_store
from tests.servers.discord import DiscordServer
from tests.servers.model_server import ModelServer, answer
from tests.support.discord_bot import PATIENCE_S
from tests.support.forked_moot import Fork
from tests.support.operators_port import find_free_port, read_page
from tests.support.processes import SEATS, Town

WAIT_S, STARTS_WITHIN_S = 60.0, 120.0


class SharedTown(Town):
    """A town whose bot is several processes, each started in its role."""

    def __init__(self, path: Path, url: str, discord: DiscordServer, models: ModelServer) -> None:
        super().__init__(path, discord, models)
        self.url = url
        self.processes: list[Fork] = []
        self._ports: dict[int, int] = {}  # of health and metrics, by process

    def change_discord(self, **settings: object) -> None:
        """Set settings of Discord, for the processes that are started from now on."""
        discord = {**self.make_tables()["discord"], **settings}
        self.change_settings(storage={"url": self.url}, discord=discord)

    async def start_role(self, role: str) -> Fork:
        """Start a process in its role and wait until it holds a lease and is ready: a gateway hears what people do."""
        port = find_free_port()
        process = await self._spawn("run", "--role", role, MOOT_METRICS__PORT=f"{port}")
        self.processes.append(process)
        self._ports[process.pid] = port
        async with asyncio.timeout(STARTS_WITHIN_S):
            while not self.has_lease(process, role) or not (await self.read_readiness(process))["ready"]:
                assert process.returncode is None, "it has ended by itself"
                await asyncio.sleep(0.02)
        return process

    async def read_readiness(self, process: Fork) -> dict[str, Any]:
        """Return what a process answers to whoever asks whether it is ready."""
        try:
            _, told = await read_page(self._ports[process.pid], "/readyz")
        except ClientConnectionError:  # it does not listen yet
            return {"ready": False}
        return dict(json.loads(told))

    def list_leases(self, role: str) -> list[str]:
        """Return the names of the processes of a role that have a lease, or had one lately."""
        with psycopg.connect(self.url, autocommit=True) as conn:
            if conn.execute("SELECT to_regclass('leases')").fetchone() == (None,):
                return []
            rows = conn.execute("SELECT owner FROM leases WHERE role = %s ORDER BY owner", [role]).fetchall()
        return [owner for (owner,) in rows]

    def has_lease(self, process: Fork, role: str) -> bool:
        """Return whether a process has a lease."""
        return any(f":{process.pid}:" in owner for owner in self.list_leases(role))

    def find_owner(self, run: str) -> Fork | None:
        """Return the process that holds a run; None: none does."""
        with psycopg.connect(self.url, autocommit=True) as conn:
            (owner,) = conn.execute("SELECT owner FROM runs WHERE run = %s", [run]).fetchone() or (None,)
        return next((p for p in self.processes if owner and f":{p.pid}:" in owner), None)

    async def wait_until_leased(self, process: Fork) -> None:
        """Wait until a process has taken a lease anew, after it has lost one."""
        async with asyncio.timeout(WAIT_S):
            while not self.has_lease(process, "worker"):
                await asyncio.sleep(0.02)

    async def wait_for_stored(self, happened: Callable[[SqlStore, str], Awaitable[bool]]) -> str:
        """Wait until `happened` is true of the only run in the store; return that run."""
        async with asyncio.timeout(WAIT_S), open_store(self.url, clock=lambda: 0.0, read_only=True) as store:
            while not (rows := await store.runs()) or not await happened(store, rows[0].run):
                await asyncio.sleep(0.02)
            return rows[0].run


@asynccontextmanager
async def open_shared_town(path: Path, url: str, **more: object) -> AsyncIterator[SharedTown]:
    """Open a town without a bot in it, and kill at the end what still runs. `more`: tables of settings."""
    async with ModelServer() as models, DiscordServer(deadline_s=PATIENCE_S) as discord:
        made = SharedTown(path, url, discord, models)
        made.guild = await discord.create_guild()
        made.channel = await discord.create_channel(made.guild)
        made.ada = await discord.create_member(made.guild, "ada")
        made.change_settings(storage={"url": url}, **more)
        for seat, name in SEATS.items():
            made.script_model(seat, answer(f"{name} ", "speaks."))
        try:
            yield made
        finally:
            for process in made.processes:
                if process.returncode is None:
                    process.send_signal(SIGKILL)
                    await process.wait()
