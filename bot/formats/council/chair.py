"""The chair of a council, and, if it fails, its substitutes: the top-ranked seats that can."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.run import TurnId
from bot.domain.transcript import Transcript, Turn
from bot.formats.common import is_settled, name_of, seat_of, turns_with_text
from bot.formats.council.reviews import COMPLETE_OR_REPEATED

SYNTHESIS = TurnId("synthesis", 1, "chair")
SUBSTITUTES = 2  # a provider that is down for three models is down for the person too


def has_synthesis_begun(t: Transcript) -> bool:
    return SYNTHESIS in t.turns


def next_synthesis(t: Transcript, ranked: Sequence[str]) -> TurnId | None:
    """Return the synthesis that should be running.

    None once one is there, was skipped, or no seat is left that could. `ranked`: the seats that answered, top-ranked
    first. A seat that shares its model with a chair that failed cannot sum up either.
    """
    syntheses = synthesis_turns(t)
    if not is_settled(t, syntheses[-1]):
        return syntheses[-1]
    if not _has_failed(t, syntheses[-1]) or len(syntheses) > SUBSTITUTES:
        return None
    failed = {seat_of(t, i).model for i in syntheses}
    able = (SYNTHESIS._replace(seat=seat) for seat in ranked if seat not in t.steering.dropped)
    return next((i for i in able if seat_of(t, i).model not in failed), None)


def synthesis_turns(t: Transcript) -> list[TurnId]:
    """Return the chair's turn, then those of its substitutes."""
    return [SYNTHESIS, *(i for i in t.turns if i.stage == SYNTHESIS.stage and i.ask == 1 and i != SYNTHESIS)]


def final_synthesis(t: Transcript) -> Turn | None:
    """Return the synthesis that counts: the latest whole one, or the latest with any text."""
    said = turns_with_text(t, synthesis_turns(t))
    whole = [turn for turn in said if turn.ended and turn.ended.finish != "failed"]
    return whole[-1] if whole else said[-1] if said else None


def has_summed_up(t: Transcript) -> bool:
    """Return whether a synthesis has come to its own end."""
    said = final_synthesis(t)
    return said is not None and said.ended is not None and said.ended.finish in COMPLETE_OR_REPEATED


def substitute_chair_line(t: Transcript) -> str:
    """Say which seat summed up for the chair; "" where the chair did, or nobody."""
    said = final_synthesis(t)
    if said is None or said.id == SYNTHESIS:
        return ""
    return f"{name_of(t, said.id)} summed up instead of {name_of(t, SYNTHESIS)}."


def _has_failed(t: Transcript, turn: TurnId) -> bool:
    """Return whether every ask of a turn failed or came to nothing; a skip is no failure."""
    ends = [known.ended for i, known in t.turns.items() if i.lane == turn.lane and known.ended]
    is_empty = [e.finish in COMPLETE_OR_REPEATED and not e.text.strip() for e in ends]
    return any(ends) and all(e.finish == "failed" or empty for e, empty in zip(ends, is_empty, strict=True))
