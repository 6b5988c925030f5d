"""The table: seats that join between rounds, seats that leave, and the people who have come to watch.

A seat that joins speaks from the next round on; where there is one round alone, as long as answers are still out. A
seat that leaves is cut off where it speaks and is asked nothing any more; its turns stay shown, but are neither
reviewed nor voted for from then on. Ballots that had it before count as they were cast.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.domain.run import LaneId, Seat
from bot.domain.transcript import Transcript, Turn
from bot.domain.visibility import display_name
from bot.formats import pauses
from bot.text import as_text, join_names

NAMED = 2  # people who are named; the others are only counted


def is_cut_off(t: Transcript, turn: Turn) -> bool:
    """Return whether a turn was cut off because its seat was dropped."""
    ended = turn.ended is not None and turn.ended.finish == "skipped"
    return ended and turn.id.seat in t.steering.dropped and turn.id not in t.skips


def has_joined_after(t: Transcript, seat: str, seq: float) -> bool:
    """Return whether that seat joined after the fact `seq`."""
    return t.steering.added.get(seat, 0) > seq


def has_left_before(t: Transcript, seat: str, seq: float) -> bool:
    """Return whether that seat left before the fact `seq`."""
    return t.steering.dropped.get(seat, seq) < seq


def seats_at(t: Transcript, seq: float) -> tuple[Seat, ...]:
    """Return the seats at the table when the fact `seq` came; infinity: now."""
    seats = t.started.panel.seats
    return tuple(s for s in seats if not has_joined_after(t, s.key, seq) and not has_left_before(t, s.key, seq))


def drop_notes(t: Transcript) -> Mapping[LaneId, str]:
    """Say below turns that were cut off who dropped their seats."""
    by = t.steering.dropped_by
    return {i.lane: f"dropped by {by[i.seat]}" for i, turn in t.turns.items() if is_cut_off(t, turn)} if by else {}


def seating_lines(t: Transcript) -> tuple[str, ...]:
    """Return the board's lines for the pause, the dropped seats and the people who watch."""
    keys = {s.key for s in t.started.panel.seats}
    gone = [f"{display_name(t, seat)} (by {by})" for seat, by in t.steering.dropped_by.items() if seat in keys]
    left = f"Dropped: {', '.join(gone)}" if gone else ""
    return tuple(line for line in (pauses.pause_line(t), left, watchers_line(t)) if line)


def watchers_line(t: Transcript) -> str:
    """Name the people who have joined or spoken, but the one who asked: "Also here: Ann, Bob and 3 more"."""
    spoke = {r.by: as_text(r.who) for r in t.remarks} | {o.said.by: as_text(o.who) for o in t.steering.objections}
    there = {by: name for by, name in {**t.steering.joined, **spoke}.items() if by != t.started.by}
    named, more = list(there.values())[:NAMED], len(there) - NAMED
    if more > 0:
        named.append(f"{more} more")
    return f"Also here: {join_names(named)}" if named else ""
