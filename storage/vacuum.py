"""Giving back the room that deleted runs have left in the database's file, also while the bot runs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection

from bot.errors import Misconfigured
from storage import migrate, sqlite
from storage.errors import InUse, translating_errors
from storage.sqlite import INCREMENTAL, Database

SHARE_PAGES = 500  # given back in one transaction, for which the bot's writes wait
PAUSE_S = 0.02  # between two of them, so that a write that waits comes in


@dataclass(frozen=True, slots=True)
class Vacuumed:
    """The size of a database's file before and after, in bytes."""

    before: int
    after: int


async def give_back_room(path: Path) -> Vacuumed:
    """Shorten the file by what is free in it, a share at a time; what fails half-way loses nothing.

    A file of a version before 0.2.0 is written anew once, for which the bot must be stopped and the disk have room for
    a second one. Raises Misconfigured, StoreFailed.
    """
    sqlite.require_file(path)
    before = await _measure(path)
    with translating_errors(path):
        async with sqlite.open_writer(path) as database:  # SQLite lets two write, one after the other
            await database.transact(migrate.require_version)
            if await database.transact(sqlite.read_vacuum_mode) != INCREMENTAL:
                await _write_anew(path, database)
            is_more = True
            while is_more:
                is_more = await database.transact(_give_back_share)
                await asyncio.sleep(PAUSE_S)
            await database.truncate_log()
    return Vacuumed(before, await _measure(path))


async def _measure(path: Path) -> int:
    return (await asyncio.to_thread(path.stat)).st_size


async def _write_anew(path: Path, database: Database) -> None:
    try:
        with sqlite.lock_file(path):
            await database.write_anew()
    except InUse as error:
        raise Misconfigured(
            f"{path} was made by an earlier version, so its room is given back for the first time while the bot is "
            "stopped: stop it, run moot db vacuum, and start it again. From then on it need not be stopped."
        ) from error


def _give_back_share(conn: Connection) -> bool:
    """Give one share back; return whether more is left."""
    sqlite.give_back_pages(conn, SHARE_PAGES)
    return bool(conn.exec_driver_sql("PRAGMA freelist_count").scalar_one())
