"""The SQL by which the contents of a run go: its rows, a share in each transaction, and names in the ledger of costs.

What is left of an erased run for a day is its row without any content, so that nothing that comes late begins it anew,
and where its messages stand, so that they can be deleted. What its calls have cost stays, without the run and whoever
paid. SQLite overwrites what is deleted with zeros (`storage.sqlite`).
"""

from __future__ import annotations

from sqlalchemy import ColumnElement, Connection, Table, and_, case, delete, func, literal, or_, select, update
from sqlalchemy import cast as sql_cast
from sqlalchemy.types import Text

from storage.picture_rows import free_pictures
from storage.schema import accounts, acts, calls, events, facts, messages, picture_uses, runs, snapshots
from storage.search import Indexed, forget_run

SHARE_ROWS = 50  # of a run that go in one transaction, for which other writes wait
SHARE_CHARS = 1_000_000  # that they hold together; of a longer row, that one alone
MAX_LISTED = 500  # runs in one list of those that are to go

_OF_RUN = (  # the tables of a run's texts: the rows' keys, and what they hold
    (facts, facts.c.seq, facts.c.data),
    (snapshots, snapshots.c.id, snapshots.c.text),
)


def erase_share(conn: Connection, run: str, indexed: Indexed | None = None) -> None:
    """Delete one share of a run's texts, and all that is small at once: its events, pictures and name in the ledger."""
    forget_run(conn, run, indexed)  # first, as it is by its facts that the index knows it
    where = case((calls.c.server.contains(":@"), ""), else_=calls.c.server)  # direct messages have a person's id there
    conn.execute(update(calls).where(calls.c.run == run).values(run="", person="", server=where))
    conn.execute(delete(accounts).where(accounts.c.account == f"run {run}"))
    for table in (events, acts):
        conn.execute(delete(table).where(table.c.run == run))
    free_pictures(conn, picture_uses.c.run == run)
    for table, key, content in _OF_RUN:
        _delete_share(conn, table, run, key, content)


def _delete_share(
    conn: Connection, table: Table, run: str, key: ColumnElement[int], content: ColumnElement[object]
) -> None:
    size = func.length(sql_cast(content, Text))
    found = conn.execute(select(key, size).where(table.c.run == run).order_by(key).limit(SHARE_ROWS)).all()
    room, going = SHARE_CHARS, list[int]()
    for number, chars in found:
        room -= chars
        if going and room < 0:
            break
        going.append(number)
    if going:
        conn.execute(delete(table).where(table.c.run == run, key.in_(going)))


def has_texts(conn: Connection, run: str) -> bool:
    """Return whether any text of the run is left."""
    return bool(conn.scalar(select(_text_left(literal(run)))))


def list_unerased(conn: Connection) -> list[str]:
    """Return runs that are deleted and not erased yet, as where the process ended in between."""
    unerased = or_(runs.c.seq > 0, _text_left(runs.c.run))
    return list(conn.scalars(select(runs.c.run).where(runs.c.deleted_at.is_not(None), unerased).limit(MAX_LISTED)))


def forget_erased(conn: Connection, before: float) -> None:
    """Delete the rows of runs that were erased before a wall time, and where their messages stood."""
    erased = and_(runs.c.deleted_at < before, runs.c.seq == 0, ~_text_left(runs.c.run))
    if going := conn.scalars(select(runs.c.run).where(erased).limit(MAX_LISTED)).all():
        conn.execute(delete(messages).where(messages.c.run.in_(going)))
        conn.execute(delete(runs).where(runs.c.run.in_(going)))


def _text_left(run: ColumnElement[str]) -> ColumnElement[bool]:
    return or_(*(select(table.c.run).where(table.c.run == run).exists() for table, _, _ in _OF_RUN))


def list_servers(conn: Connection) -> list[str]:
    """Return the servers that have runs; each is one step along the index, however many runs there are."""
    found, first = list[str](), select(func.min(runs.c.server))
    while (name := conn.scalar(first.where(runs.c.server > found[-1]) if found else first)) is not None:
        found.append(name)
    return found


def list_runs_before(conn: Connection, server: str, before: float) -> list[str]:
    """Return the runs of a server that began before a wall time, oldest first."""
    query = select(runs.c.run).where(runs.c.server == server, runs.c.started_at < before, runs.c.deleted_at.is_(None))
    return list(conn.scalars(query.order_by(runs.c.started_at).limit(MAX_LISTED)).all())
