"""Migrations: they make what the code uses, refuse what is newer, and come with an installed wheel."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
import zipfile
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from bot.domain.facts import (
    Stopped,
)
from bot.errors import Misconfigured
from storage import open_store
from storage.schema import HEAD, metadata
from tests.support.earlier_databases import tables, ticking
from tests.support.paths import ROOT


async def make(path: Path) -> None:
    async with open_store(path, clock=ticking()) as store:
        await store.append("r", [Stopped("ann")])


def set_version(path: Path, version: str) -> None:
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("UPDATE alembic_version SET version_num = ?", [version])


def test_head_is_the_last_migration() -> None:
    assert ScriptDirectory(str(ROOT / "storage" / "migrations")).get_heads() == [HEAD]


def is_ours(name: str | None, kind: str) -> bool:
    """Return whether it is no table of SQLite's index of words, which SQLAlchemy has no form for."""
    return not (kind == "table" and (name or "").startswith("run_words"))


async def test_migrations_make_the_tables_that_the_code_uses(tmp_path: Path) -> None:
    await make(tmp_path / "moot.db")
    engine = create_engine(f"sqlite:///{tmp_path / 'moot.db'}")
    with engine.connect() as conn:
        context = MigrationContext.configure(conn, opts={"include_name": lambda name, kind, _: is_ours(name, kind)})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


@pytest.mark.parametrize("read_only", [False, True])
async def test_a_newer_database_is_refused_and_left_alone(tmp_path: Path, read_only: bool) -> None:
    path = tmp_path / "moot.db"
    await make(path)
    set_version(path, "0999")
    with pytest.raises(Misconfigured, match=rf"0999.*newer.*{HEAD}"):
        async with open_store(path, clock=ticking(), read_only=read_only):
            pass
    set_version(path, HEAD)
    async with open_store(path, clock=ticking()) as store:
        assert len(await store.read("r")) == 1


async def test_a_reader_does_not_migrate(tmp_path: Path) -> None:
    path = tmp_path / "moot.db"
    path.touch()
    with pytest.raises(Misconfigured, match="run the bot once"):
        async with open_store(path, clock=ticking(), read_only=True):
            pass
    assert tables(path) == set()


async def test_a_migration_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "moot.db"
    with closing(sqlite3.connect(path)) as raw:
        raw.execute("CREATE TABLE snapshots (of_another_program)")
    with pytest.raises(Exception, match="snapshots already exists"):
        await make(path)
    assert tables(path) == {"snapshots"}


OPENING = """
import asyncio, sys, time
from pathlib import Path
from storage import open_store

async def main():
    async with open_store(Path("moot.db"), clock=time.time) as store:
        await store.claim("r", "me")
        print(len(await store.read("r")), "alembic" in sys.modules)

asyncio.run(main())
"""


def test_an_installed_wheel_brings_its_migrations_and_prompts(tmp_path: Path) -> None:
    """It opens a new store in an empty directory; the second time alembic is not even imported."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    [wheel] = tmp_path.glob("*.whl")
    installed, empty = tmp_path / "installed", tmp_path / "empty"
    archive = zipfile.ZipFile(wheel)
    assert "bot/formats/prompts/council.answer.md" in archive.namelist()
    assert not any(name.startswith(("tests", "benchmarks", "docs")) for name in archive.namelist())
    archive.extractall(installed)
    empty.mkdir()
    command = [sys.executable, "-c", OPENING]
    environment = {"PYTHONPATH": str(installed)}
    runs = [
        subprocess.run(command, cwd=empty, env=environment, check=True, capture_output=True, text=True).stdout
        for _ in range(2)
    ]
    assert runs == ["1 True\n", "2 False\n"]
