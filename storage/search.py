"""The index of runs by their words, on SQLite's FTS5: the only statements that another database needs in another form.

The index has a row for each run, under the microsecond of its start, so that its order is that of the list. It holds
digests alone (`storage.words`). A row is taken out by the digests that were put in, and these are made again from the
same facts: those up to the one that the table `searched` names.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from sqlalchemy import ColumnElement, Connection, column, delete, exists, func, insert, select, text

from storage.schema import facts, runs, searched
from storage.words import index_text

MAX_ADDED = 20  # runs that enter the index in one transaction, of those that are missing there
MERGED_PAGES = 200  # of the index in one transaction

_ADD = text("INSERT INTO run_words (rowid, words) VALUES (:id, :words)")
_TAKE_OUT = text("INSERT INTO run_words (run_words, rowid, words) VALUES ('delete', :id, :words)")
_MERGE = text("INSERT INTO run_words (run_words, rank) VALUES ('merge', :pages)")
_MATCH = text("SELECT rowid FROM run_words WHERE run_words MATCH :words")


def index_run(conn: Connection, run: str, started_at: float) -> None:
    """Enter a run by the words of all its facts so far, in place of what was entered before."""
    forget_run(conn, run)
    number = round(started_at * 1e6)
    while conn.scalar(select(exists().where(searched.c.id == number))):
        number += 1
    seq = conn.scalar(select(func.max(facts.c.seq)).where(facts.c.run == run))
    if seq is not None:
        conn.execute(insert(searched), {"id": number, "run": run, "seq": seq})
        conn.execute(_ADD, {"id": number, "words": _index_facts(conn, run, seq)})


def forget_run(conn: Connection, run: str) -> None:
    """Take a run out; its facts must still be there."""
    if row := conn.execute(select(searched).where(searched.c.run == run)).one_or_none():
        conn.execute(_TAKE_OUT, {"id": row.id, "words": _index_facts(conn, run, row.seq)})
        conn.execute(delete(searched).where(searched.c.id == row.id))


def list_missing(conn: Connection) -> list[tuple[str, float]]:
    """Return some runs that were stored before there was an index, each with its start."""
    missing = select(runs.c.run, runs.c.started_at).where(
        runs.c.server.is_not(None), runs.c.deleted_at.is_(None), runs.c.run.not_in(select(searched.c.run))
    )
    return [(run, started_at) for run, started_at in conn.execute(missing.limit(MAX_ADDED)).all()]


def merge_index(conn: Connection) -> None:
    """Merge some parts of the index, by which what was taken out of it is gone from the file."""
    conn.execute(_MERGE, {"pages": MERGED_PAGES})


def holds_words(words: str) -> ColumnElement[bool]:
    """Return the condition that a run has all of these words, as `match_text` writes them."""
    return searched.c.id.in_(_MATCH.bindparams(words=words).columns(column("rowid")))


def _index_facts(conn: Connection, run: str, seq: int) -> str:
    found = conn.execute(
        select(facts.c.data).where(facts.c.run == run, facts.c.seq <= seq).order_by(facts.c.seq)
    ).scalars()
    return index_text(_list_texts(found.all()))


def _list_texts(stored: Iterable[Mapping[str, object]]) -> Iterator[str]:
    for data in stored:
        for field in ("question", "text"):
            if isinstance(said := data.get(field), str) and said:
                yield said
