"""A PostgreSQL database as the store's: its connections, their settings, and the lock on whoever runs the bot.

Whatever libpq takes may stand in the URL, such as several hosts, `sslmode` or `service`:
https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING. The driver is an extra, and is imported
where the first connection is made.
"""

from __future__ import annotations

import asyncio
import logging
import os
import random
import socket
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from functools import partial
from itertools import count
from typing import TYPE_CHECKING, Any, Literal, LiteralString, TypeVar

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine.interfaces import DBAPIConnection, ExceptionContext
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import ConnectionPoolEntry

from bot.errors import Misconfigured, StoreFailed
from bot.network import find_place
from storage.errors import AnswerLost, InUse, translating_errors

if TYPE_CHECKING:
    import psycopg

READERS = 4  # connections that read at once
LEAST_VERSION = 13_00_00  # as PostgreSQL counts
LOCK = 0x6D6F6F74  # the key of the advisory lock that whoever runs the bot holds
MAKE_LOCK = 0x6D6F6F76  # the key of the lock of who makes a library's tables
LOCK_TRIES, LOCK_RETRY_S = 10, 0.1  # the server notices within moments that a killed process is gone
# Of every connection, also of those that libraries make: a server that is away, or that has vanished without a word, is
# noticed within 5 s while one waits for it, and as one writes to it.
PATIENCE = {
    "connect_timeout": 5,
    "keepalives_idle": 2,
    "keepalives_interval": 1,
    "keepalives_count": 3,
    "tcp_user_timeout": 5_000,
}
READ_ONLY = "25006"  # sqlstate; a session goes on by what was so when it began, and the next one may write again
TRIES, RETRY_S = 10, 0.01  # of a transaction that met another process's, or whose connection had gone

# A process that stands still in the middle of a transaction, or whose machine is gone, holds nobody up for longer.
# Whoever waits for a lock reads what its last holder stored, whatever is usual on that server.
_SETTINGS = """
    SET default_transaction_isolation = 'read committed';
    SET lock_timeout = '10s'; SET idle_in_transaction_session_timeout = '10s';
    SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3
"""
# Of one of several processes: its rows must be free before its lease of 3 s has run out, or nobody could take its runs;
# and whoever renews a lease waits for no row of others until that is over.
_SHARED = "SET idle_in_transaction_session_timeout = '2s'"
_LEASED = "SET lock_timeout = '1s'; SET idle_in_transaction_session_timeout = '2s'"
_HOLDER = """
    SELECT application_name FROM pg_stat_activity JOIN pg_locks USING (pid)
    WHERE locktype = 'advisory' AND classid = 0 AND objid = %s AND granted
    AND pg_locks.database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
# sqlstates of what another process's transaction did to this one: nothing of it is stored, and it may go again
_MET_ANOTHER = ("40001", "40P01", "23505")
_ENDED = ("25P03", "25P04")  # the server had ended the transaction before it read the commit, as it took too long

T = TypeVar("T")
# alone: the one process that runs the bot; shared: one of several, each in its role; lease: its lease; no: beside
# whoever runs it
Hold = Literal["alone", "shared", "lease", "no"]


def describe_url(url: str) -> str:
    """Return the address of a database without who asks it and their password."""
    return f"postgresql://{find_place(url)}"


class PostgresDatabase:
    """A pool of connections, on each of which a transaction runs whole in a thread, as SQLite's does."""

    def __init__(self, engine: Engine, connections: int) -> None:
        self._engine = engine
        self._threads = ThreadPoolExecutor(connections, thread_name_prefix="postgres")

    async def transact(self, work: Callable[[Connection], T]) -> T:
        """Carry out all that `work` does, or nothing of it. Once begun it ends even when its caller is cancelled.

        `work` is called again where it met another process's transaction, or a connection that had gone.
        """
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._transact, work)

    async def copy_log(self) -> None:
        """Do nothing, as in `truncate_log`."""

    async def truncate_log(self) -> bool:
        """Do nothing: the log is the server's, which writes it over by itself."""
        return True

    def close(self) -> None:
        """Let transactions end, and the lock go before the connections do: the server notices their end later."""
        self._threads.shutdown()
        with suppress(DBAPIError, InUse), self._engine.connect() as conn:
            conn.exec_driver_sql("SELECT pg_advisory_unlock_all()")
        self._engine.dispose()

    def _transact(self, work: Callable[[Connection], T]) -> T:
        for tried in count(1):
            try:
                with self._engine.connect() as conn:
                    try:
                        result = work(conn)
                        _commit(conn)
                        return result
                    except DBAPIError as error:
                        if _read_state(error) == READ_ONLY:
                            conn.invalidate()
                        if tried == TRIES or not _may_go_again(error):
                            raise
            except InUse as error:  # found as the writer connected again
                raise StoreFailed(f"{error}") from error
            time.sleep(RETRY_S * tried * random.random())
        raise AssertionError("the last try returns or raises")


def _commit(conn: Connection) -> None:
    """Commit. Raises AnswerLost where nobody knows whether that was stored: it must not go again by itself."""
    try:
        conn.commit()
    except DBAPIError as error:
        if error.connection_invalidated and _read_state(error) not in _ENDED:
            raise AnswerLost from error
        raise


def _may_go_again(error: DBAPIError) -> bool:
    return error.connection_invalidated or _read_state(error) in _MET_ANOTHER


def _read_state(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)


@asynccontextmanager
async def connect_writer(url: str, *, hold: Hold = "alone") -> AsyncIterator[PostgresDatabase]:
    """Open a connection that writes. Raises Misconfigured, StoreFailed, and InUse where another holds the store."""
    with translating_errors(describe_url(url)):
        await asyncio.to_thread(_check_server, url)
    engine = create_engine("postgresql+psycopg://", creator=lambda: _connect(url), pool_size=1, max_overflow=0)
    _set_up(engine, url, hold)
    async with _closing(PostgresDatabase(engine, 1)) as database:
        with translating_errors(describe_url(url)):
            await asyncio.to_thread(lambda: engine.connect().close())
        yield database


@asynccontextmanager
async def connect_readers(url: str) -> AsyncIterator[PostgresDatabase]:
    """Open connections that cannot write; each statement reads what was committed when it begins."""
    _load_driver()
    engine = create_engine(
        "postgresql+psycopg://",
        creator=lambda: _connect_reader(url),
        pool_size=READERS,
        max_overflow=0,
        isolation_level="AUTOCOMMIT",
    )
    async with _closing(PostgresDatabase(engine, READERS)) as database:
        yield database


def make_server_engine(url: str) -> AsyncEngine:
    """Make an engine for libraries that keep tables of their own in the database; it connects when it is used."""
    connect = partial(_load_driver().AsyncConnection.connect, url, **PATIENCE)
    engine = create_async_engine("postgresql+psycopg://", async_creator=connect, pool_pre_ping=True)

    @event.listens_for(engine.sync_engine, "handle_error")
    def leave(context: ExceptionContext) -> None:
        if getattr(context.original_exception, "sqlstate", None) == READ_ONLY:
            context.is_disconnect = True

    return engine


@asynccontextmanager
async def _closing(database: PostgresDatabase) -> AsyncIterator[PostgresDatabase]:
    try:
        yield database
    finally:
        await asyncio.to_thread(database.close)


def _load_driver() -> Any:
    try:
        import psycopg  # an extra, which a bot on SQLite does without
    except ImportError as error:
        raise Misconfigured(
            f"storage.url names a PostgreSQL database, and its driver cannot be loaded ({error}): "
            "install Moot with the extra postgres."
        ) from error
    # It warns of each batch of statements that it could not end in good order, which is told by the error as well.
    logging.getLogger("psycopg").setLevel(logging.ERROR)
    return psycopg


def _connect(url: str) -> psycopg.Connection:
    """Make a connection. Raises the driver's errors, and Misconfigured for a URL that it cannot read."""
    driver = _load_driver()
    try:
        connection: psycopg.Connection = driver.connect(
            url, client_encoding="utf8", application_name=_name_process(), **PATIENCE
        )
    except driver.ProgrammingError as error:  # which may quote the URL, with the password
        told = f"{error}".replace(url, describe_url(url)).strip()
        raise Misconfigured(f"storage.url cannot be read: {told}") from None
    return connection


def _connect_reader(url: str) -> psycopg.Connection:
    """Connect without the right to write: by a statement, as `options` are the URL's, and poolers refuse them."""
    connection = _connect(url)
    connection.autocommit = True
    connection.execute("SET default_transaction_read_only = on")
    return connection


def _name_process() -> str:
    return f"moot {socket.gethostname()}:{os.getpid()}"


async def connect_async(url: str) -> psycopg.AsyncConnection:
    """Make a connection for the event loop, on which each statement is a transaction. Raises the driver's errors."""
    connection: psycopg.AsyncConnection = await _load_driver().AsyncConnection.connect(
        url, autocommit=True, application_name=_name_process(), **PATIENCE
    )
    return connection


def make_tables_once(url: str, table: str, statements: LiteralString) -> None:
    """Make a library's tables unless there is that one. Of several processes that start at once, one makes them."""
    with _connect(url) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [MAKE_LOCK])
        if connection.execute("SELECT to_regclass(%s)", [table]).fetchone() == (None,):
            connection.execute(statements)


def _check_server(url: str) -> None:
    """Raise Misconfigured for a server that cannot hold the store."""
    where = describe_url(url)
    with _connect(url) as first, _connect(url) as second:
        _refuse_pooler(first, second, where)
        if first.info.server_version < LEAST_VERSION:
            raise Misconfigured(f"{where} is of PostgreSQL before 13, which is too old: name a newer one.")
        row = first.execute("SELECT current_setting('server_encoding'), current_setting('transaction_read_only')")
        encoding, read_only = row.fetchone() or ("", "")
        if encoding != "UTF8":
            raise Misconfigured(
                f"{where} keeps texts as {encoding}, which has no place for what people write: make a database "
                "with ENCODING 'UTF8'."
            )
        if read_only == "on":
            raise Misconfigured(
                f"{where} is read-only, a standby or by its settings: name the one that takes writes, or several "
                "hosts with target_session_attrs=read-write."
            )


def _refuse_pooler(first: psycopg.Connection, second: psycopg.Connection, where: str) -> None:
    """Raise Misconfigured where a session is not one: a pooler gives each transaction whichever connection is free.

    The lock of the one process, and what is heard of others, live as long as a session.
    """
    for connection in (first, second):
        connection.autocommit = True
    read = "SELECT current_setting('moot.session', true)"
    first.execute("SELECT set_config('moot.session', 'first', false)")
    with second.transaction():  # takes the connection of `first` where that is lent by the transaction
        [lent] = second.execute(read).fetchone() or (None,)
        [kept] = first.execute(read).fetchone() or (None,)
    if lent == "first" or kept != "first":
        raise Misconfigured(
            f"{where} is a pooler that lends connections by the transaction (pool_mode = transaction), which loses "
            "locks: name the server itself, or set pool_mode = session."
        )


def _set_up(engine: Engine, url: str, hold: Hold) -> None:
    @event.listens_for(engine, "connect")
    def set_up(connection: DBAPIConnection, _: ConnectionPoolEntry) -> None:
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute(_SETTINGS)
        if hold == "shared":
            cursor.execute(_SHARED)
        if hold == "lease":
            cursor.execute(_LEASED)
        if hold in ("alone", "shared"):
            _hold(cursor, url, hold)
        cursor.close()
        connection.autocommit = False


def _hold(cursor: Any, url: str, hold: Hold) -> None:
    """Take the lock of whoever runs the bot; the server takes it back when the connection ends. Raises InUse."""
    take = "pg_try_advisory_lock" if hold == "alone" else "pg_try_advisory_lock_shared"
    for _ in range(LOCK_TRIES):
        if cursor.execute(f"SELECT {take}(%s)", [LOCK]).fetchone()[0]:
            return
        time.sleep(LOCK_RETRY_S)
    name = (cursor.execute(_HOLDER, [LOCK]).fetchone() or ("",))[0]
    host, _, pid = name.removeprefix("moot ").rpartition(":")
    where = f" on {host}" if host else ""
    raise InUse(
        f"The store {describe_url(url)} is in use by the process with pid {pid or 'unknown'}{where}. Stop that one, or "
        "name another database.",
        pid if host == socket.gethostname() else "unknown",
    )
