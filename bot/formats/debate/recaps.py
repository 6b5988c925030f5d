"""Recaps: earlier rounds of a debate summed up before a round that a window has no room for, by the cheapest seat.

A recap is a turn of the plan like any other. Everybody reads it in place of the rounds that it sums up, so that all
know the same; where it fails these rounds are read, and left out, as without it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import ceil, inf

from bot.domain.asks import Ask, Part
from bot.domain.run import LaneId, Seat, TurnId
from bot.domain.transcript import Transcript, Turn
from bot.formats.common import frame, frame_code, instruction_part, name_of, question_parts, turns_with_text
from bot.formats.debate.speaking_order import JUDGING, round_start_seq

STAGE = "recap"
_CHARS, _MARGIN = 3, 1.4  # of a token at least; by which a model may count more than the one that has written
_INSTRUCTIONS = 800  # tokens, with the lines round material


def recap_turn(
    t: Transcript, round_: int, list_said: Callable[[], Sequence[Turn]], readers: Iterable[Seat]
) -> TurnId | None:
    """Return the recap before a round, or before the judge; None where all readers have room for all that was said.

    Once they have begun it comes too late. What was said is listed only where it matters: a plan asks for each round.
    """
    begun = next((i for i in t.turns if i.stage == STAGE and i.round == round_), None)
    is_late = round_start_seq(t, round_) < inf or any(i.stage in JUDGING for i in t.turns)
    if begun is not None or is_late or not t.started.rules.summarise or round_ < 3:
        return begun
    said = list_said()
    if all(_has_room(t, said, seat) for seat in readers):
        return None
    return TurnId(STAGE, round_, min(_able_seats(t), key=_price).key)


def last_recap(t: Transcript) -> Turn | None:
    """Return the latest recap that says something."""
    said = turns_with_text(t, [i for i in t.turns if i.stage == STAGE and i.ask == 1])
    return said[-1] if said else None


def is_summed_up(recap: Turn | None, turn: TurnId) -> bool:
    """Return whether a recap stands for a turn: it leaves out the last round before its own."""
    return recap is not None and turn.round <= recap.id.round - 2


def recap_part(t: Transcript, turn: TurnId, recap: Turn) -> Part:
    """Return a recap as it is shown to whoever is asked in `turn`."""
    label = f"{title_recap(recap.id)}, by {name_of(t, recap.id)}"
    return Part("user", frame(label, recap.text, frame_code(t, turn)), priority=45, cut="tail")


def ask_recap(t: Transcript, turn: TurnId, said: Sequence[Turn]) -> Ask:
    """Ask for a recap of all rounds but the last; `t`: the transcript at the turn's start."""
    before, mark = last_recap(t), frame_code(t, turn)
    new = [s for s in said if s.id.round <= turn.round - 2 and not is_summed_up(before, s.id)]
    labels = [(f"{name_of(t, s.id)}, {s.id.stage}, round {s.id.round}", s.text) for s in new]
    material = [Part("user", frame(label, text, mark), priority=50, cut="tail") for label, text in labels]
    earlier = [recap_part(t, turn, before)] if before else []
    return Ask((instruction_part(t, turn, "debate.recap"), *question_parts(t, turn), *earlier, *material))


def title_recap(turn: TurnId) -> str:
    last = turn.round - 2
    return "Round 1 in short" if last == 1 else f"Rounds 1–{last} in short"


def recap_cards(t: Transcript) -> dict[LaneId, str]:
    """Return a card for each recap, with its text."""
    said = turns_with_text(t, [i for i in t.turns if i.stage == STAGE and i.ask == 1])
    return {turn.id.lane._replace(seat=""): turn.text for turn in said}


def _able_seats(t: Transcript) -> list[Seat]:
    return [*t.panel.seats, *(seat for seat in (t.panel.chair, t.panel.judge) if seat)]


def _price(seat: Seat) -> float:
    return seat.price.input_usd_per_mtok + seat.price.output_usd_per_mtok if seat.price else inf


def _has_room(t: Transcript, said: Sequence[Turn], seat: Seat) -> bool:
    """Return whether a seat can read all, as far as can be told from the tokens that others wrote."""
    if seat.window is None:
        return True
    recap = last_recap(t)
    turns = [s for s in said if not is_summed_up(recap, s.id)] + ([recap] if recap else [])
    asked = len(t.started.question) + len(t.started.context)
    return _INSTRUCTIONS + ceil(_MARGIN * (asked / _CHARS + sum(map(_count, turns)))) <= seat.window * 3 / 4


def _count(turn: Turn) -> float:
    usage = turn.ended.usage if turn.ended else None
    return max(len(turn.text) / _CHARS, usage.output - usage.thinking if usage else 0)
