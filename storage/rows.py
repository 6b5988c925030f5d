"""The SQL of the store: it loads what a batch is about, saves its rows, and reads runs back.

All rows of a statement are fetched before any is looked at. A row that cannot be read would otherwise leave the
statement open, and later reads of the same connection would see an old state of the database.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, fields
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    and_,
    bindparam,
    delete,
    func,
    insert,
    inspect,
    or_,
    select,
    tuple_,
    update,
)

from bot.domain.codec import Unreadable, decode, read_turn, turn_text
from bot.domain.facts import Fact, ViewAttached
from bot.domain.spending import Balance
from bot.domain.transcript import Entry
from bot.ports import CostKey, CostRow, Json, PostedPage, RunRow, Snapshot, last_texts
from storage.batch import Append, Batch, Claim, Head, Keep, LaneRow, PageKey, Place, Reserve, Settle, Show, Write
from storage.schema import accounts, calls, events, facts, messages, picture_uses, pictures, runs, shelf, snapshots

PIECE_BYTES = 3 * 16_384  # of a picture; base64 takes three bytes at a time
DAY_S = 86_400.0
ACCOUNTS_KEPT_S = 62 * DAY_S  # beyond their month
MAX_FOLDED = 50  # runs in one transaction, for which other writes wait

# Statements that every run needs again and again are built once: SQLAlchemy takes longer to put one together than
# SQLite takes to run it.

# FOR UPDATE matters when several processes write; for SQLite, whose transactions exclude each other, it is left out.
_HEADS = (
    select(runs.c.run, *(runs.c[field.name] for field in fields(Head)))
    .where(runs.c.run.in_(bindparam("runs", expanding=True)))
    .with_for_update()
)
_TAKEN = select(events.c.key).where(events.c.key.in_(bindparam("keys", expanding=True)))
_SHOWN = (
    select(snapshots)
    .where(tuple_(snapshots.c.run, snapshots.c.turn).in_(bindparam("lanes", expanding=True)))
    .order_by(snapshots.c.id)
)
_CHANGE_RUN = update(runs).where(runs.c.run == bindparam("run_"))
_ADD_RUN = insert(runs).values(run=bindparam("run_"))
_ADD_FACTS, _ADD_EVENTS, _ADD_SNAPSHOTS, _ADD_MESSAGES = map(insert, (facts, events, snapshots, messages))
_PAGE = [f"{column.name}_" for column in messages.primary_key]
_SAME_PAGE = delete(messages).where(
    *(column == bindparam(name) for column, name in zip(messages.primary_key, _PAGE, strict=True))
)
_SAME_MESSAGE = delete(messages).where(messages.c.ref.in_(bindparam("refs", expanding=True)))
_BALANCES = select(accounts).where(accounts.c.account.in_(bindparam("names", expanding=True))).with_for_update()
_SETTLE = (
    update(calls)
    .where(calls.c.call == bindparam("call_"))
    .values(spent=bindparam("spent"), seconds=bindparam("seconds"))
)
_ENTRIES = (
    select(facts.c.seq, facts.c.at, facts.c.kind, facts.c.data)
    .where(facts.c.run == bindparam("run"), facts.c.seq > bindparam("after"))
    .order_by(facts.c.seq)
)
_POSTED_PAGES = (
    select(messages)
    .where(messages.c.run == bindparam("run"))
    .order_by(messages.c.address, messages.c.lane, messages.c.page)
)
_PIECE = select(pictures.c.data).where(pictures.c.digest == bindparam("digest"), pictures.c.piece == bindparam("piece"))
_FIND = select(messages).where(messages.c.ref == bindparam("ref"))

# runs that are over and still have more than the last text of each lane: those of earlier versions
_UNFOLDED = (
    select(snapshots.c.run)
    .join(runs, runs.c.run == snapshots.c.run)
    .where(or_(runs.c.caught_up_at.is_not(None), runs.c.deleted_at.is_not(None)))
    .group_by(snapshots.c.run)
    .having(func.count() > func.count(snapshots.c.turn.distinct()))
    .limit(MAX_FOLDED)
)

_GOING_ON = select(runs.c.run).where(runs.c.caught_up_at.is_(None), runs.c.deleted_at.is_(None))

_FOR_PEOPLE = and_(runs.c.server.is_not(None), runs.c.deleted_at.is_(None))
_LAST = "\U0010ffff"  # sorts after every character that a key holds


def load_batch(conn: Connection, writes: Sequence[Write], remembered: Mapping[LaneRow, str]) -> Batch:
    """Load what these writes are about. `remembered`: the last texts of lanes that need not be asked for."""
    lanes = {w.lane for w in writes if isinstance(w, Show)}
    known = {lane: remembered[lane] for lane in lanes & remembered.keys()}
    return Batch(
        stored=_load_heads(conn, {w.run for w in writes if isinstance(w, Append | Claim | Show | Place)}),
        taken=_load_keys(conn, {w.key for w in writes if isinstance(w, Append) and w.key is not None}),
        shown={**_load_texts(conn, lanes - known.keys()), **known},
        balances=load_balances(conn, {name for w in writes if isinstance(w, Reserve | Settle) for name in w.accounts}),
    )


def save_batch(conn: Connection, batch: Batch) -> None:
    """Write the rows of a batch."""
    changed = {run: head for run, head in batch.heads.items() if head != batch.stored.get(run)}
    rows = [{"run_": run, **asdict(head)} for run, head in changed.items()]
    if known := [row for row in rows if row["run_"] in batch.stored]:
        conn.execute(_CHANGE_RUN, known)
    if new := [row for row in rows if row["run_"] not in batch.stored]:
        conn.execute(_ADD_RUN, new)
    for add, added in ((_ADD_FACTS, batch.facts), (_ADD_EVENTS, batch.events), (_ADD_SNAPSHOTS, batch.snapshots)):
        if added:
            conn.execute(add, added)
    if batch.messages:
        _put_pages(conn, batch.messages, batch.refs)
    if batch.shelf:
        put_documents(conn, batch.shelf)
    if batch.charged:
        _save_spending(conn, batch)
    for picture in batch.pictures:
        _keep_picture(conn, picture)
    for run in batch.over:
        _fold_snapshots(conn, run)
    if batch.over:
        _free_pictures(conn, picture_uses.c.run.in_(batch.over))
    if batch.tidy_before is not None:
        conn.execute(delete(events).where(events.c.at < batch.tidy_before))
        unused = and_(picture_uses.c.at < batch.tidy_before, picture_uses.c.run.not_in(_GOING_ON))
        _free_pictures(conn, unused)  # of runs that never began
        conn.execute(delete(accounts).where(accounts.c.at < batch.tidy_before - ACCOUNTS_KEPT_S))
        for run in conn.scalars(_UNFOLDED).all():
            _fold_snapshots(conn, run)


def read_entries(conn: Connection, run: str, after: int) -> list[Entry]:
    found = conn.execute(_ENTRIES, {"run": run, "after": after}).all()
    return [Entry(row.seq, row.at, _read_fact(row, run)) for row in found]


def read_snapshots(conn: Connection, run: str) -> list[Snapshot]:
    query = select(snapshots).where(snapshots.c.run == run).order_by(snapshots.c.id)
    return [_read_snapshot(row) for row in conn.execute(query).all()]


def read_posted_pages(conn: Connection, run: str) -> list[PostedPage]:
    return [_read_page(row) for row in conn.execute(_POSTED_PAGES, {"run": run}).all()]


def find_page(conn: Connection, ref: str) -> tuple[str, PostedPage] | None:
    row = conn.execute(_FIND, {"ref": ref}).one_or_none()
    return (row.run, _read_page(row)) if row else None


def list_runs(conn: Connection, limit: int, server: str | None) -> list[RunRow]:
    query = select(runs).where(_FOR_PEOPLE)
    if server is not None:
        query = query.where(runs.c.server == server)
    newest = conn.execute(query.order_by(runs.c.started_at.desc(), runs.c.run).limit(limit)).all()
    shown = find_addresses(conn, [row.run for row in newest])
    return [
        RunRow(row.run, row.started_at, row.format, row.question, row.outcome or "", tuple(shown.get(row.run, ())))
        for row in newest
    ]


def find_unfinished(conn: Connection) -> list[str]:
    found = conn.execute(select(runs.c.started_at, runs.c.run).where(_FOR_PEOPLE, runs.c.caught_up_at.is_(None))).all()
    return [row.run for row in sorted(found)]  # asked to sort, SQLite goes through all runs there ever were


def list_documents(conn: Connection, prefix: str) -> dict[str, Json]:
    query = select(shelf).where(shelf.c.key.between(prefix, prefix + _LAST))
    return {row.key: row.value for row in conn.execute(query.order_by(shelf.c.key)).all()}


def find_addresses(conn: Connection, named: Collection[str]) -> dict[str, list[str]]:
    """Return the addresses at which each of these runs is shown."""
    if not named:
        return {}
    attached = and_(facts.c.run.in_(named), facts.c.kind == ViewAttached.__name__)
    found: dict[str, list[str]] = {}
    for row in conn.execute(select(facts.c.run, facts.c.data).where(attached).order_by(facts.c.run, facts.c.seq)).all():
        found.setdefault(row.run, []).append(row.data["address"])
    return found


def put_documents(conn: Connection, documents: Mapping[str, Json]) -> None:
    conn.execute(delete(shelf).where(shelf.c.key.in_(documents)))
    if kept := [{"key": key, "value": value} for key, value in documents.items() if value is not None]:
        conn.execute(insert(shelf), kept)


def _put_pages(conn: Connection, pages: Mapping[PageKey, dict[str, Any] | None], refs: Collection[str]) -> None:
    """Write rows of pages. A page stands in one message and a message shows one page: older rows make way."""
    conn.execute(_SAME_PAGE, [dict(zip(_PAGE, page, strict=True)) for page in pages])
    if refs:
        conn.execute(_SAME_MESSAGE, {"refs": list(refs)})
    if rows := [row for row in pages.values() if row]:
        conn.execute(_ADD_MESSAGES, rows)


def load_balances(conn: Connection, names: Collection[str]) -> dict[str, Balance]:
    """Return the balance of each of these accounts; one that nothing was charged to has nothing."""
    stored = conn.execute(_BALANCES, {"names": list(names)}).all() if names else []
    return {name: Balance() for name in names} | {row.account: Balance(row.spent, row.held) for row in stored}


def sum_costs(conn: Connection, key: CostKey, since: float, server: str | None) -> list[CostRow]:
    if not inspect(conn).has_table(calls.name):  # read beside a bot of an earlier version
        return []
    by = func.floor(calls.c.at / DAY_S) if key == "day" else calls.c[key]
    usd = func.sum(func.coalesce(calls.c.spent, calls.c.held)) / 1e6
    query = select(by, usd, func.count(), func.avg(calls.c.seconds)).where(calls.c.at >= since).group_by(by)
    if server is not None:
        query = query.where(calls.c.server == server)
    found = conn.execute(query.order_by(by.desc() if key == "day" else usd.desc())).all()
    return [CostRow(_name_day(name) if key == "day" else name, *figures) for name, *figures in found]


def _name_day(number: float) -> str:
    return f"{datetime.fromtimestamp(number * DAY_S, UTC):%Y-%m-%d}"


def _save_spending(conn: Connection, batch: Batch) -> None:
    changed = [(name, batch.balances[name], at) for name, at in batch.charged.items()]
    conn.execute(delete(accounts).where(accounts.c.account.in_(batch.charged)))
    conn.execute(insert(accounts), [{"account": name, "at": at, **asdict(balance)} for name, balance, at in changed])
    if batch.calls:
        conn.execute(insert(calls), batch.calls)
    if batch.settled:
        conn.execute(_SETTLE, batch.settled)


def _fold_snapshots(conn: Connection, run: str) -> None:
    """Keep of what each lane of a run showed the last text alone: that is all that a replay of it needs."""
    shots = read_snapshots(conn, run)
    last = last_texts(shots)
    times = {shot.turn: shot.at for shot in shots}
    if len(shots) > len(last):
        conn.execute(delete(snapshots).where(snapshots.c.run == run))
        kept = [
            {"run": run, "turn": turn_text(turn), "at": times[turn], "kept": 0, "text": text}
            for turn, text in last.items()
        ]
        conn.execute(_ADD_SNAPSHOTS, kept)


def find_picture_size(conn: Connection, digest: str) -> int | None:
    return conn.scalar(select(picture_uses.c.bytes).where(picture_uses.c.digest == digest).limit(1))


def read_picture_piece(conn: Connection, digest: str, number: int) -> bytes | None:
    return conn.scalar(_PIECE, {"digest": digest, "piece": number})


def count_picture_bytes(conn: Connection, by: str, server: str) -> tuple[int, int, int]:
    """Return the bytes of a person's pictures, of a server's, and of all; a picture counts once for each."""

    def count(*where: ColumnElement[bool]) -> int:
        each = select(picture_uses.c.digest, func.max(picture_uses.c.bytes).label("bytes")).where(*where)
        return conn.scalar(select(func.sum(each.group_by(picture_uses.c.digest).subquery().c.bytes))) or 0

    return count(picture_uses.c.by == by), count(picture_uses.c.server == server), count()


def _keep_picture(conn: Connection, kept: Keep) -> None:
    if kept.data is not None and find_picture_size(conn, kept.digest) is None:
        data, pieces = memoryview(kept.data), range(0, kept.size, PIECE_BYTES)
        rows = [
            {"digest": kept.digest, "piece": number, "data": data[at : at + PIECE_BYTES]}
            for number, at in enumerate(pieces)
        ]
        conn.execute(insert(pictures), rows)
    use = {"run": kept.run, "digest": kept.digest, "bytes": kept.size, "by": kept.by, "server": kept.server}
    same = (picture_uses.c.run == kept.run, picture_uses.c.digest == kept.digest)
    conn.execute(delete(picture_uses).where(*same))
    conn.execute(insert(picture_uses), {**use, "at": kept.at})


def _free_pictures(conn: Connection, over: ColumnElement[bool]) -> None:
    """Let uses of pictures go, and each picture that no run uses any more."""
    freed = conn.scalars(select(picture_uses.c.digest).where(over)).all()
    if freed:
        conn.execute(delete(picture_uses).where(over))
        used = select(picture_uses.c.digest)
        conn.execute(delete(pictures).where(pictures.c.digest.in_(freed), pictures.c.digest.not_in(used)))


def _read_fact(row: Row[*tuple[Any, ...]], run: str) -> Fact:
    try:
        return decode(row.kind, row.data)
    except Unreadable as error:
        raise Unreadable(f"fact {row.seq} of run {run}: {error}") from error


def _load_heads(conn: Connection, named: Collection[str]) -> dict[str, Head]:
    if not named:
        return {}
    return {run: Head(*head) for run, *head in conn.execute(_HEADS, {"runs": list(named)}).all()}


def _load_keys(conn: Connection, keys: Collection[str]) -> set[str]:
    return set(conn.scalars(_TAKEN, {"keys": list(keys)}).all()) if keys else set()


def _load_texts(conn: Connection, lanes: Collection[LaneRow]) -> dict[LaneRow, str]:
    """Load the last text of each lane; lanes that showed nothing yet are left out."""
    if not lanes:
        return {}
    kept: dict[LaneRow, list[Snapshot]] = {}
    for row in conn.execute(_SHOWN, {"lanes": list(lanes)}).all():
        kept.setdefault((row.run, row.turn), []).append(_read_snapshot(row))
    return {lane: text for lane, shots in kept.items() for text in last_texts(shots).values()}


def _read_snapshot(row: Row[*tuple[Any, ...]]) -> Snapshot:
    return Snapshot(read_turn(row.turn), row.at, row.kept, row.text)


def _read_page(row: Row[*tuple[Any, ...]]) -> PostedPage:
    return PostedPage(row.address, read_turn(row.lane).lane, row.page, row.ref or "", row.reads)
