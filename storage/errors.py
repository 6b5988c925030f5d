"""The meaning of SQLite's errors, and what to do about them. Codes: https://sqlite.org/rescode.html."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from json import JSONDecodeError
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from bot.domain.codec import Unreadable
from bot.errors import StoreFailed

# The first name that the code's name begins with counts.
_MEANINGS = (
    ("SQLITE_FULL", "the disk is full: nothing new is stored. Make room; the bot goes on by itself"),
    ("SQLITE_IOERR", "the disk cannot be written or read: nothing new is stored. Check its quota, room and health"),
    ("SQLITE_READONLY", "it is read-only: nothing new is stored. Check the rights of the file and its directory"),
    ("SQLITE_BUSY", "another program holds it locked: this write was given up. Close that program"),
    ("SQLITE_LOCKED", "another program holds it locked: this write was given up. Close that program"),
    ("SQLITE_CORRUPT", "its file is damaged: what it holds may be incomplete. Stop the bot and restore a backup"),
    ("SQLITE_NOTADB", "its file is no database: nothing can be read. Restore a backup, or name another file"),
    ("SQLITE_CANTOPEN", "its file cannot be opened. Check that it exists, and the rights of it and its directory"),
)


def explain_error(error: sqlite3.Error) -> str | None:
    """Say what happened, what it means and what to do; None when one statement is at fault, not the store's state."""
    code: str = getattr(error, "sqlite_errorname", "")  # errors of the driver's own carry none
    return next((text for name, text in _MEANINGS if code.startswith(name)), None)


@contextmanager
def translating_errors(path: Path) -> Iterator[None]:
    """Raise StoreFailed for errors that the operator can mend; errors of single statements pass as they are."""
    try:
        yield
    except (DBAPIError, sqlite3.Error) as error:  # the latter while a connection is set up
        cause = error.orig if isinstance(error, DBAPIError) else error
        text = explain_error(cause) if isinstance(cause, sqlite3.Error) else None
        if text is None:
            raise
        raise StoreFailed(f"The store {path} failed ({cause}): {text}.") from error
    except (Unreadable, JSONDecodeError) as error:
        raise StoreFailed(f"The store {path} holds what cannot be read: {error}.") from error
