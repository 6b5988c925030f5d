"""How SQLite goes about the store's queries: however much is stored, none goes through a whole table."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, event

from bot.domain.codec import encode
from bot.domain.facts import RunFinished
from bot.ports.store import RunFilter
from storage import erasure, open_store, people, rows, run_lists
from storage.batch import Append, Claim, Place, Put, Show, Write

# The newest of all runs are read from the end of this index, as many as are asked for.
NEWEST = "SCAN runs USING INDEX runs_started_at"
INDEX = "VIRTUAL TABLE INDEX"  # the index of words, which is asked for its matches alone
NOTHING = "SCAN CONSTANT ROW"  # what an insert's values are to SQLite

WRITES: Sequence[Write] = (
    Append("r", 1.0, (encode(RunFinished("verdict")),), epoch=None, key="event"),
    Claim("r", 2.0, "one"),
    Show("r", 3.0, "answer/1/claude", "text", epoch=1),
    Place("r", "discord/1", "answer/1/claude", 1, "discord:1", "", epoch=1),
    Put("discord/1/words", ["rude"]),
)


def write(conn: Connection) -> None:
    batch = rows.load_batch(conn, WRITES, {})
    for item in WRITES:
        batch.enter(item)
    rows.save_batch(conn, batch)


QUERIES: dict[str, Callable[[Connection], object]] = {
    "facts": lambda conn: rows.read_entries(conn, "r", after=5),
    "snapshots": lambda conn: rows.read_snapshots(conn, "r"),
    "placed": lambda conn: rows.read_posted_pages(conn, "r"),
    "find": lambda conn: rows.find_page(conn, "discord:10"),
    "runs": lambda conn: run_lists.list_runs(conn, 50, None),
    "runs of a server": lambda conn: run_lists.list_runs(conn, 50, "discord/1"),
    "runs with words": lambda conn: run_lists.list_runs(conn, 20, "discord/1", RunFilter(words="tea", by="ann")),
    "where runs are shown": lambda conn: run_lists.find_addresses(conn, ["r", "s"]),
    "runs of a person": lambda conn: people.list_runs_of(conn, "ann", ""),
    "unfinished": rows.find_unfinished,
    "deleted, not erased": erasure.list_unerased,
    "erased": lambda conn: erasure.erase_share(conn, "r"),
    "servers": erasure.list_servers,
    "before a time": lambda conn: erasure.list_runs_before(conn, "discord/1", 5.0),
    "documents": lambda conn: rows.list_documents(conn, "discord/1/"),
    "writes": write,
}


@contextmanager
def explained(path: Path) -> Iterator[tuple[Connection, list[str]]]:
    """A connection, and the steps of SQLite's plans for what is asked of it."""
    engine, steps = create_engine(f"sqlite:///{path}"), list[str]()

    @event.listens_for(engine, "before_cursor_execute")
    def explain(_: object, cursor: sqlite3.Cursor, query: str, values: Any, _c: object, many: bool) -> None:
        plan = cursor.execute(f"EXPLAIN QUERY PLAN {query}", values[0] if many else values)
        steps.extend(step for *_, step in plan)

    with engine.connect() as conn:
        yield conn, steps
    engine.dispose()


@pytest.mark.parametrize("name", QUERIES)
async def test_no_query_goes_through_a_whole_table(tmp_path: Path, name: str) -> None:
    async with open_store(tmp_path / "moot.db", clock=time.time):
        pass
    with explained(tmp_path / "moot.db") as (conn, steps):
        QUERIES[name](conn)
    scans = [step for step in steps if step.startswith("SCAN") and step != NOTHING and INDEX not in step]
    assert scans == ([NEWEST] if name == "runs" else [])
    assert scans or any(step.startswith("SEARCH") for step in steps)
