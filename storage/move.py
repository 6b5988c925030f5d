"""A whole store moved between SQLite and PostgreSQL, in one transaction, and compared to the last row."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from pathlib import Path
from threading import Event
from typing import Any, TypeVar

from sqlalchemy import Column, Connection, MetaData, Row, Select, Table, event, func, insert, select, text, tuple_
from sqlalchemy.exc import DataError, OperationalError, StatementError

from bot.errors import Misconfigured, StoreFailed
from bot.ports.process import Clock
from storage import search
from storage.errors import translating_errors
from storage.locations import Connections, Location, describe_location
from storage.schema import metadata, searched
from storage.store import open_store

SHARE_ROWS = 200  # read and written at once; a start may hold megabytes

_OF_LIBRARIES = "slack_"  # the tables that go along begin so; jobs are made anew for runs

T = TypeVar("T")
Read = Callable[[Callable[[Connection], T]], T]  # carries a query out in the other database, and waits for it


@dataclass(frozen=True, slots=True)
class Moved:
    """The tables and rows that were copied, each compared with what it was."""

    tables: int
    rows: int


async def move_store(source: Location, target: Location, clock: Clock) -> Moved:
    """Copy the store at `source`, which no bot may hold, into an empty one at `target`.

    Tables that libraries keep there go along. A file gets its name once all of it is there, and a database has all of
    it or nothing, also where the move is cancelled. Raises Misconfigured, StoreFailed.
    """
    name, cancelled = describe_location(target), Event()
    async with open_store(source, clock=clock) as old, _open_target(target, clock) as database:
        read = _make_reader(old._writer.database, asyncio.get_running_loop())
        with translating_errors(name):
            try:
                return await database.transact(partial(_copy_all, read, name, cancelled))
            finally:
                cancelled.set()  # a transaction that has begun goes on without its caller


@asynccontextmanager
async def _open_target(target: Location, clock: Clock) -> AsyncIterator[Connections]:
    if not isinstance(target, Path):
        async with open_store(target, clock=clock) as new:
            yield new._writer.database
        return
    if target.exists():
        raise Misconfigured(f"{target} is there already, and a move replaces nothing: name another file.")
    part = target.with_name(f"{target.name}.part")
    try:
        async with open_store(part, clock=clock) as new:
            yield new._writer.database
        await asyncio.to_thread(part.rename, target)
    finally:
        for end in ("", ".lock", "-wal", "-shm"):  # a full disk keeps SQLite from taking its log away
            await asyncio.to_thread(part.with_name(f"{part.name}{end}").unlink, missing_ok=True)


def _make_reader(database: Connections, loop: asyncio.AbstractEventLoop) -> Read[Any]:
    """Return what reads one database from the thread in which the other one writes."""

    def read(query: Callable[[Connection], T]) -> T:
        return asyncio.run_coroutine_threadsafe(database.transact(query), loop).result()

    return read


def _copy_all(read: Read[Any], name: str, cancelled: Event, conn: Connection) -> Moved:
    def go_on(*statement: object) -> None:
        if cancelled.is_set():
            raise StoreFailed(f"Nothing was moved to {name}: the move was cancelled.")

    event.listen(conn, "before_cursor_execute", go_on)
    tables = [*(table for table in metadata.sorted_tables if table is not searched), *read(_find_others).sorted_tables]
    rows = 0
    for table in tables:
        table.create(conn, checkfirst=True)
        if conn.execute(select(table).limit(1)).first() is not None:
            raise Misconfigured(f"{name} holds a store already (table {table.name}): a move needs an empty one.")
        rows += _copy_table(read, conn, table)
    _index_words(conn)
    for table in tables:
        if _digest_table(lambda query: query(conn), table) != _digest_table(read, table):
            raise StoreFailed(f"Nothing was moved to {name}: table {table.name} is not what it was. Try again.")
    return Moved(len(tables), rows)


def _find_others(conn: Connection) -> MetaData:
    """Return the tables of libraries, with types that every database has."""
    found = MetaData()
    found.reflect(conn, only=lambda table, _: table.startswith(_OF_LIBRARIES))
    for table in found.tables.values():
        for column in table.columns:
            column.type = column.type.as_generic()
            column.server_default = None
    return found


def _copy_table(read: Read[Any], conn: Connection, table: Table) -> int:
    count = 0
    for share in _list_shares(read, table):
        try:
            conn.execute(insert(table), [dict(row._mapping) for row in share])
        except OperationalError:
            raise  # it is not the row's fault: the disk is full, or the server is away
        except (DataError, StatementError, UnicodeError) as error:
            raise StoreFailed(
                f"Nothing was moved: a row of {table.name} finds no place there ({type(error).__name__})."
            ) from error
        count += len(share)
    if conn.dialect.name != "sqlite" and (number := table.autoincrement_column) is not None:
        _set_number(conn, table, number)
    return count


def _list_shares(read: Read[Any], table: Table) -> Iterator[list[Row[Any]]]:
    """Yield the rows of a table in the order of their keys, a share at a time."""
    keys = list(table.primary_key)
    last: Row[Any] | None = None
    while True:
        query = select(table).order_by(*keys).limit(SHARE_ROWS)
        if last is not None:
            query = query.where(tuple_(*keys) > tuple_(*(last._mapping[key] for key in keys)))
        share = list(read(partial(_fetch, query)))
        if share:
            yield share
        if len(share) < SHARE_ROWS:
            return
        last = share[-1]


def _fetch(query: Select[Any], conn: Connection) -> Sequence[Row[Any]]:
    return conn.execute(query).all()


def _set_number(conn: Connection, table: Table, number: Column[Any]) -> None:
    """Let the database count on behind the rows that brought their numbers."""
    last = conn.scalar(select(func.max(number)))
    sequence = conn.scalar(select(func.pg_get_serial_sequence(f'"{table.name}"', number.name)))
    if last is not None and sequence is not None:
        conn.execute(text("SELECT setval(:sequence, :last)"), {"sequence": sequence, "last": last})


def _index_words(conn: Connection) -> None:
    while missing := search.list_missing(conn):
        for run, started_at in missing:
            search.index_run(conn, run, started_at)


def _digest_table(read: Read[Any], table: Table) -> tuple[int, str]:
    """Return the number of rows, and a digest of all of them."""
    digest, count = blake2b(), 0
    for share in _list_shares(read, table):
        for row in share:
            digest.update(repr(tuple(row)).encode("utf-8", "surrogatepass"))
        count += len(share)
    return count, digest.hexdigest()
