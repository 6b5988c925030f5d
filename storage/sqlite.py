"""A SQLite file as the store's database: its connections, its settings, and the lock that keeps it to one process."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager, suppress
from pathlib import Path
from typing import TypeVar, cast

import aiosqlite
from filelock import FileLock, Timeout
from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry, StaticPool

from bot.errors import Misconfigured
from storage.errors import InUse

BUSY_TIMEOUT_S = 5.0
TRUNCATE_TIMEOUT_S = 0.02  # to wait for readers before the log is emptied; other writes wait meanwhile
OWNER_ONLY = 0o600  # rights of files that hold questions, answers and sealed tokens

T = TypeVar("T")


INCREMENTAL = 2  # the mode of a file that gives room back without being written anew, in SQLite's numbers


@contextmanager
def lock_file(path: Path) -> Iterator[None]:
    """Hold the file for this process, and make its directory if it is missing.

    The system releases the lock of a dead process. Raises InUse, with the pid of the process that holds it, or
    Misconfigured.
    """
    if is_there(path) and path.is_dir():
        raise Misconfigured(f"The store {path} is a directory: name a file.")
    if path.exists() and not _has_right(path, os.W_OK):  # SQLite would open it, and fail with the first write
        raise Misconfigured(f"The store {path} may not be written: change the file's rights, or name another file.")
    real = path.resolve()  # a link to the file is the same file, with the same lock
    holder = real.with_name(real.name + ".lock")
    lock = FileLock(holder, timeout=0, mode=OWNER_ONLY)
    try:
        real.parent.mkdir(parents=True, exist_ok=True)
        held = lock.acquire()
        holder.write_text(str(os.getpid()))
        keep_private(real, make=True)
        for end in (".lock", "-wal", "-shm"):
            keep_private(real.with_name(real.name + end))
    except Timeout:
        pid = _read_pid(holder)
        raise InUse(
            f"The store {path} is in use by the process with pid {pid}: only one writes a SQLite file. "
            "Stop that one, or name another file: MOOT_STORAGE__PATH=other.db.",
            pid,
        ) from None
    except OSError as error:
        lock.release()
        raise Misconfigured(
            f"The store {path} cannot be made: {error.strerror or error}. "
            "Name a file in a directory that is writable and has room."
        ) from error
    with held:
        yield


def _read_pid(holder: Path) -> str:
    """Return the pid of the process that holds a lock; "unknown" where it has just let go of it."""
    with suppress(OSError):
        return holder.read_text() or "unknown"
    return "unknown"


def keep_private(file: Path, *, make: bool = False) -> None:
    """Let nobody but its owner read or write a file; SQLite gives its log the rights of the database."""
    if make and not file.exists():
        file.touch(OWNER_ONLY)
    if file.exists() and file.stat().st_uid == os.geteuid():
        file.chmod(OWNER_ONLY)


def _has_right(path: Path, right: int) -> bool:
    return os.access(path, right, effective_ids=os.access in os.supports_effective_ids)


def is_there(path: Path) -> bool:
    """Return whether something is at a store's place. Raises Misconfigured where nobody can say."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError as error:
        raise Misconfigured(
            f"The store {path} cannot be looked for: {error.strerror}. Change the rights of its directory, or name "
            "another file."
        ) from error
    return True


def require_file(path: Path) -> None:
    """Raise Misconfigured where there is no file, or none that may be read."""
    if not (is_there(path) and path.is_file()):
        raise Misconfigured(f"There is no store at {path}: start the bot once, or name another file.")
    if not _has_right(path, os.R_OK):
        raise Misconfigured(f"The store {path} may not be read: change the file's rights, or name another file.")


class Database:
    """One connection, whose transactions run whole in the driver's thread.

    SQLAlchemy's asynchronous dialect takes three turns of the event loop for each statement, and two dozen for a
    commit; each turn waits for everything else that runs there.
    """

    def __init__(self, driver: aiosqlite.Connection) -> None:
        self.driver = driver
        self.engine = create_engine("sqlite://", creator=lambda: driver._conn, poolclass=StaticPool)

    async def transact(self, work: Callable[[Connection], T]) -> T:
        """Carry out all that `work` does, or nothing of it. Once begun it ends even when its caller is cancelled."""

        def whole() -> T:
            with self.engine.begin() as connection:
                return work(connection)

        return cast(T, await self.driver._execute(whole))

    async def copy_log(self) -> None:
        """Copy the log into the database on another connection, so that writes go on meanwhile."""

        def copy() -> None:
            with closing(sqlite3.connect(file, timeout=BUSY_TIMEOUT_S)) as beside:
                beside.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()

        [[file]] = await self.driver.execute_fetchall("SELECT file FROM pragma_database_list WHERE name = 'main'")
        await asyncio.to_thread(copy)

    async def truncate_log(self) -> bool:
        """Empty the log, which holds what was written lately, into the database; False where somebody reads it now."""
        await self.copy_log()  # first, so that little is left for which writes wait

        def truncate() -> bool:
            connection = self.driver._conn
            try:
                connection.execute(f"PRAGMA busy_timeout = {TRUNCATE_TIMEOUT_S * 1e3:.0f}")
                [is_busy, _, _] = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            finally:
                connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_S * 1e3:.0f}")
            return not is_busy

        return cast(bool, await self.driver._execute(truncate))

    async def write_anew(self) -> None:
        """Write the whole file anew, without what is free in it, in the mode that gives room back from then on."""
        await self.driver.execute(f"PRAGMA auto_vacuum = {INCREMENTAL}")
        await self.driver.execute("VACUUM")


def read_vacuum_mode(conn: Connection) -> int:
    return int(conn.exec_driver_sql("PRAGMA auto_vacuum").scalar_one())


def give_back_pages(conn: Connection, pages: int) -> None:
    """Shorten the file by so many free pages at most."""
    cursor = conn.connection.cursor()
    cursor.execute(f"PRAGMA incremental_vacuum({pages:d})").fetchall()  # each row frees a page
    cursor.close()


@asynccontextmanager
async def open_writer(path: Path) -> AsyncIterator[Database]:
    """Open a connection that writes. Its transactions take the write lock at once, so that none fails half-way."""
    async with _connect(path, "rwc") as driver:
        database = Database(driver)
        _set_up(database.engine)
        yield database


@asynccontextmanager
async def open_reader(path: Path) -> AsyncIterator[Database]:
    """Open a connection that cannot write. Beside a writer it reads what was committed when a statement begins."""
    async with _connect(path, "ro") as driver:
        yield Database(driver)


def _connect(path: Path, mode: str) -> aiosqlite.Connection:
    uri = f"{path.absolute().as_uri()}?mode={mode}"
    return aiosqlite.connect(uri, uri=True, isolation_level=None, timeout=BUSY_TIMEOUT_S)


def make_engine(path: Path) -> AsyncEngine:
    """Make an engine for libraries that keep tables of their own in the file. It connects at their first statement."""
    url = URL.create("sqlite+aiosqlite", database=str(path.absolute()))
    engine = create_async_engine(url, connect_args={"isolation_level": None, "timeout": BUSY_TIMEOUT_S})
    _set_up(engine.sync_engine)
    return engine


def _set_up(engine: Engine) -> None:
    """Set an engine up for writing.

    In WAL, synchronous NORMAL keeps every commit through a crash of the process. When power fails it may lose the last
    ones, and never more than those (https://sqlite.org/pragma.html#pragma_synchronous). What is deleted is overwritten
    with zeros, so that no text outlives its run in the file. Room that became free is given back when somebody asks for
    it (`storage.vacuum`); a file that is there already keeps its way until then.
    """

    @event.listens_for(engine, "connect")
    def set_up(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        cursor = connection.cursor()
        cursor.execute(f"PRAGMA auto_vacuum = {INCREMENTAL}")  # before the first page is written
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA secure_delete = ON")
        cursor.execute("PRAGMA synchronous = NORMAL")
        cursor.close()

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
