"""Whether a database is whole, and a copy of it that is, taken while the bot runs."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection, func, select

from bot.domain.codec import Unreadable
from bot.errors import Misconfigured, StoreFailed
from storage import rows, sqlite, versions
from storage.errors import told
from storage.schema import facts, runs


@dataclass(frozen=True, slots=True)
class Examined:
    """What a database holds, and what is wrong with it, a sentence each."""

    runs: int
    facts: int
    wrong: tuple[str, ...]


async def examine(path: Path) -> Examined:
    """Look at every page, every run and every fact, beside a live bot too. Raises Misconfigured, StoreFailed."""
    sqlite.must_exist(path)
    with told(path):
        async with sqlite.reader(path) as database:
            return await database.transact(_examine)


async def back_up(path: Path, to: Path) -> Examined:
    """Copy the database to the new file `to`, as it is at one moment, and examine the copy before it gets its name.

    Writers go on meanwhile: https://sqlite.org/backup.html. Raises Misconfigured, StoreFailed.
    """
    part = to.with_name(f"{to.name}.part")
    try:
        await asyncio.to_thread(_copy, path, to, part)
        found = await examine(part)
        if found.wrong:
            raise StoreFailed(
                f"No backup was made: the copy of {path} is damaged, {found.wrong[0]}. Try moot db check."
            )
        await asyncio.to_thread(part.rename, to)
    finally:
        await asyncio.to_thread(part.unlink, missing_ok=True)
    return found


def _copy(path: Path, to: Path, part: Path) -> None:
    sqlite.must_exist(path)
    if to.exists():
        raise Misconfigured(f"{to} is there already, and a backup replaces nothing: name another file.")
    with (
        told(path),
        closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)) as source,
        told(part),
        closing(sqlite3.connect(part)) as copy,
    ):
        source.backup(copy)  # in one step, as a backup in several begins anew with every commit of the bot's
        copy.execute("PRAGMA journal_mode = DELETE")  # one file, without the log that a live one keeps beside it
    with part.open("rb+") as file:
        os.fsync(file.fileno())


def _examine(conn: Connection) -> Examined:
    if damaged := [str(row) for row in conn.exec_driver_sql("PRAGMA integrity_check").scalars() if row != "ok"]:
        return Examined(0, 0, tuple(damaged))
    versions.check(conn)
    found = conn.execute(select(runs.c.run, runs.c.seq).order_by(runs.c.run)).all()
    count = conn.scalar(select(func.count()).select_from(facts)) or 0
    return Examined(
        len(found), count, (*_strays(conn), *(text for run, seq in found for text in _wrong(conn, run, seq)))
    )


def _strays(conn: Connection) -> Iterator[str]:
    for run in conn.scalars(select(facts.c.run).where(facts.c.run.not_in(select(runs.c.run))).distinct()):
        yield f"there are facts of run {run}, but no such run"


def _wrong(conn: Connection, run: str, seq: int) -> Iterator[str]:
    """Of one run; `seq`: of its newest fact, as its row says."""
    try:
        numbers = [entry.seq for entry in rows.entries(conn, run, 0)]
        rows.snapshots_of(conn, run)
        rows.placed_of(conn, run)
    except (Unreadable, ValueError) as error:
        yield str(error)
        return
    if numbers != list(range(1, seq + 1)):
        yield f"run {run} should have facts 1 to {seq}, but has {len(numbers)} of them"
