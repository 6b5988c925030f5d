"""The SQL of the list of runs, narrowed as people want it."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from sqlalchemy import ColumnElement, Connection, and_, inspect, literal, select

from bot.domain.facts import ViewAttached
from bot.ports.store import EVERY_RUN, RunFilter, RunRow
from storage.schema import facts, runs, searched
from storage.search import find_words
from storage.words import match_text

MAX_ASKED = 100  # runs in one go
FOR_PEOPLE = and_(runs.c.server.is_not(None), runs.c.deleted_at.is_(None))


def list_runs(conn: Connection, limit: int, server: str | None, wanted: RunFilter = EVERY_RUN) -> list[RunRow]:
    knows_names = _knows_names(conn)
    named = runs.c.name if knows_names else literal(None).label("name")
    listed = (runs.c.run, runs.c.started_at, runs.c.format, runs.c.question, runs.c.outcome, named)
    query = select(*listed).where(FOR_PEOPLE, *_conditions(wanted))
    if wanted.listed and wanted.state != "archived" and knows_names:
        query = query.where(runs.c.archived_at.is_(None))
    if server is not None:
        query = query.where(runs.c.server == server)
    if wanted.words:
        if not (words := match_text(wanted.words)):
            return []
        found = find_words(conn, words)
        query = query.join(searched, searched.c.run == runs.c.run).join(found, found.c.id == searched.c.id)
        query = query.order_by(found.c.id.desc())  # which follow the starts
    else:
        query = query.order_by(runs.c.started_at.desc(), runs.c.run)
    newest = conn.execute(query.offset(wanted.skip).limit(limit)).all()
    shown = find_addresses(conn, [row.run for row in newest])
    return [
        RunRow(run, at, form, question, outcome or "", tuple(shown.get(run, ())), name or "")
        for run, at, form, question, outcome, name in newest
    ]


def _knows_names(conn: Connection) -> bool:
    """Return whether runs can have names here, and not where a bot of an earlier version holds the database."""
    if "knows names" not in conn.info:  # it is kept with the connection, since to ask takes as long as a list
        conn.info["knows names"] = any(c["name"] == runs.c.name.name for c in inspect(conn).get_columns(runs.name))
    return bool(conn.info["knows names"])


def _conditions(wanted: RunFilter) -> Iterator[ColumnElement[bool]]:
    for column, value in ((runs.c.by, wanted.by), (runs.c.format, wanted.format), (runs.c.panel, wanted.panel)):
        if value:
            yield column == value
    if wanted.channel:  # of runs from before it was kept, it is not known
        yield runs.c.channel.in_((wanted.channel, ""))
    match wanted.state:
        case "open":
            yield runs.c.finished_at.is_(None)
        case "over":
            yield runs.c.finished_at.is_not(None)
        case "failed":
            yield runs.c.outcome == "failed"
        case "archived":
            yield runs.c.archived_at.is_not(None)


def find_addresses(conn: Connection, named: Collection[str]) -> dict[str, list[str]]:
    """Return the addresses at which each of these runs is shown."""
    if not named:
        return {}
    attached = and_(facts.c.run.in_(named), facts.c.kind == ViewAttached.__name__)
    found: dict[str, list[str]] = {}
    for row in conn.execute(select(facts.c.run, facts.c.data).where(attached).order_by(facts.c.run, facts.c.seq)).all():
        found.setdefault(row.run, []).append(row.data["address"])
    return found


def list_runs_to_ask(conn: Connection, now: float) -> list[str]:
    """Return runs whose starters wanted to be asked by now what became of them, the longest due first."""
    query = select(runs.c.run).where(runs.c.ask_at <= now, FOR_PEOPLE).order_by(runs.c.ask_at)
    return list(conn.scalars(query.limit(MAX_ASKED)).all())
