"""The database's versions: made new, brought up to date, refused when newer, and found in an installed wheel."""

from __future__ import annotations

import itertools
import json
import sqlite3
import subprocess
import sys
import zipfile
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from bot.domain.facts import (
    Archived,
    CaughtUp,
    Deleted,
    Interjected,
    Named,
    RunFinished,
    RunStarted,
    Stopped,
    TurnEnded,
    VoteCast,
)
from bot.domain.run import LaneId, TurnId
from bot.domain.spending import Balance, Payer
from bot.domain.transcript import Entry
from bot.errors import Misconfigured
from bot.ports.process import Clock
from bot.ports.spending import Call
from bot.ports.store import PostedPage, RunFilter, RunRow, Snapshot
from storage import open_store
from storage.locations import Location
from storage.schema import HEAD, metadata
from tests.support.paths import ROOT
from tests.support.transcripts import make_start


def ticking() -> Clock:
    return itertools.count(1_000.0).__next__


async def make(path: Path) -> None:
    async with open_store(path, clock=ticking()) as store:
        await store.append("r", [Stopped("ann")])


def set_version(path: Path, version: str) -> None:
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("UPDATE alembic_version SET version_num = ?", [version])


def tables(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as raw:
        return {name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


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


SEAT = {"key": "claude", "model": "claude", "name": "Claude", "persona": "", "temperature": None, "max_tokens": None}
START = {
    "format": "council",
    "question": "Why \ud83d?",
    "panel": {"seats": [{**SEAT, "window": None, "price": None}], "chair": None, "judge": None},
    "rules": {"rounds": 1, "room_chars": None},
    "seed": 7,
    "prompts": {"answer": "Be brief."},
    "by": "ann",
    "absent": [],
}
OTHER_START = {**START, "question": "How?"}
REMARK = {"by": "ann", "text": "hello"}


def make_empty(path: Path, version: str) -> None:
    """The tables as that version made them."""
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as conn:
        config = Config(attributes={"connection": conn})
        config.set_main_option("script_location", str(ROOT / "storage" / "migrations"))
        config.set_main_option("path_separator", "os")
        command.upgrade(config, version)
    engine.dispose()


def make_0001(path: Path) -> None:
    """A database as the first version made and filled it."""
    make_empty(path, "0001")
    facts = [
        ("over", 1, 10.0, "Claimed", {"owner": "one"}),
        ("over", 2, 11.0, "RunStarted", START),
        ("over", 3, 11.0, "RunStarted", OTHER_START),
        ("over", 4, 12.0, "RunFinished", {"outcome": "verdict"}),
        ("over", 5, 13.0, "RunFinished", {"outcome": "another"}),
        ("open", 1, 20.0, "RunStarted", OTHER_START),
        ("open", 2, 21.0, "Interjected", REMARK),
        ("never begun", 1, 30.0, "Interjected", REMARK),
    ]
    with closing(sqlite3.connect(path)) as raw, raw:
        encoded = [(*fact, json.dumps(data)) for *fact, data in facts]
        raw.executemany("INSERT INTO facts VALUES (?, ?, ?, ?, ?)", encoded)
        heads = [("over", 1, 5, 10.0), ("open", 0, 2, 20.0), ("never begun", 0, 1, 30.0)]
        raw.executemany("INSERT INTO runs VALUES (?, ?, ?, ?)", heads)
        raw.execute("INSERT INTO events VALUES ('event', 'open', 21.0)")
        raw.execute("INSERT INTO snapshots VALUES (1, 'open', 'answer/1/claude', 22.0, 0, ?)", [json.dumps("So far")])


def make_0002(path: Path) -> None:
    """A database as the second version made and filled it: runs with what lists need, messages and the shelf."""
    make_empty(path, "0002")
    start = {**START, "name": "Ann", "server": "discord:1", "context": "", "images": []}
    facts = [
        ("over", 1, 10.0, "RunStarted", start),
        ("over", 2, 10.0, "ViewAttached", {"address": "discord/1"}),
        ("over", 3, 11.0, "TurnStarted", {"turn": "answer/1/claude", "about": []}),
        ("over", 4, 12.0, "TurnEnded", {"turn": "answer/1/claude", "finish": "done", "text": "Because \ud83d."}),
        ("over", 5, 13.0, "RunFinished", {"outcome": "verdict"}),
        ("open", 1, 20.0, "RunStarted", {**start, "question": "How?"}),
        ("gone", 1, 30.0, "RunStarted", start),
        ("gone", 2, 31.0, "Deleted", {"by": "ann"}),
    ]
    heads = [
        ("over", 2, 5, 10.0, "discord:1", "council", json.dumps("Why \ud83d?"), "verdict", 13.0, None),
        ("open", 1, 1, 20.0, "discord:1", "council", json.dumps("How?"), None, None, None),
        ("gone", 0, 2, 30.0, "discord:1", "council", json.dumps("Why \ud83d?"), None, None, 31.0),
    ]
    columns = "run, epoch, seq, started_at, server, format, question, outcome, finished_at, deleted_at"
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.executemany(
            "INSERT INTO facts VALUES (?, ?, ?, ?, ?)", [(*fact, json.dumps(data)) for *fact, data in facts]
        )
        raw.executemany(f"INSERT INTO runs ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", heads)
        raw.execute("INSERT INTO events VALUES ('event', 'open', 21.0)")
        raw.execute("INSERT INTO messages VALUES ('over', 'discord/1', 'answer/1/claude', 1, 'discord:1/2')")
        raw.execute("INSERT INTO shelf VALUES ('discord/1/words', ?)", [json.dumps(["rude"])])
        snapshot = (1, "over", "answer/1/claude", 11.5, 0, json.dumps("Because"))
        raw.execute("INSERT INTO snapshots VALUES (?, ?, ?, ?, ?, ?)", snapshot)


async def test_a_database_of_the_second_version_is_brought_forward(tmp_path: Path) -> None:
    path, turn = tmp_path / "moot.db", TurnId("answer", 1, "claude")
    make_0002(path)
    async with open_store(path, clock=ticking()) as store:
        assert [(row.run, row.outcome) for row in await store.runs(server="discord:1")] == [
            ("open", ""),
            ("over", "verdict"),
        ]
        facts = [entry.fact for entry in await store.read("over")]
        assert facts[3] == TurnEnded(turn, "done", "Because \ud83d.")
        assert facts[4] == RunFinished("verdict")
        assert await store.snapshots("over") == [Snapshot(turn, 11.5, 0, "Because")]
        placed = PostedPage("discord/1", turn.lane, 1, "discord:1/2")
        assert await store.posted_pages("over") == [placed]
        assert await store.find_page("discord:1/2") == ("over", placed)
        assert await store.documents("discord/") == {"discord/1/words": ["rude"]}
        await store.append("open", [Interjected("ann", "hello")], key="event")  # taken before
        assert len(await store.read("open")) == 1
        assert await store.claim("over", "two") == 3
        await store.append("open", [RunFinished("verdict")])
        assert {row.outcome for row in await store.runs()} == {"verdict"}


def make_0003(path: Path) -> None:
    """As the third version leaves one of the second, with what it adds: who has caught up, what was to be posted."""
    make_0002(path)
    make_empty(path, "0003")
    with closing(sqlite3.connect(path)) as raw, raw:
        head = ("ended", 0, 1, 40.0, "discord:1", "council", json.dumps("Why?"), "verdict", 41.0, None, None)
        raw.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", head)
        raw.execute("INSERT INTO facts VALUES ('ended', 1, 40.0, 'RunStarted', ?)", [json.dumps(START)])
        raw.execute("UPDATE messages SET reads = 'digest'")
        raw.execute("INSERT INTO messages VALUES ('over', 'discord/1', 'answer/1/claude', 2, NULL, '')")


async def test_a_database_of_the_third_version_is_read(tmp_path: Path) -> None:
    path, lane = tmp_path / "moot.db", TurnId("answer", 1, "claude").lane
    make_0003(path)
    async with open_store(path, clock=ticking()) as store:
        # what was over before was seen, as far as can be known
        assert await store.unfinished_runs() == ["open", "ended"]
        assert await store.posted_pages("over") == [
            PostedPage("discord/1", lane, 1, "discord:1/2", "digest"),
            PostedPage("discord/1", lane, 2, ""),
        ]


def make_0004(path: Path) -> None:
    """As the fourth version leaves one of the third, with what it adds: a picture in pieces, and who uses it."""
    make_0003(path)
    make_empty(path, "0004")
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.executemany("INSERT INTO pictures VALUES ('digest', ?, ?)", [(0, b"abc"), (1, b"de")])
        raw.execute("INSERT INTO picture_uses VALUES ('open', 'digest', 5, 'ann', 'discord:1', 20.0)")


async def test_a_database_of_the_fourth_version_is_read(tmp_path: Path) -> None:
    path = tmp_path / "moot.db"
    make_0004(path)
    async with open_store(path, clock=ticking()) as store:
        assert await store.picture_size("digest") == 5
        assert [await store.picture_piece("digest", number) for number in range(3)] == [b"abc", b"de", None]
        assert await store.picture_bytes("ann", "discord:2") == (5, 0, 5)


def make_0005(path: Path) -> None:
    """As the fifth version leaves one of the fourth, with what it adds: what calls cost, and what limits have left."""
    make_0004(path)
    make_empty(path, "0005")
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("INSERT INTO accounts VALUES ('run open', 1000, 500, 20.0)")
        call = ("call", "open", "ann", "discord:1", "council", "claude", 20.0, 500, None, None)
        raw.execute("INSERT INTO calls VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", call)


async def test_a_database_of_the_fifth_version_is_read(tmp_path: Path) -> None:
    path, payer = tmp_path / "moot.db", Payer("open", "ann", "discord:1", "council")
    make_0005(path)
    async with open_store(path, clock=ticking()) as store:
        assert (await store.balances(payer, 20.0))[0] == Balance(1000, 500)
        await store.settle(Call("call", payer, 20.0, "claude"), 500, 200, 1.0)
        assert (await store.balances(payer, 20.0))[0] == Balance(1200, 0)


def make_0006(path: Path) -> None:
    """As the sixth version fills it: with what calls were paid with."""
    make_0005(path)
    make_empty(path, "0006")
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("UPDATE calls SET own_key = 1, spent = 300")


def make_0007(path: Path) -> None:
    """As the seventh version fills it: with indexes alone."""
    make_0006(path)
    make_empty(path, "0007")


def make_0008(path: Path) -> None:
    """As the eighth version fills it: with who asked."""
    make_0007(path)
    make_empty(path, "0008")


def make_0009(path: Path) -> None:
    """As the ninth version fills it: with panels, and with who has done something in which run."""
    make_0008(path)
    make_empty(path, "0009")


def make_0010(path: Path) -> None:
    """As the tenth version fills it: with no leases, as there is but one process."""
    make_0009(path)
    make_empty(path, "0010")


def make_0011(path: Path) -> None:
    """As the eleventh version fills it: with no shards, likewise."""
    make_0010(path)
    make_empty(path, "0011")


def take_back(location: Location, version: str) -> None:
    """Take a database back to a version, by the migrations' own steps."""
    engine = (
        create_engine(f"sqlite:///{location}")
        if isinstance(location, Path)
        else create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(str(location)))
    )
    with engine.begin() as conn:
        config = Config(attributes={"connection": conn})
        config.set_main_option("script_location", str(ROOT / "storage" / "migrations"))
        config.set_main_option("path_separator", "os")
        command.downgrade(config, version)
    engine.dispose()


RUNS, VOTES = 6, 200  # more facts than the migration reads at once


async def fill_0008(location: Location) -> None:
    """Take a full database back to the eighth version, which knew no panels, names or leases."""
    async with open_store(location, clock=ticking()) as store:
        for n in range(RUNS):
            start = replace(make_start("compare"), by="ann", panel_name="fast" if n % 2 else "")
            votes = [VoteCast("bob", 1, ("ada", "bob")[vote % 2]) for vote in range(VOTES)]
            await store.append(f"r{n}", [start, *votes, RunFinished("compared"), CaughtUp()])
    take_back(location, "0008")


def make_0012(path: Path) -> None:
    """As the twelfth version fills it: its index of words merges little with each change."""
    make_0011(path)
    make_empty(path, "0012")


async def test_acts_of_the_first_version_are_found_and_the_ninth_can_be_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "moot.db"
    make_0008(path)
    before = tables(path)
    async with open_store(path, clock=ticking(), read_only=True) as store:  # beside a bot of the eighth
        assert set(await store.acts("ann")) == {"ended", "open", "over"}
        assert [row.name for row in await store.runs(9, None, RunFilter(listed=True))] == ["", "", ""]
    async with open_store(path, clock=ticking()) as store:
        assert set(await store.acts("ann")) == {"ended", "open", "over"}
        await store.append("open", [Named("ann", "Ways")])
        assert [row.name for row in await store.runs(9, None, RunFilter(words="ways"))] == ["Ways"]
    take_back(path, "0008")
    assert tables(path) == before
    async with open_store(path, clock=ticking()) as store:
        assert set(await store.acts("ann")) == {"ended", "open", "over"}


async def test_the_eighth_version_is_brought_forward_with_all_it_holds(location: Location) -> None:
    await fill_0008(location)
    async with open_store(location, clock=ticking()) as store:
        assert {person: set(await store.acts(person)) for person in ("ann", "bob", "cyd")} == {
            "ann": {f"r{n}" for n in range(RUNS)},
            "bob": {f"r{n}" for n in range(RUNS)},
            "cyd": set(),
        }
        assert len(await store.runs(RUNS, wanted=RunFilter(panel="fast", listed=True))) == RUNS / 2
        assert [row.name for row in await store.runs(2)] == ["", ""]
        await store.append("r0", [Named("ann", "Ways"), Archived("ann")])
        assert [row.run for row in await store.runs(9, wanted=RunFilter(words="ways", state="archived"))] == ["r0"]
        assert await store.runs_to_ask(1e12) == []
        assert await store.claim("r1", "one") == 1


async def test_runs_of_the_first_version_are_found_by_who_asked_and_by_words(tmp_path: Path) -> None:
    make_0009(tmp_path / "moot.db")
    async with open_store(tmp_path / "moot.db", clock=ticking()) as store:
        await store.tidy()
        assert [row.run for row in await store.runs(9, None, RunFilter(by="ann", words="why"))] == ["ended", "over"]


async def test_a_database_of_the_sixth_version_is_read(tmp_path: Path) -> None:
    make_0006(tmp_path / "moot.db")
    async with open_store(tmp_path / "moot.db", clock=ticking()) as store:
        assert [(row.usd, row.own_usd) for row in await store.costs("model", 0.0)] == [(0.0003, 0.0003)]


async def test_costs_of_the_fifth_version_are_read_beside_its_bot(tmp_path: Path) -> None:
    make_0005(tmp_path / "moot.db")
    async with open_store(tmp_path / "moot.db", clock=ticking(), read_only=True) as store:
        assert [(row.usd, row.own_usd) for row in await store.costs("model", 0.0)] == [(0.0005, 0.0)]


def test_every_released_version_is_brought_forward_by_a_test() -> None:
    released = {
        revision.revision for revision in ScriptDirectory(str(ROOT / "storage" / "migrations")).walk_revisions()
    }
    assert {f"make_{version}" for version in released} <= set(globals()), "fill one as it was, and read all of it"


async def test_a_database_of_the_first_version_is_brought_forward(tmp_path: Path) -> None:
    path, turn = tmp_path / "moot.db", TurnId("answer", 1, "claude")
    make_0001(path)
    with pytest.raises(Misconfigured, match=f"version 0001.*{HEAD}.*run the bot once"):
        async with open_store(path, clock=ticking(), read_only=True):
            pass
    async with open_store(path, clock=ticking()) as store:
        assert await store.runs() == [
            RunRow("open", 20.0, "council", "How?", ""),
            RunRow("over", 10.0, "council", "Why \ud83d?", "verdict"),
        ]
        assert [row.run for row in await store.runs(server="")] == ["open", "over"]
        assert await store.unfinished_runs() == ["open"]
        start = (await store.read("over"))[1].fact
        assert isinstance(start, RunStarted)
        assert (start.question, start.server, start.images) == ("Why \ud83d?", "", ())
        assert await store.snapshots("open") == [Snapshot(turn, 22.0, 0, "So far")]

        await store.append("open", [Interjected("ann", "hello")], key="event")  # taken before
        await store.append("open", [RunFinished("verdict")])
        assert (await store.read("open", after=2)) == [Entry(3, 1_001.0, RunFinished("verdict"))]
        assert await store.claim("over", "two") == 2
        await store.record_page("over", PostedPage("discord/1", LaneId("answer", 1, "claude"), 1, "discord:1"), epoch=2)
        await store.append("over", [Deleted("ann")])
        assert [(row.run, row.outcome) for row in await store.runs()] == [("open", "verdict")]


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
