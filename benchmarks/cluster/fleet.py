"""Gateways and workers, each a process of its own, as an operator starts, stops and replaces them."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from signal import SIGCONT, SIGSTOP, SIGTERM
from typing import Any

import psutil
import psycopg
from aiohttp import ClientConnectionError

from benchmarks.chaos.audit import Found
from benchmarks.chaos.process import STARTS_WITHIN_S, STOPS_WITHIN_S, Bot
from benchmarks.chaos.wire import World
from storage.leases import Role
from tests.support.operators_port import find_free_port, read_page

LOOK_S = 0.05


@dataclass(eq=False)
class Member:
    """A process in its role. `port`: where it says whether it is ready."""

    name: str
    role: Role
    bot: Bot
    port: int

    def is_owner(self, name: str) -> bool:
        """Return whether this process has that name among the holders of runs."""
        return f":{self.bot.pid}:" in name

    def cpu_s(self) -> float:
        """Return the CPU seconds that it has taken so far."""
        times = psutil.Process(self.bot.pid).cpu_times()
        return float(times.user + times.system)


@dataclass
class Fleet:
    """The processes of a world.

    `blows`: the wall times between which one may have taken a run away; `broken`: what a process broke.
    """

    world: World
    members: list[Member] = field(default_factory=list)
    blows: list[tuple[float, float]] = field(default_factory=list)
    broken: list[Found] = field(default_factory=list)
    _ended: list[Member] = field(default_factory=list)  # of which it is known why

    def list_alive(self, role: Role | None = None) -> list[Member]:
        """Return the members that run, those of a role if one is given, the oldest first."""
        return [member for member in self.members if role in (None, member.role) and member.bot.is_alive]

    async def start(self, role: Role) -> Member:
        """Start a process, and return once it has a lease and is ready."""
        name, port = f"{role}-{len(self.members)}", find_free_port()
        bot = Bot(
            Path(self.world.bot.store).parent,
            tuple,  # gateways share connections
            name=name,
            options=("--role", role),
            env={"MOOT_METRICS__PORT": str(port)},
        )
        member = Member(name, role, bot, port)
        self.members.append(member)
        bot.spawn()
        async with asyncio.timeout(STARTS_WITHIN_S):
            while not (await _is_ready(member) and await self.has_lease(member)):
                if not bot.is_alive:
                    raise RuntimeError(f"a {role} has ended by itself:\n{bot.log[-2000:]}")
                await asyncio.sleep(LOOK_S)
        return member

    async def kill(self, member: Member) -> float:
        """Kill a process; return when."""
        at = time.time()
        self.blows.append((at, at))
        self._ended.append(member)
        member.bot.kill()
        await member.bot.wait_until_gone()
        return at

    async def sleep(self, member: Member, seconds: float) -> float:
        """Let a process sleep for so long; return when that began."""
        at = time.time()
        self.blows.append((at, at))
        member.bot.send(SIGSTOP)
        await asyncio.sleep(seconds)
        member.bot.send(SIGCONT)
        return at

    async def stop(self, member: Member) -> float:
        """Stop a process as an operator does; return when it had handed its runs over."""
        self._ended.append(member)
        began = time.time()
        member.bot.send(SIGTERM)
        async with asyncio.timeout(STOPS_WITHIN_S):
            while await self.has_lease(member):
                await asyncio.sleep(LOOK_S)
        at = time.time()
        self.blows.append((began, at))
        try:
            status = await member.bot.wait_for_end()
        except TimeoutError:
            self.broken.append(Found("goes on by itself", f"SIGTERM did not end a {member.role}"))
        else:
            if status != 0:
                said = f"a {member.role} left with status {status}: {member.bot.log[-500:]}"
                self.broken.append(Found("goes on by itself", said))
        return at

    def find_ended(self) -> list[Found]:
        """Return processes that have ended by themselves since the last time."""
        ended = [member for member in self.members if not member.bot.is_alive and member not in self._ended]
        self._ended += ended
        return [Found("goes on by itself", f"a {m.role} has ended by itself: {m.bot.log[-1000:]}") for m in ended]

    def end(self) -> None:
        """Kill what still runs."""
        for member in self.members:
            member.bot.end()

    # the database, seen from outside

    async def has_lease(self, member: Member) -> bool:
        """Return whether a process has a lease, which may have run out."""
        if await self.select("SELECT to_regclass('leases')") == [(None,)]:
            return False
        return any(member.is_owner(owner) for (owner,) in await self.select("SELECT owner FROM leases"))

    async def list_held(self) -> dict[Member, list[str]]:
        """Return the runs that each worker holds and that are not over."""
        rows = await self.select("SELECT owner, run FROM runs WHERE owner IS NOT NULL AND caught_up_at IS NULL")
        workers = self.list_alive("worker")
        return {worker: [run for owner, run in rows if worker.is_owner(owner)] for worker in workers}

    async def select(self, statement: str, given: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """Return the rows of a statement in the database of the fleet."""
        async with await psycopg.AsyncConnection.connect(str(self.world.location), autocommit=True) as conn:
            return await (await conn.execute(statement.encode(), given)).fetchall()


async def _is_ready(member: Member) -> bool:
    try:
        _, told = await read_page(member.port, "/readyz")
    except ClientConnectionError:  # it does not listen yet
        return False
    return bool(json.loads(told)["ready"])
