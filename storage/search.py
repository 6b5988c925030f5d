"""The index of runs by their words: the only statements that databases need in different forms.

The index has a row for each run, under the microsecond of its start, so that its order is that of the list. It holds
digests alone (`storage.words`). From SQLite's FTS5, a row is taken out by the digests that were put in, and these are
made again from the same facts: those up to the one that the table `searched` names. PostgreSQL keeps a tsvector.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from sqlalchemy import Connection, Subquery, column, delete, exists, func, insert, select, text

from storage.schema import facts, runs, searched
from storage.words import index_text

MAX_ADDED = 20  # runs that enter the index in one transaction, of those that are missing there
# Each change of SQLite's index adds a part to it, and parts are merged so that a search asks few. Left to itself SQLite
# merges seldom and much, for which other writes wait; so it merges so many pages with each change.
MERGED_PAGES = 16
# of a run in a tsvector, which holds 1 MiB: https://www.postgresql.org/docs/current/textsearch-limitations.html
MAX_WORDS = 90_000

_ADD = text("INSERT INTO run_words (rowid, words) VALUES (:id, :words)")
_TAKE_OUT = text("INSERT INTO run_words (run_words, rowid, words) VALUES ('delete', :id, :words)")
_MERGE = text("INSERT INTO run_words (run_words, rank) VALUES ('merge', :pages)")
_MATCH = text("SELECT rowid AS id FROM run_words WHERE run_words MATCH :words")

# digests are no words of a language: nothing parses them, and none is left out
_ADD_VECTOR = text("INSERT INTO run_words (id, words) VALUES (:id, array_to_tsvector(string_to_array(:words, ' ')))")
_DELETE_VECTOR = text("DELETE FROM run_words WHERE id = :id")
_MATCH_VECTOR = text("SELECT id FROM run_words WHERE words @@ CAST(replace(:words, ' ', ' & ') AS tsquery)")


class Indexed(NamedTuple):
    """The row of a run in SQLite's index: its number, how far its facts are in it, and their digests."""

    id: int
    seq: int
    words: str


def index_run(conn: Connection, run: str, started_at: float) -> None:
    """Enter a run by the words of all its facts so far, in place of what was entered before."""
    forget_run(conn, run)
    number = round(started_at * 1e6)
    while conn.scalar(select(exists().where(searched.c.id == number))):
        number += 1
    seq = conn.scalar(select(func.max(facts.c.seq)).where(facts.c.run == run))
    if seq is not None:
        conn.execute(insert(searched), {"id": number, "run": run, "seq": seq})
        words = _index_facts(conn, run, seq)
        if _has_fts5(conn):
            conn.execute(_ADD, {"id": number, "words": words})
            merge_index(conn)
        else:
            conn.execute(_ADD_VECTOR, {"id": number, "words": " ".join(words.split(" ", MAX_WORDS)[:MAX_WORDS])})


def read_indexed(conn: Connection, run: str) -> Indexed | None:
    """Read what takes a run out of the index, which takes long for a long one; None where nothing is needed for it."""
    row = conn.execute(select(searched).where(searched.c.run == run)).one_or_none()
    return Indexed(row.id, row.seq, _index_facts(conn, run, row.seq)) if row and _has_fts5(conn) else None


def forget_run(conn: Connection, run: str, known: Indexed | None = None) -> None:
    """Take a run out; its facts must still be there. `known`: what `read_indexed` has read of it before."""
    if row := conn.execute(select(searched).where(searched.c.run == run)).one_or_none():
        if _has_fts5(conn):
            is_same = known is not None and (known.id, known.seq) == (row.id, row.seq)
            words = known.words if known and is_same else _index_facts(conn, run, row.seq)
            conn.execute(_TAKE_OUT, {"id": row.id, "words": words})
            merge_index(conn)
        else:
            conn.execute(_DELETE_VECTOR, {"id": row.id})
        conn.execute(delete(searched).where(searched.c.id == row.id))


def list_missing(conn: Connection) -> list[tuple[str, float]]:
    """Return some runs that were stored before there was an index, each with its start."""
    missing = select(runs.c.run, runs.c.started_at).where(
        runs.c.server.is_not(None), runs.c.deleted_at.is_(None), runs.c.run.not_in(select(searched.c.run))
    )
    return [(run, started_at) for run, started_at in conn.execute(missing.limit(MAX_ADDED)).all()]


def merge_index(conn: Connection) -> None:
    """Merge some parts of the index, by which what was taken out of it is gone from the file."""
    if _has_fts5(conn):
        conn.execute(_MERGE, {"pages": MERGED_PAGES})


def find_words(conn: Connection, words: str) -> Subquery:
    """Return the query for the `id` in `searched` of each run that has all of these words, as `match_text` writes them.

    SQLite finds the highest first, so that a list of the newest runs with a frequent word need not read all of them.
    """
    match = _MATCH if _has_fts5(conn) else _MATCH_VECTOR
    return match.bindparams(words=words).columns(column("id")).subquery()


def _has_fts5(conn: Connection) -> bool:
    return conn.dialect.name == "sqlite"


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
