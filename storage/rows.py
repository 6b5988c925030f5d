"""The SQL: what a batch is about is loaded, its rows are saved, and runs are read back."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import Connection, Row, bindparam, insert, select, tuple_, update

from bot.codec import Unreadable, decode, read_turn
from bot.ports import RunRow, Snapshot, replay
from bot.transcript import Entry, Fact, RunFinished, RunStarted
from storage.batch import Append, Batch, Head, LaneKey, Show, Write
from storage.schema import events, facts, runs, snapshots


def load(conn: Connection, writes: Sequence[Write], remembered: Mapping[LaneKey, str]) -> Batch:
    """What the database holds of what these writes are about. `remembered`: lanes that need not be asked for."""
    lanes = {w.lane for w in writes if isinstance(w, Show)}
    known = {lane: remembered[lane] for lane in lanes & remembered.keys()}
    return Batch(
        stored=_heads(conn, {w.run for w in writes}),
        taken=_taken(conn, {w.key for w in writes if isinstance(w, Append) and w.key is not None}),
        shown={**_shown(conn, lanes - known.keys()), **known},
    )


def save(conn: Connection, batch: Batch) -> None:
    changed = {run: head for run, head in batch.heads.items() if head != batch.stored.get(run)}
    rows = [{"run_": run, "epoch": h.epoch, "seq": h.seq, "started_at": h.started_at} for run, h in changed.items()]
    if known := [row for row in rows if row["run_"] in batch.stored]:
        conn.execute(update(runs).where(runs.c.run == bindparam("run_")), known)
    if new := [row for row in rows if row["run_"] not in batch.stored]:
        conn.execute(insert(runs).values(run=bindparam("run_")), new)
    for table, added in ((facts, batch.facts), (events, batch.events), (snapshots, batch.snapshots)):
        if added:
            conn.execute(insert(table), added)


def entries(conn: Connection, run: str, after: int) -> list[Entry]:
    query = select(facts.c.seq, facts.c.at, facts.c.kind, facts.c.data)
    query = query.where(facts.c.run == run, facts.c.seq > after).order_by(facts.c.seq)
    return [Entry(row.seq, row.at, _fact(row, run)) for row in conn.execute(query)]


def snapshots_of(conn: Connection, run: str) -> list[Snapshot]:
    query = select(snapshots).where(snapshots.c.run == run).order_by(snapshots.c.id)
    return [_snapshot(row) for row in conn.execute(query)]


def listing(conn: Connection, limit: int) -> list[RunRow]:
    """Newest first; the first start and the first end of a run count, as in `bot.transcript.fold`."""
    begun = select(facts.c.run).where(facts.c.run == runs.c.run, facts.c.kind == RunStarted.__name__)
    newest = select(runs.c.run, runs.c.started_at).where(begun.exists())
    newest = newest.order_by(runs.c.started_at.desc(), runs.c.run).limit(limit)
    listed = newest.subquery()
    query = select(listed.c.run, listed.c.started_at, facts.c.seq, facts.c.kind, facts.c.data)
    query = query.join(facts, facts.c.run == listed.c.run)
    query = query.where(facts.c.kind.in_((RunStarted.__name__, RunFinished.__name__)))
    found: dict[str, RunRow] = {}
    for row in conn.execute(query.order_by(listed.c.started_at.desc(), listed.c.run, facts.c.seq)):
        fact, known = _fact(row, row.run), found.get(row.run)
        if isinstance(fact, RunStarted) and known is None:
            found[row.run] = RunRow(row.run, row.started_at, fact.format, fact.question, outcome="")
        elif isinstance(fact, RunFinished) and known is not None and not known.outcome:
            found[row.run] = replace(known, outcome=fact.outcome)
    return list(found.values())


def _fact(row: Row[*tuple[Any, ...]], run: str) -> Fact:
    try:
        return decode(row.kind, row.data)
    except Unreadable as error:
        raise Unreadable(f"fact {row.seq} of run {run}: {error}") from error


def _heads(conn: Connection, named: Collection[str]) -> dict[str, Head]:
    if not named:
        return {}
    # FOR UPDATE matters where several processes write; SQLite, whose transactions exclude each other, is not told
    query = select(runs).where(runs.c.run.in_(named)).with_for_update()
    return {row.run: Head(row.epoch, row.seq, row.started_at) for row in conn.execute(query)}


def _taken(conn: Connection, keys: Collection[str]) -> set[str]:
    return set(conn.scalars(select(events.c.key).where(events.c.key.in_(keys)))) if keys else set()


def _shown(conn: Connection, lanes: Collection[LaneKey]) -> dict[LaneKey, str]:
    """What each lane showed last; lanes that showed nothing yet are left out."""
    if not lanes:
        return {}
    query = select(snapshots).where(tuple_(snapshots.c.run, snapshots.c.turn).in_(lanes)).order_by(snapshots.c.id)
    kept: dict[LaneKey, list[Snapshot]] = {}
    for row in conn.execute(query):
        kept.setdefault((row.run, row.turn), []).append(_snapshot(row))
    return {lane: text for lane, shots in kept.items() for _, _, text in replay(shots)}


def _snapshot(row: Row[*tuple[Any, ...]]) -> Snapshot:
    return Snapshot(read_turn(row.turn), row.at, row.kept, row.text)
