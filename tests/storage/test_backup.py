"""`moot db check` and `moot db backup`: on databases that are whole, live, or damaged."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from bot.domain.facts import Interjected
from bot.domain.run import TurnId
from bot.errors import Misconfigured, StoreFailed
from storage import open_store
from storage.backup import back_up, examine_database
from tests.support.command_line import run_moot

Spoil = Callable[[Path], object]


def sql(statement: str) -> Spoil:
    def run(path: Path) -> None:
        with closing(sqlite3.connect(path)) as raw, raw:
            raw.execute(statement)

    return run


async def made(path: Path, remarks: int = 3) -> Path:
    async with open_store(path, clock=itertools.count(1.0).__next__) as store:
        await store.append("r", [Interjected("ann", "hello " * 1_000) for _ in range(remarks)])
        await store.snapshot("r", TurnId("answer", 1, "ada"), "So far")
    return path


async def test_a_copy_of_a_live_database_is_of_one_moment(tmp_path: Path) -> None:
    async with open_store(tmp_path / "moot.db", clock=itertools.count(1.0).__next__) as store:
        written = 0

        async def write() -> None:
            nonlocal written
            while True:
                await store.append("r", [Interjected("ann", "one"), Interjected("ann", "two")])
                written += 1

        writing = asyncio.create_task(write())
        while written < 20:
            await asyncio.sleep(0)
        before = written
        found = await back_up(tmp_path / "moot.db", tmp_path / "copy.db")
        after = written
        writing.cancel()
        await asyncio.wait([writing])
    assert found.runs == 1
    assert not found.wrong
    assert found.facts % 2 == 0  # what was stored together is there together
    assert 2 * before <= found.facts <= 2 * after + 2
    assert sorted(p.name for p in tmp_path.iterdir() if p.name.startswith("copy")) == ["copy.db"]
    async with open_store(tmp_path / "copy.db", clock=itertools.count(1.0).__next__) as copied:
        assert len(await copied.read("r")) == found.facts


async def test_a_backup_replaces_nothing(tmp_path: Path) -> None:
    path = await made(tmp_path / "moot.db")
    (tmp_path / "copy.db").write_text("mine")
    with pytest.raises(Misconfigured, match="there already"):
        await back_up(path, tmp_path / "copy.db")
    with pytest.raises(Misconfigured, match="there already"):
        await back_up(path, Path())
    with pytest.raises(StoreFailed, match="cannot be opened"):
        await back_up(path, tmp_path / "nowhere" / "copy.db")
    with pytest.raises(Misconfigured, match="no store"):
        await back_up(tmp_path / "other.db", tmp_path / "new.db")
    assert (tmp_path / "copy.db").read_text() == "mine"


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (sql("DELETE FROM facts WHERE seq = 2"), "run r should have facts 1 to 3, but has 2"),
        (sql("DELETE FROM runs"), "facts of run r, but no such run"),
        (sql("UPDATE facts SET kind = 'Sung' WHERE seq = 2"), "fact 2 of run r: Sung"),
        (sql("UPDATE facts SET data = '{' WHERE seq = 2"), "run r: Expecting property name"),
        (sql("UPDATE snapshots SET turn = 'answer'"), "run r: 'answer' is no turn"),
    ],
)
async def test_what_is_wrong_is_told_and_not_backed_up(tmp_path: Path, spoil: Spoil, told: str) -> None:
    path = await made(tmp_path / "moot.db")
    spoil(path)
    (wrong,) = (await examine_database(path)).wrong
    assert told in wrong
    with pytest.raises(StoreFailed, match="No backup was made"):
        await back_up(path, tmp_path / "copy.db")
    assert not [p for p in tmp_path.iterdir() if p.name.startswith("copy")]


async def test_pages_that_are_overwritten_are_found(tmp_path: Path) -> None:
    path = await made(tmp_path / "moot.db", remarks=50)
    with path.open("rb+") as file:
        file.seek(path.stat().st_size // 2 // 4096 * 4096)
        file.write(b"\xff" * 4096)
    try:
        wrong = (await examine_database(path)).wrong
    except StoreFailed as error:  # SQLite may already stumble over it
        wrong = (str(error),)
    assert wrong


def test_on_the_command_line(tmp_path: Path) -> None:
    asyncio.run(made(tmp_path / "moot.db"))
    checked = run_moot("db", "check", cwd=tmp_path)
    assert (checked.returncode, checked.stdout) == (0, "moot.db is whole: runs 1, facts 3.\n")
    copied = run_moot("db", "backup", "copy.db", cwd=tmp_path)
    assert (copied.returncode, copied.stdout) == (0, "moot.db → copy.db, checked: runs 1, facts 3.\n")
    again = run_moot("db", "backup", "copy.db", cwd=tmp_path)
    assert again.returncode == 2
    assert "there already" in again.stderr
    sql("DELETE FROM runs")(tmp_path / "moot.db")
    damaged = run_moot("db", "check", cwd=tmp_path)
    assert damaged.returncode == 1
    assert "go back to the last backup" in damaged.stdout
