"""Leases of the processes that share a PostgreSQL database: who holds which runs, and until when.

A process has one lease, which it renews all the time, and holds runs as long as that lasts. All times are the
database's. Once a lease has run out, any process may free its runs: from then on every write of the late owner is
fenced off, as their epochs are higher. Nothing else takes runs away, so a late owner whose lease is still there has
lost nothing.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Literal

from sqlalchemy import (
    ColumnElement,
    Connection,
    Double,
    and_,
    cast,
    delete,
    exists,
    func,
    literal_column,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import insert

from bot.ports.store import Starter
from storage import postgres
from storage.errors import translating_errors
from storage.locations import Connections
from storage.schema import leases, runs

LEASE_S = 3.0  # from the last renewal
MAX_UNREAD = 1_000  # runs that a process tells the others it cannot read, the newest
MAX_STRANDED = 100  # runs that nobody holds and that are looked at in one go

Role = Literal["gateway", "worker"]

NOW = cast(func.extract("epoch", func.clock_timestamp()), Double)
# After a restart of the server every lease looks old, though its process may be well: each gets its time again.
_server_began = literal_column("extract(epoch FROM pg_postmaster_start_time())", Double)
IS_LATE = func.greatest(leases.c.until, _server_began + LEASE_S) < NOW
_NOBODYS = runs.c.owner.is_not(None) & ~exists().where(leases.c.owner == runs.c.owner)
_IS_OPEN = and_(runs.c.server.is_not(None), runs.c.caught_up_at.is_(None), runs.c.deleted_at.is_(None))
_OPEN = select(runs.c.run, runs.c.seq).where(_IS_OPEN)
_STRANDED = (
    _OPEN.where(runs.c.owner.is_(None))
    .order_by(func.random())  # so that those for which nothing can be done hide no others
    .limit(MAX_STRANDED)
)


@dataclass(frozen=True, slots=True)
class Held:
    """What a renewal found.

    `seqs`: of each run that the process holds, the number of its newest fact. `workers`: those whose lease lasts, each
    with the runs that it cannot read. `processes`: how many have a lease, whatever their role.
    """

    seqs: dict[str, int]
    workers: Mapping[str, Collection[str]]
    processes: int


class Leases:
    """The lease of one process. Methods raise StoreFailed when the database cannot be used."""

    def __init__(self, database: Connections, name: str, owner: str, role: Role) -> None:
        """Take a connection that writes, and the store's name for people."""
        self._database = database
        self._name = name
        self._owner = owner
        self._role = role
        self._unread: list[str] = []

    async def take(self) -> list[str]:
        """Begin the lease; return runs that the process held under an earlier one, for others to take."""
        with translating_errors(self._name):
            return await self._database.transact(self._take)

    async def renew(self) -> Held | None:
        """Renew the lease; return None where it had run out and another process has freed its runs."""
        with translating_errors(self._name):
            return await self._database.transact(self._renew)

    async def note_unread(self, run: str) -> Held | None:
        """Renew the lease, and tell the others that this process cannot read a run: a newer version has stored it."""
        self._unread = [*(known for known in self._unread if known != run), run][-MAX_UNREAD:]
        return await self.renew()

    async def release(self, run: str) -> None:
        """Let one run go, for another process to take."""
        own = (runs.c.run == run) & (runs.c.owner == self._owner)
        with translating_errors(self._name):
            await self._database.transact(lambda conn: conn.execute(update(runs).where(own).values(owner=None)))

    async def end(self) -> list[str]:
        """End the lease and return the runs that the process still held."""
        with translating_errors(self._name):
            return await self._database.transact(lambda conn: _end(conn, [self._owner]))

    async def free_late(self, is_steady: Callable[[], bool]) -> list[str]:
        """End leases of others that have run out; return the runs that these held, each to one caller only.

        Where its own has run out, theirs may have for the same reason, as the server stood still: then none is ended.
        `is_steady` says in another thread, once it comes to it, whether its own has lasted for some time.
        """
        with translating_errors(self._name):
            return await self._database.transact(partial(self._free_late, is_steady))

    async def list_open(self) -> dict[str, int]:
        """Return all runs that are not over, each with the number of its newest fact."""
        with translating_errors(self._name):
            found = await self._database.transact(lambda conn: conn.execute(_OPEN).all())
        return {row.run: row.seq for row in found}

    async def list_begun(self, within_s: float) -> dict[str, Starter]:
        """Return whose runs go on or began within so many seconds.

        When a run began its process says, whose clock may be off: that it goes on is seen even so.
        """
        began = and_(runs.c.server.is_not(None), runs.c.started_at > NOW - within_s)
        columns = runs.c.run, runs.c.by, runs.c.channel, runs.c.server
        query = select(*columns).where(or_(and_(_IS_OPEN, runs.c.finished_at.is_(None)), began))
        with translating_errors(self._name):
            found = await self._database.transact(lambda conn: conn.execute(query).all())
        return {row.run: Starter(row.by or "", row.channel or "", row.server) for row in found}

    async def is_held(self, run: str) -> bool:
        """Return whether a process holds the run."""
        held = select(runs.c.owner.is_not(None)).where(runs.c.run == run)
        with translating_errors(self._name):
            return bool(await self._database.transact(lambda conn: conn.scalar(held)))

    async def find_places(self, wanted: Collection[str]) -> dict[str, tuple[str, str]]:
        """Return server and channel of each of these runs that has begun, as any version can read them."""
        query = select(runs.c.run, runs.c.server, runs.c.channel).where(
            runs.c.run.in_(wanted), runs.c.server.is_not(None)
        )
        with translating_errors(self._name):
            found = await self._database.transact(lambda conn: conn.execute(query).all()) if wanted else ()
        return {row.run: (row.server, row.channel or "") for row in found}

    async def find_holder(self, server: str, channel: str) -> str:
        """Return the worker that holds a run in a channel; "" where none does."""
        here = (runs.c.server == server) & (runs.c.channel == channel) & runs.c.caught_up_at.is_(None)
        held = select(leases.c.owner).join(runs, runs.c.owner == leases.c.owner)
        found = held.where(here, leases.c.role == "worker", ~IS_LATE).limit(1)
        with translating_errors(self._name):
            return await self._database.transact(lambda conn: conn.scalar(found)) or ""

    async def list_stranded(self) -> list[str]:
        """Return runs that are not over and that nobody holds, some at random where there are many."""
        with translating_errors(self._name):
            return await self._database.transact(lambda conn: list(conn.scalars(_STRANDED).all()))

    def _take(self, conn: Connection) -> list[str]:
        freed = _end(conn, [self._owner])
        conn.execute(
            insert(leases).values(owner=self._owner, role=self._role, until=NOW + LEASE_S, unread=self._unread)
        )
        return freed

    def _renew(self, conn: Connection) -> Held | None:
        own = leases.c.owner == self._owner
        if conn.execute(update(leases).where(own).values(until=NOW + LEASE_S, unread=self._unread)).rowcount == 0:
            return None
        held = conn.execute(select(runs.c.run, runs.c.seq).where(runs.c.owner == self._owner)).all()
        columns = (leases.c.owner, leases.c.role, leases.c.unread)
        alive = conn.execute(select(*columns).where(~IS_LATE).order_by(leases.c.owner)).all()
        workers = {row.owner: frozenset(row.unread or ()) for row in alive if row.role == "worker"}
        return Held({row.run: row.seq for row in held}, workers, len(alive))

    def _free_late(self, is_steady: Callable[[], bool], conn: Connection) -> list[str]:
        found = select(leases.c.owner).where(IS_LATE).with_for_update(skip_locked=True)
        late = conn.scalars(found).all() if is_steady() else ()
        return _end(conn, late) if late and self._owner not in late else _free(conn, _NOBODYS)


def _end(conn: Connection, owners: Sequence[str]) -> list[str]:
    conn.execute(delete(leases).where(leases.c.owner.in_(owners)))
    return _free(conn, runs.c.owner.in_(owners))


def _free(conn: Connection, which: ColumnElement[bool]) -> list[str]:
    """Take runs from their owners, whose writes are fenced off from now on."""
    freed = update(runs).where(which).values(owner=None, epoch=runs.c.epoch + 1).returning(runs.c.run)
    return list(conn.scalars(freed).all())


@asynccontextmanager
async def open_leases(url: str, owner: str, role: Role) -> AsyncIterator[Leases]:
    """Open the lease of a process on a connection of its own, beside the store's. Raises Misconfigured, StoreFailed."""
    async with postgres.connect_writer(url, hold="lease") as database:
        yield Leases(database, postgres.describe_url(url), owner, role)
