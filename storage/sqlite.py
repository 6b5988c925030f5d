"""A SQLite file as the store's database: its engines, its settings, and the lock that keeps it to one process."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout
from sqlalchemy import URL, Connection, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from bot.errors import Misconfigured

BUSY_TIMEOUT_S = 5.0


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the file for this process, making its directory where missing. The system lets go of a dead process's lock.

    Raises Misconfigured, with the pid of the process that holds it.
    """
    if path.is_dir():
        raise Misconfigured(f"The store {path} is a directory: name a file.")
    if path.exists() and not _writable(path):  # SQLite would open it, and fail with the first write
        raise Misconfigured(f"The store {path} may not be written: change the file's rights, or name another file.")
    holder = path.with_name(path.name + ".lock")
    lock = FileLock(holder, timeout=0)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        held = lock.acquire()
        holder.write_text(str(os.getpid()))
    except Timeout:
        pid = holder.read_text() or "unknown"
        raise Misconfigured(
            f"The store {path} is in use by the process with pid {pid}: only one writes a SQLite file. "
            "Stop that one, or name another file."
        ) from None
    except OSError as error:
        lock.release()
        raise Misconfigured(
            f"The store {path} cannot be made: {error}. Name a file in a directory that is writable and has room."
        ) from error
    with held:
        yield


def _writable(path: Path) -> bool:
    return os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids)


def must_exist(path: Path) -> None:
    if not path.is_file():
        raise Misconfigured(f"There is no store at {path}: start the bot once, or name another file.")


def writer(path: Path) -> AsyncEngine:
    """One connection; its transactions take the write lock when they begin, so that none fails half-way.

    In WAL, synchronous NORMAL keeps every commit through a crash of the process, and may lose the last ones,
    never more than them, when power fails (https://sqlite.org/pragma.html#pragma_synchronous).
    """
    engine = _engine(path, "rwc")

    @event.listens_for(engine.sync_engine, "connect")
    def set_up(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    return engine


def reader(path: Path) -> AsyncEngine:
    """One connection that cannot write; beside a writer it reads what was committed when a statement begins."""
    return _engine(path, "ro")


def _engine(path: Path, mode: str) -> AsyncEngine:
    query = {"uri": "true", "mode": mode, "timeout": str(BUSY_TIMEOUT_S)}
    url = URL.create("sqlite+aiosqlite", database=path.absolute().as_uri(), query=query)
    return create_async_engine(
        url,
        pool_size=1,
        max_overflow=0,
        pool_reset_on_return=None,  # every transaction here ends by itself: spares a round trip to the driver's thread
        connect_args={"isolation_level": None},  # the driver leaves transactions to us
    )
