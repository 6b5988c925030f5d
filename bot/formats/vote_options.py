"""What people vote between."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from bot.domain.transcript import Transcript
from bot.domain.visibility import display_name

ROUND_BEFORE = 0  # the round of votes that are cast before the first one

# Beside the seats of a comparison; no seat's key begins like this.
BESIDE: Mapping[str, str] = MappingProxyType({"=tie": "Tie", "=none": "All bad"})


def vote_choices(t: Transcript) -> Mapping[str, str]:
    """What a vote can be for, and what it is called: the seats at the table; in a comparison also that none of them is
    best."""
    return {key: name for key, name in vote_names(t).items() if key not in t.steering.dropped}


def vote_names(t: Transcript) -> Mapping[str, str]:
    """The same with the seats that have been dropped: a vote that one was given before stays its own."""
    seats = {s.key: display_name(t, s.key) for s in t.started.panel.seats}
    return {**seats, **BESIDE} if t.started.format == "compare" else seats
