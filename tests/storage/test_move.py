"""A store goes to PostgreSQL and back, and nothing of it is lost or changed."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import psycopg
import pytest
from slack_sdk.oauth.installation_store import Installation
from slack_sdk.oauth.installation_store.async_installation_store import AsyncInstallationStore
from slack_sdk.oauth.installation_store.sqlalchemy import AsyncSQLAlchemyInstallationStore
from sqlalchemy import Connection

from bot.domain.facts import Deleted, Interjected
from bot.domain.run import TurnId
from bot.errors import Misconfigured, StoreFailed
from bot.ports.offers import KeptOffer
from bot.ports.process import Clock
from bot.ports.store import RunFilter
from storage import SqlStore, move, open_store
from storage.backup import examine_database
from storage.errors import InUse
from storage.locations import Location
from storage.move import move_store
from tests.support.kept_runs import mark, store_run
from tests.support.small_disk import mount_small_disk
from tests.support.transcripts import make_start

ODD = "NUL \0, half an emoji \ud83d, عربي, 🤖"
INSTALLED = Installation(
    app_id="A1", user_id="U1", team_id="T1", bot_id="B1", bot_user_id="U9", bot_token="xoxb-sealed"
)
RUNS = ("r1", "r2", "r3", "deleted", "erased")


def ticking() -> Clock:
    return itertools.count(1_000.0).__next__


async def fill(path: Path) -> None:
    async with open_store(path, clock=ticking()) as store:
        for n, run in enumerate(RUNS):
            await store_run(store, run, Random(n))
        await store.append("odd", [replace(make_start("compare"), question=ODD), Interjected("ann", ODD)])
        await store.append("deleted", [Deleted("ann")])
        await store.erase_runs(["erased"])
        await store.put("discord/1/überall 🤖", {"words": [ODD, 0.1, None, 2**60]})
        for n, taken in enumerate(("", "start")):
            await store.put_offer(f"offer {n}", KeptOffer(f"person {n}", {"question": ODD}, {"council": 0.1}))
            assert not taken or await store.take_offer(f"offer {n}", taken)
        await AsyncSQLAlchemyInstallationStore("client", store.engine).create_tables()
        await open_installations(store).async_save(INSTALLED)


def open_installations(store: SqlStore) -> AsyncInstallationStore:
    return AsyncSQLAlchemyInstallationStore("client", store.engine)


def dump(path: Path) -> Iterator[str]:
    """Yield every row of a SQLite file; of the index of words, which runs are in it."""
    with closing(sqlite3.connect(path)) as raw:
        names = [name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
        for name in names:
            if not name.startswith(("run_words", "sqlite_", "searched")):
                yield from sorted(f"{name} {row!r}" for row in raw.execute(f"SELECT * FROM {name}"))
        found = raw.execute("SELECT run FROM searched NATURAL JOIN (SELECT run FROM runs WHERE deleted_at IS NULL)")
        yield from sorted(run for (run,) in found)


async def test_a_store_moves_to_postgresql_and_back_as_it_was(
    tmp_path: Path, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(move, "SHARE_ROWS", 7)
    there, back = tmp_path / "moot.db", tmp_path / "back.db"
    await fill(there)
    moved = await move_store(there, postgres, ticking())
    before = list(dump(there))
    assert moved.rows == len(before) - 4 - 1  # the index has four runs; alembic's version is no row of ours
    async with open_store(postgres, clock=ticking()) as store:
        assert [row.run for row in await store.runs(wanted=RunFilter(words=mark("r2")))] == ["r2"]
        installed = await open_installations(store).async_find_installation(enterprise_id=None, team_id="T1")
        assert installed is not None
        assert installed.bot_token == "xoxb-sealed"
    assert (await examine_database(postgres)).wrong == ()
    again = await move_store(postgres, back, ticking())
    assert again == moved
    assert list(dump(back)) == before
    assert (await examine_database(back)).wrong == ()
    assert sorted(file.name for file in tmp_path.iterdir() if "part" in file.name) == []
    async with open_store(postgres, clock=ticking()) as store:  # it counts on where the rows ended
        await store.snapshot("odd", TurnId("answer", 1, "ada"), "more")
        await open_installations(store).async_save(INSTALLED)
    with psycopg.connect(postgres, autocommit=True) as conn:
        for table in ("slack_bots", "slack_installations", "slack_oauth_states"):
            conn.execute(f"DROP TABLE IF EXISTS {table}".encode())


async def test_a_move_replaces_nothing_and_leaves_nothing_half_done(tmp_path: Path, postgres: str) -> None:
    there, taken = tmp_path / "moot.db", tmp_path / "taken.db"
    async with open_store(there, clock=ticking()) as store:
        await store.append("r", [make_start("compare")])
        with pytest.raises(InUse):  # the bot runs
            await move_store(there, postgres, ticking())
    taken.touch()
    with pytest.raises(Misconfigured, match="is there already"):
        await move_store(there, taken, ticking())
    async with open_store(postgres, clock=ticking()) as store:
        await store.put("operations/probe", 1)  # the last of the tables that are not empty
    with pytest.raises(Misconfigured, match="holds a store already"):
        await move_store(there, postgres, ticking())
    async with open_store(postgres, clock=ticking()) as store:
        assert await store.runs() == []


async def test_a_move_that_is_cancelled_ends_at_once_and_leaves_nothing(
    tmp_path: Path, location: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    there = tmp_path / "there.db"
    await fill(there)
    moving = asyncio.create_task(move_store(there, location, ticking()))
    loop, index_words = asyncio.get_running_loop(), move._index_words

    def cancel(conn: Connection) -> None:  # in the thread that copies, with all but the index there
        asyncio.run_coroutine_threadsafe(_cancel(moving), loop).result()
        index_words(conn)

    monkeypatch.setattr(move, "_index_words", cancel)
    with pytest.raises(asyncio.CancelledError):
        await moving
    assert [file.name for file in tmp_path.iterdir() if file.name.startswith("moot")] == []
    async with open_store(location, clock=ticking()) as store:
        assert await store.runs() == []


async def _cancel(task: asyncio.Task[Any]) -> None:
    task.cancel()
    await asyncio.sleep(0)


async def test_a_disk_that_is_full_is_no_rows_fault(tmp_path: Path) -> None:
    there = tmp_path / "moot.db"
    async with open_store(there, clock=ticking()) as store:
        await store.append("r", [replace(make_start("compare"), question="x" * 2_000_000)])
    with mount_small_disk(1) as disk:
        with pytest.raises(StoreFailed, match="the disk is full"):
            await move_store(there, disk.path / "moot.db", ticking())
        assert list(disk.path.iterdir()) == []


async def test_tables_of_other_programs_stay_where_they_are(tmp_path: Path, postgres: str) -> None:
    with psycopg.connect(postgres, autocommit=True) as conn:
        conn.execute("CREATE TABLE others (address inet)")
        try:
            await move_store(postgres, tmp_path / "moot.db", ticking())
        finally:
            conn.execute("DROP TABLE others")
    assert not [row for row in dump(tmp_path / "moot.db") if row.startswith("others")]
