"""A run as a JSON document: everything that happened in it, so that it can be read in again elsewhere.

The document is described by docs/run.schema.json, which `bot.records.schema` makes from the same classes. Its version
goes up with a change that older readers would misread; what is only added keeps it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from bot.domain.codec import Unreadable, decode, encode, read_turn, turn_text
from bot.domain.facts import Claimed, RunStarted, TurnEnded
from bot.domain.transcript import Entry, Transcript, fold_all
from bot.ports.store import Snapshot, last_texts
from bot.records.frames import thin_snapshots

KIND, VERSION = "moot run", 1
RUN_PATTERN = "^[0-9A-Za-z_-]{1,64}$"  # it names files
MAX_FACTS = 100_000
MAX_SNAPSHOTS = 100_000
_RUN = re.compile(RUN_PATTERN)
_HALVES = re.compile("[\ud800-\udfff]")  # of characters: UTF-8 has no bytes for them


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run by its id, its facts in order, and what its turns showed when."""

    run: str
    entries: tuple[Entry, ...]
    snapshots: tuple[Snapshot, ...] = ()


def make_record(
    run: str, t: Transcript, snapshots: Sequence[Snapshot], censor: Callable[[str], str] = str
) -> RunRecord:
    """Return the record of a run as it may leave this installation.

    What a moderator has removed is not in it, nor the names of hosts that it ran on. `censor` blanks listed words; of a
    turn that has one, only the last text is kept.
    """
    removed = {i.lane for i, turn in t.turns.items() if turn.removed}
    ended = {i: turn.ended.text for i, turn in t.turns.items() if turn.ended}
    shown = last_texts(snapshots)
    unlisted = {i for i, text in shown.items() if censor(text) == text and censor(ended.get(i, "")) == ended.get(i, "")}

    def clear(entry: Entry) -> Entry:
        match entry.fact:
            case Claimed():
                return replace(entry, fact=Claimed(""))
            case TurnEnded(turn, text=text) as fact:
                return replace(entry, fact=replace(fact, text="" if turn.lane in removed else censor(text)))
            case _:
                return entry

    kept = [s for s in snapshots if s.turn in unlisted and s.turn.lane not in removed]
    return RunRecord(run, tuple(map(clear, t.entries)), tuple(thin_snapshots(kept)))


def write_record(record: RunRecord) -> str:
    """Write the document, a fact a line."""
    facts = [
        {"seq": e.seq, "at": e.at, "kind": kind, "data": data}
        for e in record.entries
        for kind, data in [encode(e.fact)]
    ]
    shots = [{"turn": turn_text(s.turn), "at": s.at, "kept": s.kept, "text": s.text} for s in record.snapshots]
    head = {"document": KIND, "version": VERSION, "run": record.run}
    lists = ",\n".join(f'"{name}": [{_write_lines(rows)}]' for name, rows in (("facts", facts), ("snapshots", shots)))
    return f"{_dump(head)[:-1]},\n{lists}}}\n"


def read_record(text: str) -> RunRecord:
    """Read the document that `write_record` wrote. Raises Unreadable; its text says where and why."""
    try:
        document = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:  # a number of thousands of digits is a ValueError as well
        raise Unreadable(f"it is no JSON, or cut off: {error}") from error
    if not isinstance(document, dict) or document.get("document") != KIND:
        raise Unreadable("it is no run that Moot has exported")
    version = document.get("version")
    if type(version) is not int or version < 1:
        raise Unreadable("it does not say which version it has")
    if version > VERSION:
        raise Unreadable(f"it has version {version}, and this Moot reads up to {VERSION}: update Moot")
    run = document.get("run")
    if not isinstance(run, str) or not _RUN.fullmatch(run):
        raise Unreadable("run: letters, digits, - and _ make its name, at most 64 of them")
    if unknown := document.keys() - {"document", "version", "run", "facts", "snapshots"}:
        raise Unreadable(f"unknown here, perhaps written by a newer version: {', '.join(sorted(unknown))}")
    entries = tuple(_read_entry(row, n) for n, row in enumerate(_read_rows(document, "facts", MAX_FACTS), 1))
    shots = tuple(_read_shot(row, n) for n, row in enumerate(_read_rows(document, "snapshots", MAX_SNAPSHOTS), 1))
    record = RunRecord(run, entries, shots)
    _require_run(record)
    return record


def _require_run(record: RunRecord) -> None:
    """Raise Unreadable unless the facts are those of one run that people may see."""
    if not (record.entries and isinstance(record.entries[0].fact, RunStarted)):
        raise Unreadable("facts: the first one must be the start of the run")
    t = fold_all(Transcript(), record.entries)
    if t.deleted:
        raise Unreadable("the run was deleted")
    if any(later.at < earlier.at for earlier, later in zip(record.entries, record.entries[1:], strict=False)):
        raise Unreadable("facts: their times run backwards")
    lengths: dict[str, int] = {}
    for shot in record.snapshots:
        turn = turn_text(shot.turn)
        if shot.turn not in t.turns:
            raise Unreadable(f"snapshots: {turn} is no turn of this run")
        if shot.kept > lengths.get(turn, 0):
            raise Unreadable(f"snapshots: {turn} keeps more than it showed before")
        lengths[turn] = shot.kept + len(shot.text)


def _read_rows(document: Mapping[str, Any], name: str, most: int) -> list[Any]:
    rows = document.get(name)
    if not isinstance(rows, list):
        raise Unreadable(f"{name}: a list expected")
    if len(rows) > most:
        raise Unreadable(f"{name}: {len(rows):,}, where a run has {most:,} at most")
    return rows


def _read_entry(row: Any, number: int) -> Entry:
    where = f"fact {number}"
    match row:
        case {"seq": int(seq), "at": int() | float() as at, "kind": str(kind), "data": dict(data)} if len(row) == 4:
            if seq != number or type(seq) is not int:
                raise Unreadable(f"{where}: its number is {seq}")
            try:
                return Entry(seq, _read_time(at, where), decode(kind, data))
            except (Unreadable, RecursionError) as error:
                raise Unreadable(f"{where}: {error}") from error
    raise Unreadable(f"{where}: seq, at, kind and data expected")


def _read_shot(row: Any, number: int) -> Snapshot:
    where = f"snapshot {number}"
    match row:
        case {"turn": str(turn), "at": int() | float() as at, "kept": int(kept), "text": str(text)} if len(row) == 4:
            if type(kept) is not int or kept < 0:
                raise Unreadable(f"{where}: kept is a count of code points")
            return Snapshot(read_turn(turn), _read_time(at, where), kept, text)
    raise Unreadable(f"{where}: turn, at, kept and text expected")


def _read_time(at: object, where: str) -> float:
    """Return wall seconds. Raises Unreadable for what is no moment that a calendar has."""
    if isinstance(at, bool) or not isinstance(at, int | float) or not 0 <= at < 1e11 or not math.isfinite(at):
        raise Unreadable(f"{where}: at is in seconds since 1970")
    return float(at)


def _write_lines(rows: Sequence[Mapping[str, Any]]) -> str:
    return "".join(f"\n{_dump(row)}{',' if n < len(rows) else ''}" for n, row in enumerate(rows, 1))


def _dump(value: object) -> str:
    return _HALVES.sub(lambda half: f"\\u{ord(half[0]):04x}", json.dumps(value, ensure_ascii=False))


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number in JSON")
