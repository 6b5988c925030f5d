"""Discord's shards, leased to the gateways that share a PostgreSQL database: each shard is heard by one of them.

A gateway holds its shards as long as its lease lasts (`storage.leases`). Those of one whose lease has run out are free
for others, and whose they are is decided by one transaction at a time.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import partial

from sqlalchemy import Connection, func, select, update
from sqlalchemy.dialects.postgresql import insert

from bot.errors import Misconfigured
from bot.ports.shards import ShardShare
from storage import postgres
from storage.errors import translating_errors
from storage.leases import IS_LATE, NOW
from storage.locations import Connections
from storage.schema import identifies, leases, shards

LOCK = 0x6D6F6F77  # the key of the advisory lock of who takes shards
IDENTIFY_S = 5.5  # between two sessions of a bucket: Discord asks for 5, and the way there takes longer or shorter


class Shards:
    """The shards of one gateway. Methods raise StoreFailed when the database cannot be used."""

    def __init__(self, database: Connections, name: str, owner: str) -> None:
        """Take a connection that writes, the store's name for people, and the name of the process."""
        self._database = database
        self._name = name
        self._owner = owner

    async def share(self, count: int, only: Sequence[int] | None) -> ShardShare:
        """Take free shards up to an equal part for each gateway, or all of `only`; none without a lease."""
        with translating_errors(self._name):
            return await self._database.transact(partial(self._share, count, only))

    async def release(self, shards_: Sequence[int]) -> None:
        """Let shards go, which this process no longer hears."""
        own = shards.c.shard.in_(shards_) & (shards.c.owner == self._owner)
        with translating_errors(self._name):
            await self._database.transact(lambda conn: conn.execute(update(shards).where(own).values(owner=None)))

    async def begin_session(self, bucket: int) -> float:
        """Note that a session begins now and return 0.0, or return the seconds until one may."""
        with translating_errors(self._name):
            return await self._database.transact(partial(_begin_session, bucket))

    def _share(self, count: int, only: Sequence[int] | None, conn: Connection) -> ShardShare:
        conn.execute(select(func.pg_advisory_xact_lock(LOCK)))
        alive = {row.owner: row.role for row in conn.execute(select(leases.c.owner, leases.c.role).where(~IS_LATE))}
        rows = conn.execute(select(shards.c.shard, shards.c["count"].label("of"), shards.c.owner)).all()
        own = [row.shard for row in rows if row.owner == self._owner]
        others = {row.shard: row.owner for row in rows if row.owner in alive and row.owner != self._owner}
        _refuse_other_count(count, {row.of for row in rows if row.shard in others})
        wanted = range(count) if only is None else only
        gateways = sum(role == "gateway" for role in alive.values())
        part = len(wanted) if only is not None else -(-count // max(gateways, 1))
        free = [shard for shard in wanted if shard not in others and shard not in own]
        taken = free[: max(part - len(own), 0)] if self._owner in alive else []
        for shard in taken:
            values = {"count": count, "owner": self._owner}
            put = insert(shards).values(shard=shard, **values)
            conn.execute(put.on_conflict_do_update(index_elements=[shards.c.shard], set_=values))
        own = sorted([*own, *taken])
        return ShardShare(tuple(own), tuple(own[part:]), others)


def _refuse_other_count(count: int, counts: set[int]) -> None:
    if other := counts - {count}:
        raise Misconfigured(
            f"discord.shard_count is {count} here, and {min(other)} in a gateway that runs: which servers a shard has "
            "follows from it. Give all gateways the same number; to change it, stop them all first."
        )


def _begin_session(bucket: int, conn: Connection) -> float:
    put = insert(identifies).values(bucket=bucket, at=NOW)
    rested = identifies.c.at <= NOW - IDENTIFY_S
    begin = put.on_conflict_do_update(index_elements=[identifies.c.bucket], set_={"at": NOW}, where=rested)
    if conn.execute(begin.returning(identifies.c.bucket)).first() is not None:
        return 0.0
    left = select(identifies.c.at + IDENTIFY_S - NOW).where(identifies.c.bucket == bucket)
    return max(float(conn.execute(left).scalar_one()), 0.01)


@asynccontextmanager
async def open_shards(url: str, owner: str) -> AsyncIterator[Shards]:
    """Open the shards of a gateway on a connection of its own. Raises Misconfigured, StoreFailed."""
    async with postgres.connect_writer(url, hold="no") as database:
        yield Shards(database, postgres.describe_url(url), owner)
