"""The meaning of databases' errors, and what to do about them.

Codes: https://sqlite.org/rescode.html, https://www.postgresql.org/docs/current/errcodes-appendix.html.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from json import JSONDecodeError
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from bot.domain.codec import Unreadable
from bot.errors import NOTHING_STORED, MaybeStored, Misconfigured, StoreFailed, UnknownFacts

# The first name that the code's name begins with counts. What stands before the first colon is for people too.
_MEANINGS = (
    ("SQLITE_FULL", "the disk is full: nothing new is stored. Make room; a bot that runs goes on by itself"),
    ("SQLITE_IOERR", "the disk cannot be written or read: nothing new is stored. Check its quota, room and health"),
    ("SQLITE_READONLY", "it is read-only: nothing new is stored. Check the rights of the file and its directory"),
    ("SQLITE_BUSY", "another program holds it locked: this write was given up. Close that program"),
    ("SQLITE_LOCKED", "another program holds it locked: this write was given up. Close that program"),
    ("SQLITE_CORRUPT", "its file is damaged: what it holds may be incomplete. Stop the bot and restore a backup"),
    ("SQLITE_NOTADB", "its file is no database: nothing can be read. Restore a backup, or name another file"),
    ("SQLITE_CANTOPEN", "its file cannot be opened: check that it exists, and the rights of it and its directory"),
)
_POSTGRES_MEANINGS = (
    ("53100", "the server's disk is full: nothing new is stored. Make room there; a bot that runs goes on by itself"),
    ("53300", "the server takes no more connections: raise max_connections, or close others"),
    ("53", "the server is short of memory or disk: nothing new is stored. Give it more"),
    ("25006", "it is read-only: nothing new is stored. Name the server that takes writes, or wait until it does again"),
    ("25P03", "the server ended what stood still: nothing of it is stored. Look whether this machine is too busy"),
    ("25P04", "the server ended what took too long: nothing of it is stored. Raise transaction_timeout for its user"),
    ("55P03", "somebody holds it locked: this write was given up. Look who, in pg_stat_activity"),
    ("57014", "the server broke a statement off: nothing of it is stored. Raise statement_timeout for its user"),
    ("57", "the server is being stopped or started: nothing is stored meanwhile. A bot that runs goes on by itself"),
    ("08", "the connection is gone: nothing is stored meanwhile. Check the server; a bot that runs goes on by itself"),
    ("28", "the server refuses this user: check the user and the password in storage.url"),
    ("3D000", "there is no such database on the server: make it with createdb, or correct storage.url"),
    ("3F000", "there is no such schema: make the one that search_path names, or correct search_path"),
    ("42501", "its user lacks rights: let the user own the database, or its schema"),
    ("58", "the server cannot use its disk: check the disk's health"),
    ("XX", "its files are damaged: what it holds may be incomplete. Stop the bot and restore a backup"),
    ("", "the server cannot be reached: nothing is stored or read meanwhile. Check storage.url and the server"),
)
# What a server says as it refuses a connection, of which the driver tells no code; in English, as most servers speak.
_REFUSALS = (
    ("too many c", "53300"),
    ("remaining connection slots", "53300"),
    ("the database system is", "57P03"),
    ("authentication failed", "28P01"),
    ("no password supplied", "28P01"),
    ("pg_hba.conf", "28000"),
    ('FATAL:  role "', "28000"),
    ('FATAL:  database "', "3D000"),
)
_UNKNOWN_FACTS = (
    "I cannot read what is stored of this: a newer version of me has stored it, or it is damaged. Tell whoever runs me."
)


class AnswerLost(Exception):
    """The connection was lost while a transaction was committed; its cause is the driver's error."""


class InUse(Misconfigured):
    """Another process holds the store; `pid`: which one of this machine, "unknown" where that cannot be said."""

    def __init__(self, text: str, pid: str) -> None:
        super().__init__(text)
        self.pid = pid


def explain_error(error: BaseException | None) -> str | None:
    """Say what happened, what it means and what to do; None when one statement is at fault, not the store's state."""
    if isinstance(error, sqlite3.Error):
        code: str = getattr(error, "sqlite_errorname", "")  # errors of the driver's own carry none
        return next((text for name, text in _MEANINGS if code.startswith(name)), None)
    if not type(error).__module__.startswith("psycopg"):  # or its pool
        return None
    is_of_connection = any(kind.__name__ == "OperationalError" for kind in type(error).__mro__)
    state: str = getattr(error, "sqlstate", None) or (_find_refusal(f"{error}") if is_of_connection else "")
    if not state and not is_of_connection:
        return None
    return next((text for start, text in _POSTGRES_MEANINGS if (state.startswith(start) if start else not state)), None)


def _find_refusal(told: str) -> str:
    return next((state for words, state in _REFUSALS if words in told), "")


@contextmanager
def translating_errors(path: Path | str) -> Iterator[None]:
    """Raise StoreFailed for errors that the operator can mend; errors of single statements pass as they are.

    Of those, UnknownFacts where the database works and what it holds cannot be read, and MaybeStored where the answer
    to a commit was lost.
    """
    try:
        yield
    except (Unreadable, JSONDecodeError) as error:
        raise UnknownFacts(f"The store {path} holds what cannot be read: {error}.", _UNKNOWN_FACTS) from error
    except Exception as error:  # a driver's own ones too, while a connection is set up
        raised = error.__cause__ if isinstance(error, AnswerLost) else error
        cause = raised.orig if isinstance(raised, DBAPIError) else raised
        text = explain_error(cause)
        if text is None:
            raise
        told = f"The store {path} failed ({_in_one_line(cause)}): {text}."
        if isinstance(error, AnswerLost):
            raise MaybeStored(told) from error
        raise StoreFailed(told, NOTHING_STORED.format(why=f" ({text.partition(':')[0]})")) from error


def _in_one_line(cause: BaseException | None) -> str:
    """Return what a driver says, without the lines in which PostgreSQL repeats itself."""
    return f"{cause}".partition("\n")[0].strip()
