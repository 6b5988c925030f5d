"""The options of people's votes."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from bot.domain.run import SEARCH_STAGES
from bot.domain.transcript import Transcript
from bot.domain.visibility import display_name

ROUND_BEFORE = 0  # the round of votes that are cast before the first one

# Beside the seats of a comparison; no seat's key begins like this.
EXTRA_VOTE_OPTIONS: Mapping[str, str] = MappingProxyType({"=tie": "Tie", "=none": "None of them"})


def vote_choices(t: Transcript) -> Mapping[str, str]:
    """Return the options of a vote with their names: the seats at the table, and those of a comparison beside them.

    Once a run is over, a seat that has said nothing is none of them.
    """
    silent = {s.key for s in t.started.panel.seats} - heard_seats(t) if t.finished else set()
    return {key: name for key, name in vote_names(t).items() if key not in t.steering.dropped.keys() | silent}


def heard_seats(t: Transcript) -> set[str]:
    """Return the seats of the panel that have said something."""
    spoke = {i.seat for i, turn in t.turns.items() if turn.spoke and i.stage not in SEARCH_STAGES}
    return {s.key for s in t.started.panel.seats if s.key in spoke}


def vote_names(t: Transcript) -> Mapping[str, str]:
    """Return the same with dropped seats: votes that they were given before stay theirs."""
    seats = {s.key: display_name(t, s.key) for s in t.started.panel.seats}
    return {**seats, **EXTRA_VOTE_OPTIONS} if t.started.format == "compare" else seats
