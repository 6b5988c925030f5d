"""An events file read back: the facts of a run, and what its turns had said when."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any

from bot.domain.codec import FACTS, Unreadable, decode, read_turn
from bot.domain.facts import RunStarted, TurnEnded
from bot.domain.run import TurnId
from bot.domain.transcript import Entry
from bot.ports.store import Snapshot
from bot.records.record import RunRecord


def read_events(text: str) -> RunRecord:
    """Read what `bot.engine.trace` wrote; a last line that was cut off is left out. Raises Unreadable.

    Times are seconds since the run began. Deltas count code points, so a turn's text is known where it has ended.
    """
    entries: list[Entry] = []
    deltas: list[tuple[TurnId, float, int]] = []
    for number, line in enumerate(_read_lines(text), 1):
        try:
            match line:
                case {"type": "fact", "fact": str(kind), "seq": int(seq), "t": int() | float() as at} if kind in FACTS:
                    known = {field.name for field in fields(FACTS[kind])}
                    entries.append(Entry(seq, float(at), decode(kind, {k: v for k, v in line.items() if k in known})))
                case {"type": "delta", "turn": str(turn), "chars": int(chars), "t": int() | float() as at}:
                    deltas.append((read_turn(turn), float(at), max(0, chars)))
        except Unreadable as error:
            raise Unreadable(f"line {number}: {error}") from error
    if not (entries and isinstance(entries[0].fact, RunStarted)):
        raise Unreadable("it holds no run from its beginning")
    return RunRecord("", tuple(entries), tuple(_find_snapshots(entries, deltas)))


def _read_lines(text: str) -> Iterable[Mapping[str, Any]]:
    for number, line in enumerate(lines := text.splitlines(), 1):
        try:
            value = json.loads(line)
        except (ValueError, RecursionError) as error:
            if number == len(lines) > 1:
                return
            raise Unreadable(f"line {number} is no JSON") from error
        yield value if isinstance(value, dict) else {}


def _find_snapshots(entries: Iterable[Entry], deltas: Iterable[tuple[TurnId, float, int]]) -> Iterable[Snapshot]:
    texts = {entry.fact.turn: entry.fact.text for entry in entries if isinstance(entry.fact, TurnEnded)}
    lengths: dict[TurnId, int] = {}
    for turn, at, chars in deltas:
        kept = lengths.get(turn, 0)
        lengths[turn] = min(kept + chars, len(texts.get(turn, "")))
        if lengths[turn] > kept:
            yield Snapshot(turn, at, kept, texts[turn][kept : lengths[turn]])
