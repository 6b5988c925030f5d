"""The SQL by which the facts of one person are found in all runs, and taken out of others' runs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from secrets import token_hex

from sqlalchemy import ColumnElement, Connection, Text, and_, cast, select, update

from bot.domain.codec import decode, encode
from bot.domain.personal import PERSONAL_KINDS, erase_person
from bot.domain.transcript import Entry
from storage.schema import facts, runs
from storage.search import forget_run, index_run

RUNS_LOOKED_AT = 200  # in one statement, for which other reads wait


def list_run_ids(conn: Connection, after: str) -> list[str]:
    """Return the ids of some runs that are not deleted, in their order behind `after`."""
    query = select(runs.c.run).where(runs.c.run > after, runs.c.deleted_at.is_(None))
    return list(conn.scalars(query.order_by(runs.c.run).limit(RUNS_LOOKED_AT)).all())


def list_acts(conn: Connection, named: Sequence[str], person: str) -> list[tuple[str, Entry]]:
    """Return the facts of a person in these runs, each with its run."""
    by_person = and_(facts.c.kind.in_(PERSONAL_KINDS), _holds_text(person))
    query = select(facts).where(facts.c.run.in_(named), by_person).order_by(facts.c.run, facts.c.seq)
    found = [row for row in conn.execute(query).all() if row.data["by"] == person]
    return [(row.run, Entry(row.seq, row.at, decode(row.kind, row.data))) for row in found]


def _holds_text(text: str) -> ColumnElement[bool]:
    """Return the condition that a fact holds a text, in whichever field.

    Asked for a field, PostgreSQL refuses a fact with NUL in any of them.
    """
    return cast(facts.c.data, Text).contains(json.dumps(text), autoescape=True)


def forget_acts(conn: Connection, run: str, person: str) -> None:
    """Take a person out of somebody else's run; the index of words has it without them from then on."""
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
    index_run(conn, run, started_at)
