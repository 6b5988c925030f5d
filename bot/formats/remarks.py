"""Remarks as lines of the thread: who said what to the table, and what has become of it."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from bot.domain.facts import Interjected
from bot.domain.run import SEARCH_STAGES, LaneId
from bot.domain.transcript import Entry, Transcript
from bot.domain.visibility import display_name
from bot.text import as_text, join_blocks, join_names, quote_lines

STAGE = "remark"
REMARK_CHARS = 300  # so much of a remark stands in the thread


def remark_titles(t: Transcript) -> Mapping[LaneId, str]:
    return {lane: f"{as_text(said.who)} to the table" for lane, (_, said) in _list_remarks(t).items()}


def remark_cards(t: Transcript, *, are_heard: bool, unread_stages: Collection[str]) -> Mapping[LaneId, str]:
    """Return a card for each remark. `unread_stages`: those whose turns read no remarks."""
    unread = {*unread_stages, *SEARCH_STAGES}
    return forgotten_cards(t) | {
        lane: join_blocks(
            quote_lines(said.text, REMARK_CHARS), _describe_fate(t, entry, are_heard=are_heard, unread=unread)
        )
        for lane, (entry, said) in _list_remarks(t).items()
    }


def forgotten_cards(t: Transcript) -> dict[LaneId, str]:
    """Return an empty card for each remark of somebody who was forgotten, so that its message goes."""
    return {LaneId(STAGE, seq, ""): "" for seq in t.forgotten}


def remarks_without_line(t: Transcript) -> frozenset[LaneId]:
    """Return the lanes of remarks of which the thread has no line: a message of their writers stands there."""
    return frozenset(lane for lane, (_, said) in _list_remarks(t).items() if not said.has_line)


def _list_remarks(t: Transcript) -> dict[LaneId, tuple[Entry, Interjected]]:
    if not t.remarks:
        return {}
    said = [(entry, entry.fact) for entry in t.entries if isinstance(entry.fact, Interjected)]
    return {LaneId(STAGE, entry.seq, ""): (entry, fact) for entry, fact in said}


def _describe_fate(t: Transcript, entry: Entry, *, are_heard: bool, unread: Collection[str]) -> str:
    if not are_heard:
        return "kept with the run: each model speaks only once here"
    readers = [i.seat for i, turn in t.turns.items() if turn.started.seq > entry.seq and i.stage not in unread]
    if readers:
        return f"read by {join_names([display_name(t, seat) for seat in dict.fromkeys(readers)])}"
    return "it came too late: nobody spoke after it" if t.is_over or t.stopped else "read by whoever speaks next"
