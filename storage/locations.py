"""Where a store is kept, and the connections that such a location gives: a SQLite file, or a PostgreSQL database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from typing import Protocol, TypeVar

from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine

from storage import postgres, sqlite

Location = Path | str  # a SQLite file, or the URL of a PostgreSQL database

T = TypeVar("T")


class Connections(Protocol):
    """Connections on which transactions run, away from the event loop."""

    async def transact(self, work: Callable[[Connection], T]) -> T:
        """Carry out all that `work` does, or nothing of it. Once begun it ends even when its caller is cancelled."""
        ...

    async def copy_log(self) -> None:
        """Copy the log into the database, if it is ours, while others write."""
        ...

    async def truncate_log(self) -> bool:
        """Empty the log, which holds what was written lately, if it is ours; False where somebody reads it now."""
        ...


def describe_location(location: Location) -> str:
    """Return the name of a location for people, without a password."""
    return f"{location}" if isinstance(location, Path) else postgres.describe_url(location)


def may_hold_store(location: Location) -> bool:
    """Return False where there is surely no store yet. Raises Misconfigured where nobody can say."""
    return not isinstance(location, Path) or sqlite.is_there(location)


@asynccontextmanager
async def hold_location(location: Location, *, shared: bool = False) -> AsyncIterator[Connections]:
    """Open the connection of the one process that runs the bot, or of one of several. Raises InUse, Misconfigured."""
    if isinstance(location, Path):
        with sqlite.lock_file(location):
            async with sqlite.open_writer(location) as database:
                yield database
    else:
        async with postgres.connect_writer(location, hold="shared" if shared else "alone") as database:
            yield database


def open_beside(location: Location) -> AbstractAsyncContextManager[Connections]:
    """Open a connection that writes beside the bot's. Raises Misconfigured."""
    if isinstance(location, Path):
        sqlite.require_file(location)
        return sqlite.open_writer(location)  # SQLite lets two write, one after the other
    return postgres.connect_writer(location, hold="no")


def read_location(location: Location) -> AbstractAsyncContextManager[Connections]:
    """Open what cannot write. Beside a writer it reads what was committed when a statement begins."""
    if isinstance(location, Path):
        sqlite.require_file(location)
        return sqlite.open_reader(location)
    return postgres.connect_readers(location)


def count_bytes(conn: Connection) -> int:
    """Return the size of the database, of a SQLite file with its log."""
    if conn.dialect.name != "sqlite":
        return int(conn.exec_driver_sql("SELECT pg_database_size(current_database())").scalar_one())
    name = conn.exec_driver_sql("PRAGMA database_list").one().file
    size = 0
    for end in ("", "-wal"):
        with suppress(OSError):
            size += Path(f"{name}{end}").stat().st_size
    return size


def make_library_engine(location: Location) -> AsyncEngine:
    """Make an engine for libraries that keep tables of their own there. It connects at their first statement."""
    return sqlite.make_engine(location) if isinstance(location, Path) else postgres.make_server_engine(location)
