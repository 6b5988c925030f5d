"""Examination of a database, and a copy of it that is whole, taken while the bot runs."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, func, select

from bot.domain.codec import Unreadable
from bot.errors import Misconfigured, StoreFailed
from storage import migrate, rows, sqlite
from storage.errors import translating_errors
from storage.locations import Location, describe_location, read_location
from storage.schema import facts, runs


@dataclass(frozen=True, slots=True)
class Examination:
    """The contents of a database, and its faults, a sentence each."""

    runs: int
    facts: int
    wrong: tuple[str, ...]


async def examine_database(location: Location) -> Examination:
    """Examine every page, every run and every fact, also beside a live bot. Raises Misconfigured, StoreFailed.

    The pages of a PostgreSQL database are its server's to examine.
    """
    with translating_errors(describe_location(location)):
        async with read_location(location) as database:
            return await database.transact(_examine_rows)


async def back_up(path: Path, to: Path) -> Examination:
    """Copy the database to the new file `to`, as it is at one moment, and examine the copy before it gets its name.

    Writers go on meanwhile: https://sqlite.org/backup.html. Raises Misconfigured, StoreFailed.
    """
    part = to.parent / f"{to.name}.part"  # also of a folder without a name, which is there already
    await asyncio.to_thread(_require_place, path, to)
    try:
        await asyncio.to_thread(_copy, path, to, part)
        found = await examine_database(part)
        if found.wrong:
            raise StoreFailed(
                f"No backup was made: the copy of {path} is damaged, {found.wrong[0]}. Try moot db check."
            )
        await asyncio.to_thread(part.rename, to)
    finally:
        with suppress(OSError):  # of a place that cannot be reached, which was told
            await asyncio.to_thread(part.unlink, missing_ok=True)
    return found


def _require_place(path: Path, to: Path) -> None:
    sqlite.require_file(path)
    if os.path.lexists(to):
        raise Misconfigured(f"{to} is there already, and a backup replaces nothing: name another file.")


def _copy(path: Path, to: Path, part: Path) -> None:
    with suppress(OSError):  # SQLite says what is wrong with the place
        sqlite.keep_private(part, make=True)
    with (
        translating_errors(path),
        closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as source,
        translating_errors(part),
        closing(sqlite3.connect(part)) as copy,
    ):
        source.backup(copy)  # in one step, as a backup in several begins anew with every commit of the bot's
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, without the log that a live one keeps beside it
    with part.open("rb+") as file:
        os.fsync(file.fileno())


def _examine_rows(conn: Connection) -> Examination:
    if conn.dialect.name == "sqlite":
        checked = conn.exec_driver_sql("PRAGMA integrity_check").scalars()
        if damaged := [str(row) for row in checked if row != "ok"]:
            return Examination(0, 0, tuple(damaged))
    migrate.require_version(conn)
    found = conn.execute(select(runs.c.run, runs.c.seq).order_by(runs.c.run)).all()
    count = conn.scalar(select(func.count()).select_from(facts)) or 0
    return Examination(
        len(found),
        count,
        (*_find_stray_facts(conn), *(text for run, seq in found for text in _examine_run(conn, run, seq))),
    )


def _find_stray_facts(conn: Connection) -> Iterator[str]:
    for run in conn.scalars(select(facts.c.run).where(facts.c.run.not_in(select(runs.c.run))).distinct()):
        yield f"there are facts of run {run}, but no such run"


def _examine_run(conn: Connection, run: str, seq: int) -> Iterator[str]:
    """Yield what is wrong with one run; `seq` is the number of its newest fact, as its row says; 0: it is erased."""
    try:
        numbers = [entry.seq for entry in rows.read_entries(conn, run, 0)]
        rows.read_snapshots(conn, run)
        rows.read_posted_pages(conn, run)
    except (Unreadable, ValueError) as error:
        yield f"{error}" if f"run {run}" in f"{error}" else f"run {run}: {error}"
        return
    if seq and numbers != list(range(1, seq + 1)):  # of one that is being erased some may be left
        yield f"run {run} should have facts 1 to {seq}, but has {len(numbers)} of them"
