"""The room of deleted runs is given back, also beside a bot, and a disk that fills loses nothing."""

from __future__ import annotations

import asyncio
import itertools
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from bot.domain.facts import Fact, Interjected
from bot.errors import Misconfigured
from bot.ports.process import Clock
from storage import open_store
from storage.backup import examine_database
from storage.vacuum import give_back_room
from tests.support.command_line import run_moot
from tests.support.paths import ROOT

TEXT = "words " * 10_000


def ticking() -> Clock:
    return itertools.count(1_000.0).__next__


async def fill(path: Path, runs: int = 20) -> None:
    async with open_store(path, clock=ticking()) as store:
        for n in range(runs):
            await store.append(f"r{n}", [Interjected("ann", TEXT)])
        await store.erase_runs([f"r{n}" for n in range(1, runs)])


async def read_first(path: Path) -> list[Fact]:
    async with open_store(path, clock=ticking(), read_only=True) as store:
        return [entry.fact for entry in await store.read("r0")]


async def test_room_is_given_back_while_the_bot_writes(tmp_path: Path) -> None:
    path = tmp_path / "moot.db"
    await fill(path)
    async with open_store(path, clock=ticking()) as store:
        done = await give_back_room(path)
        await store.append("r0", [Interjected("ann", "more")])
        assert len(await store.read("r0")) == 2
    assert done.after < done.before / 5
    assert (await examine_database(path)).wrong == ()


async def test_a_file_of_an_earlier_version_is_written_anew_once_without_its_bot(tmp_path: Path) -> None:
    path = tmp_path / "moot.db"
    await fill(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as raw:
        raw.execute("PRAGMA auto_vacuum = NONE")
        raw.execute("VACUUM")
    async with open_store(path, clock=ticking()) as store:
        with pytest.raises(Misconfigured, match=r"made by an earlier version.* stop it, run moot db vacuum"):
            await give_back_room(path)
        await store.append("r20", [Interjected("ann", TEXT)])
        await store.erase_runs(["r20"])
    done = await give_back_room(path)
    assert done.after < done.before
    async with open_store(path, clock=ticking()):
        await give_back_room(path)  # from now on beside a bot
    assert (await examine_database(path)).wrong == ()


FULL = """
import asyncio, resource, sys
from pathlib import Path
from bot.errors import StoreFailed
from storage.vacuum import give_back_room

path = Path(sys.argv[1])
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, hard))
try:
    asyncio.run(give_back_room(path))
except StoreFailed as error:
    print(error)
"""


def test_a_disk_that_fills_half_way_is_told_and_nothing_is_lost(tmp_path: Path) -> None:
    path = tmp_path / "moot.db"
    asyncio.run(fill(path))
    command = [sys.executable, "-W", "error", "-c", FULL, str(path)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "Check its quota, room and health" in ended.stdout or "Make room" in ended.stdout
    assert asyncio.run(examine_database(path)).wrong == ()
    assert asyncio.run(read_first(path)) == [Interjected("ann", TEXT)]
    assert asyncio.run(give_back_room(path)).after < 300_000


def test_on_the_command_line(tmp_path: Path) -> None:
    asyncio.run(fill(tmp_path / "moot.db"))
    told = run_moot("db", "vacuum", cwd=tmp_path)
    assert (told.returncode, told.stdout.split(":")[0]) == (0, "moot.db")
    assert " MB → " in told.stdout
