"""The SQL of the store: it loads what a batch is about, saves its rows, and reads runs back.

All rows of a statement are fetched before any is looked at. A row that cannot be read would otherwise leave the
statement open, and later reads of the same connection would see an old state of the database.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, fields, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    Connection,
    Row,
    Select,
    and_,
    bindparam,
    case,
    delete,
    func,
    insert,
    inspect,
    literal,
    literal_column,
    or_,
    select,
    tuple_,
    update,
)

from bot.domain.codec import Unreadable, decode, read_turn, turn_text
from bot.domain.facts import Fact
from bot.domain.spending import Balance
from bot.domain.transcript import Entry
from bot.ports.spending import CostKey, CostRow
from bot.ports.store import Json, PostedPage, Snapshot, last_texts
from bot.records.frames import FRAMES_KEPT, thin_snapshots
from storage.batch import (
    Append,
    Batch,
    Claim,
    Erase,
    Import,
    LaneRow,
    PageKey,
    Place,
    Reserve,
    Settle,
    Show,
    Write,
)
from storage.erasure import erase_share, forget_erased
from storage.head import Head
from storage.people import forget_acts, note_acts
from storage.picture_rows import free_pictures, keep_picture
from storage.run_lists import FOR_PEOPLE
from storage.schema import accounts, calls, events, facts, messages, picture_uses, runs, shelf, snapshots
from storage.search import index_run, merge_index

DAY_S = 86_400.0
ACCOUNTS_KEPT_S = 62 * DAY_S  # beyond their month
MAX_FOLDED = 50  # runs in one transaction, for which other writes wait
MAX_TIDIED_ROWS = 2_000  # likewise

# Statements that every run needs again and again are built once: SQLAlchemy takes longer to put one together than
# SQLite takes to run it.

# FOR UPDATE matters when several processes write; for SQLite, whose transactions exclude each other, it is left out.
_HEADS = (
    select(runs.c.run, *(runs.c[field.name] for field in fields(Head)))
    .where(runs.c.run.in_(bindparam("runs", expanding=True)))
    .order_by(runs.c.run)  # so that two processes lock them in one order
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
_BALANCES = select(accounts).where(accounts.c.account.in_(bindparam("names", expanding=True)))
_LOCKED_BALANCES = _BALANCES.order_by(accounts.c.account).with_for_update()
_CHANGE_ACCOUNT = update(accounts).where(accounts.c.account == bindparam("account_"))
_ADD_ACCOUNT = insert(accounts).values(account=bindparam("account_"))
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
_FIND = select(messages).where(messages.c.ref == bindparam("ref"))

# runs that are over and still have more snapshots of a turn than a replay needs
_UNFOLDED = (
    select(snapshots.c.run)
    .distinct()
    .join(runs, runs.c.run == snapshots.c.run)
    .where(or_(runs.c.caught_up_at.is_not(None), runs.c.deleted_at.is_not(None)))
    .group_by(snapshots.c.run, snapshots.c.turn)
    .having(func.count() > FRAMES_KEPT)
    .limit(MAX_FOLDED)
)

_GOING_ON = select(runs.c.run).where(runs.c.caught_up_at.is_(None), runs.c.deleted_at.is_(None))

_LAST = "\U0010ffff"  # sorts after every character that a key holds


def load_batch(conn: Connection, writes: Sequence[Write], remembered: Mapping[LaneRow, str]) -> Batch:
    """Load what these writes are about. `remembered`: the last texts of lanes that need not be asked for."""
    lanes = {w.lane for w in writes if isinstance(w, Show)}
    known = {lane: remembered[lane] for lane in lanes & remembered.keys()}
    return Batch(
        stored=_load_heads(
            conn, {w.run for w in writes if isinstance(w, Append | Claim | Show | Place | Erase | Import)}
        ),
        taken=_load_keys(conn, {w.key for w in writes if isinstance(w, Append | Claim) and w.key is not None}),
        shown={**_load_texts(conn, lanes - known.keys()), **known},
        stored_balances=_load_balances(
            conn, _LOCKED_BALANCES, {name for w in writes if isinstance(w, Reserve | Settle) for name in w.accounts}
        ),
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
    note_acts(conn, batch.facts)
    if batch.messages:
        _put_pages(conn, batch.messages, batch.refs)
    for gone in batch.pages_gone:
        conn.execute(delete(messages).where(messages.c.run == gone.run, messages.c.address == gone.address))
    if batch.shelf:
        put_documents(conn, batch.shelf)
    if batch.charged:
        _save_spending(conn, batch)
    for picture in batch.pictures:
        keep_picture(conn, picture)
    for run in batch.over:
        _fold_snapshots(conn, run)
    for run, head in changed.items():
        before = batch.stored.get(run)
        is_new = head.server is not None and (before is None or before.server is None)
        if is_new or run in batch.named or (run in batch.over and not head.is_erased):
            index_run(conn, run, head.started_at)
    if batch.over:
        free_pictures(conn, picture_uses.c.run.in_(batch.over))
    for erasing in batch.erased:
        erase_share(conn, erasing.run, erasing.indexed)
    for wish in batch.forgotten:
        forget_acts(conn, wish.run, wish.person)
    if batch.tidy is not None:
        _tidy(conn, batch.tidy.before)
        for run, started_at in batch.tidy.missing:
            index_run(conn, run, started_at)


def _tidy(conn: Connection, before: float) -> None:
    """Delete what nothing needs any more, as much as other writes may wait for."""
    old = select(events.c.key).where(events.c.at < before).limit(MAX_TIDIED_ROWS)
    conn.execute(delete(events).where(events.c.key.in_(old)))
    unused = and_(picture_uses.c.at < before, picture_uses.c.run.not_in(_GOING_ON))
    free_pictures(conn, unused)  # of runs that never began
    conn.execute(delete(accounts).where(accounts.c.at < before - ACCOUNTS_KEPT_S))
    by_person = accounts.c.account.like("person %") | accounts.c.account.like("own key person %")
    conn.execute(delete(accounts).where(accounts.c.at < before, by_person))  # their limit is one of a day
    forget_erased(conn, before)
    merge_index(conn)
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


def find_unfinished(conn: Connection) -> list[str]:
    found = conn.execute(select(runs.c.started_at, runs.c.run).where(FOR_PEOPLE, runs.c.caught_up_at.is_(None))).all()
    return [row.run for row in sorted(found)]  # asked to sort, SQLite goes through all runs there ever were


def list_documents(conn: Connection, prefix: str) -> dict[str, Json]:
    query = select(shelf).where(shelf.c.key.between(prefix, prefix + _LAST))
    return {row.key: row.value for row in conn.execute(query.order_by(shelf.c.key)).all()}


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
    return {name: Balance() for name in names} | _load_balances(conn, _BALANCES, names)


def _load_balances(conn: Connection, query: Select[*tuple[Any, ...]], names: Collection[str]) -> dict[str, Balance]:
    stored = conn.execute(query, {"names": list(names)}).all() if names else []
    return {row.account: Balance(row.spent, row.held) for row in stored}


def sum_costs(conn: Connection, key: CostKey, since: float, server: str | None) -> list[CostRow]:
    if not inspect(conn).has_table(calls.name):  # read beside a bot of an earlier version
        return []
    by = func.floor(calls.c.at / literal_column(f"{DAY_S}")) if key == "day" else calls.c[key]
    cost = func.coalesce(calls.c.spent, calls.c.held)
    usd = func.sum(cost) / 1e6
    is_known = any(column["name"] == calls.c.own_key.name for column in inspect(conn).get_columns(calls.name))
    own = func.sum(case((calls.c.own_key, cost), else_=0)) / 1e6 if is_known else literal(0.0)
    query = select(by, usd, func.count(), func.avg(calls.c.seconds), own).where(calls.c.at >= since).group_by(by)
    if server is not None:
        query = query.where(calls.c.server == server)
    found = conn.execute(query.order_by(by.desc() if key == "day" else usd.desc())).all()
    rows = [CostRow(_name_day(name) if key == "day" else name, *figures) for name, *figures in found]
    labels = _find_labels(conn, since) if key == "person" else {}
    return [replace(row, label=labels.get(row.name, "")) for row in rows]


def _find_labels(conn: Connection, since: float) -> dict[str, str]:
    """Return what people went by in one of the runs that they have started since then, by their key."""
    stored = select(calls.c.person, func.max(calls.c.run).label("run")).join(facts, facts.c.run == calls.c.run)
    known = stored.where(calls.c.at >= since, facts.c.seq == 1).group_by(calls.c.person).subquery()
    begun = select(known.c.person, facts.c.data).join(facts, (facts.c.run == known.c.run) & (facts.c.seq == 1))
    return {row.person: row.data.get("name", "") for row in conn.execute(begun)}


def _name_day(number: float) -> str:
    return f"{datetime.fromtimestamp(number * DAY_S, UTC):%Y-%m-%d}"


def _save_spending(conn: Connection, batch: Batch) -> None:
    changed = [{"account_": name, "at": at, **asdict(batch.balances[name])} for name, at in batch.charged.items()]
    if known := [row for row in changed if row["account_"] in batch.stored_balances]:
        conn.execute(_CHANGE_ACCOUNT, known)
    if new := [row for row in changed if row["account_"] not in batch.stored_balances]:
        conn.execute(_ADD_ACCOUNT, new)
    if batch.calls:
        conn.execute(insert(calls), batch.calls)
    if batch.settled:
        conn.execute(_SETTLE, batch.settled)


def _fold_snapshots(conn: Connection, run: str) -> None:
    """Keep of what each turn of a run showed as much as a replay of it needs."""
    shots = read_snapshots(conn, run)
    thinned = thin_snapshots(shots)
    if len(thinned) < len(shots):
        conn.execute(delete(snapshots).where(snapshots.c.run == run))
        conn.execute(_ADD_SNAPSHOTS, make_snapshot_rows(run, thinned))


def make_snapshot_rows(run: str, shots: Iterable[Snapshot]) -> list[dict[str, Any]]:
    return [{"run": run, "turn": turn_text(s.turn), "at": s.at, "kept": s.kept, "text": s.text} for s in shots]


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
