"""Databases as earlier versions made and filled them, each from the one before."""

from __future__ import annotations

import itertools
import json
import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine

from bot.ports.process import Clock
from storage.locations import Location
from tests.support.paths import ROOT


def ticking() -> Clock:
    """Return a clock that goes on by a second each time it is read."""
    return itertools.count(1_000.0).__next__


def tables(path: Path) -> set[str]:
    """Return the names of the tables of a database."""
    with closing(sqlite3.connect(path)) as raw:
        return {name for (name,) in raw.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}


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
    """Make the tables as that version made them, or bring an earlier one's to it."""
    engine = create_engine(f"sqlite:///{path}")
    with engine.begin() as conn:
        config = Config(attributes={"connection": conn})
        config.set_main_option("script_location", str(ROOT / "storage" / "migrations"))
        config.set_main_option("path_separator", "os")
        command.upgrade(config, version)
    engine.dispose()


def make_0001(path: Path) -> None:
    """Make a database as the first version made and filled it."""
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
    """Make a database as the second version made and filled it: runs with what lists need, messages and the shelf."""
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


def make_0003(path: Path) -> None:
    """Make one as the third version leaves it: with who has caught up, and with what was to be posted."""
    make_0002(path)
    make_empty(path, "0003")
    with closing(sqlite3.connect(path)) as raw, raw:
        head = ("ended", 0, 1, 40.0, "discord:1", "council", json.dumps("Why?"), "verdict", 41.0, None, None)
        raw.execute("INSERT INTO runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", head)
        raw.execute("INSERT INTO facts VALUES ('ended', 1, 40.0, 'RunStarted', ?)", [json.dumps(START)])
        raw.execute("UPDATE messages SET reads = 'digest'")
        raw.execute("INSERT INTO messages VALUES ('over', 'discord/1', 'answer/1/claude', 2, NULL, '')")


def make_0004(path: Path) -> None:
    """Make one as the fourth version leaves it: with a picture in pieces, and who uses it."""
    make_0003(path)
    make_empty(path, "0004")
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.executemany("INSERT INTO pictures VALUES ('digest', ?, ?)", [(0, b"abc"), (1, b"de")])
        raw.execute("INSERT INTO picture_uses VALUES ('open', 'digest', 5, 'ann', 'discord:1', 20.0)")


def make_0005(path: Path) -> None:
    """Make one as the fifth version leaves it: with what calls cost, and what limits have left."""
    make_0004(path)
    make_empty(path, "0005")
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("INSERT INTO accounts VALUES ('run open', 1000, 500, 20.0)")
        call = ("call", "open", "ann", "discord:1", "council", "claude", 20.0, 500, None, None)
        raw.execute("INSERT INTO calls VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", call)


def make_0006(path: Path) -> None:
    """Make one as the sixth version fills it: with what calls were paid with."""
    make_0005(path)
    make_empty(path, "0006")
    with closing(sqlite3.connect(path)) as raw, raw:
        raw.execute("UPDATE calls SET own_key = 1, spent = 300")


def make_0007(path: Path) -> None:
    """Make one as the seventh version fills it: with indexes alone."""
    make_0006(path)
    make_empty(path, "0007")


def make_0008(path: Path) -> None:
    """Make one as the eighth version fills it: with who asked."""
    make_0007(path)
    make_empty(path, "0008")


def make_0009(path: Path) -> None:
    """Make one as the ninth version fills it: with panels, and with who has done something in which run."""
    make_0008(path)
    make_empty(path, "0009")


def make_0010(path: Path) -> None:
    """Make one as the tenth version fills it: with no leases, as there is but one process."""
    make_0009(path)
    make_empty(path, "0010")


def make_0011(path: Path) -> None:
    """Make one as the eleventh version fills it: with no shards, likewise."""
    make_0010(path)
    make_empty(path, "0011")


def make_0012(path: Path) -> None:
    """Make one as the twelfth version fills it: its index of words merges little with each change."""
    make_0011(path)
    make_empty(path, "0012")


def make_0013(path: Path) -> None:
    """Make one as the thirteenth version fills it: with no runs that one of several processes cannot read."""
    make_0012(path)
    make_empty(path, "0013")


def make_0014(path: Path) -> None:
    """Make one as the fourteenth version fills it: with no lots, as there is but one process."""
    make_0013(path)
    make_empty(path, "0014")


def make_0015(path: Path) -> None:
    """Make one as the fifteenth version fills it: with a request that waits for its person."""
    make_0014(path)
    make_empty(path, "0015")
    with closing(sqlite3.connect(path)) as raw, raw:
        request = json.dumps({"format": "council", "question": "Why?"})
        offer = ("discord:7", "22222222", 50.0, "", len(request), json.dumps({"council": 1.5}), request)
        raw.execute("INSERT INTO offers VALUES (?, ?, ?, ?, ?, ?, ?)", offer)


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
