"""Requests to close a run, from another process than the one that writes the database.

Such a request is a document: the writer looks for them, does what they ask, and takes them away.
"""

from __future__ import annotations

import time

from bot.ports.store import DocumentStore
from storage import migrate, rows
from storage.errors import translating_errors
from storage.locations import Location, describe_location, open_beside

PREFIX = "close/"


async def request_closing(location: Location, run: str) -> None:
    """Ask the process that holds the database to close a run. Raises Misconfigured, StoreFailed."""
    with translating_errors(describe_location(location)):
        async with open_beside(location) as database:
            await database.transact(migrate.require_version)
            await database.transact(lambda conn: rows.put_documents(conn, {PREFIX + run: time.time()}))


async def requested_closings(documents: DocumentStore) -> list[str]:
    """Return the runs that are to be closed."""
    return [key.removeprefix(PREFIX) for key in await documents.documents(PREFIX)]


async def forget_closing(documents: DocumentStore, run: str) -> None:
    """Take a request away, as it is done."""
    await documents.put(PREFIX + run, None)
