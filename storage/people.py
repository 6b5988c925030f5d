"""The SQL by which the facts of one person are found in all runs, and taken out of others' runs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from hashlib import blake2b
from secrets import token_hex
from typing import Any

from sqlalchemy import ColumnElement, Connection, Text, and_, cast, delete, exists, inspect, select, text, update

from bot.domain.codec import decode, encode
from bot.domain.personal import PERSONAL_KINDS, erase_person
from bot.domain.transcript import Entry
from storage.schema import acts, facts, messages, runs
from storage.search import forget_run, index_run

RUNS_LOOKED_AT = 200  # in one statement, for which other reads wait
DIGEST_BYTES = 12

_NOTE = text("INSERT INTO acts (person, run) VALUES (:person, :run) ON CONFLICT DO NOTHING")


def note_acts(conn: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
    """Note in which runs the people of these facts have done something."""
    found = {(row["data"]["by"], row["run"]) for row in rows if row["kind"] in PERSONAL_KINDS and row["data"]["by"]}
    if found:
        conn.execute(_NOTE, [{"person": _digest(by), "run": run} for by, run in sorted(found)])


def list_runs_of(conn: Connection, person: str, after: str) -> list[str]:
    """Return the ids of some runs, not deleted, in which a person has done something, in their order behind `after`.

    Beside a bot of an earlier version, which does not note that, they are all runs.
    """
    query = select(runs.c.run).where(runs.c.run > after, runs.c.deleted_at.is_(None))
    if inspect(conn).has_table(acts.name):
        query = query.join(acts, acts.c.run == runs.c.run).where(acts.c.person == _digest(person))
    return list(conn.scalars(query.order_by(runs.c.run).limit(RUNS_LOOKED_AT)).all())


def list_acts(conn: Connection, named: Sequence[str], person: str) -> list[tuple[str, Entry]]:
    """Return the facts of a person in these runs, each with its run."""
    by_person = and_(facts.c.kind.in_(PERSONAL_KINDS), _holds_text(person))
    query = select(facts).where(facts.c.run.in_(named), by_person).order_by(facts.c.run, facts.c.seq)
    found = [row for row in conn.execute(query).all() if row.data["by"] == person]
    return [(row.run, Entry(row.seq, row.at, decode(row.kind, row.data))) for row in found]


def _holds_text(said: str) -> ColumnElement[bool]:
    """Return the condition that a fact holds a text, in whichever field.

    Asked for a field, PostgreSQL refuses a fact with NUL in any of them.
    """
    return cast(facts.c.data, Text).contains(json.dumps(said), autoescape=True)


def forget_acts(conn: Connection, run: str, person: str) -> None:
    """Take a person out of somebody else's run; the index of words has it without them from then on.

    Where messages of it stand, it counts as not shown to its end until these read so as well.
    """
    found = list_acts(conn, [run], person)
    started_at = conn.scalar(select(runs.c.started_at).where(runs.c.run == run, runs.c.deleted_at.is_(None)))
    if not found or started_at is None:
        return
    forget_run(conn, run)  # first, as it is by its facts that the index knows it
    alias = f"forgotten:{token_hex(4)}"
    for _, entry in found:
        here = and_(facts.c.run == run, facts.c.seq == entry.seq)
        kind, data = encode(erase_person(entry.fact, alias))
        conn.execute(update(facts).where(here).values(kind=kind, data=data))
    conn.execute(delete(acts).where(acts.c.person == _digest(person), acts.c.run == run))
    index_run(conn, run, started_at)
    is_posted = exists().where(messages.c.run == run, messages.c.ref.is_not(None))
    conn.execute(update(runs).where(runs.c.run == run, is_posted).values(caught_up_at=None))


def _digest(person: str) -> str:
    return blake2b(person.encode("utf-8", "replace"), digest_size=DIGEST_BYTES).hexdigest()
