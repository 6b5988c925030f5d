"""What a debater is asked: who it is, the debate so far, and what to do in this round, which stands last.

All that it reads before its task is what its later asks begin with, so that a provider reads that from its cache.
"""

from __future__ import annotations

from string import Template

from bot.domain.asks import Ask, Part
from bot.domain.run import SIDES, TurnId
from bot.domain.transcript import Transcript
from bot.formats.common import (
    frame,
    frame_code,
    instruction_part,
    question_parts,
    remark_parts,
    seat_of,
    task_part,
    transcript_at_start,
    turns_with_text,
    with_breakpoint,
)
from bot.formats.debate.casting import personas_by_seat
from bot.formats.debate.memory import debate_parts
from bot.formats.debate.objections import objection_parts
from bot.formats.debate.speaking_order import DEBATERS, advocate_of, debaters_in, position_of, turns_before
from bot.formats.web_search import search_parts


def ask_debater(t: Transcript, turn: TurnId, objection: int) -> Ask:
    """Ask a debater for its turn; `t`: the transcript at the turn's start, `objection`: the one of its round."""
    seats = debaters_in(t, turn.round)
    place = next((n for n, s in enumerate(seats, 1) if s.key == turn.seat), len(seats))
    fields = {
        "number": str(place),
        "count": str(len(seats)),
        "stance": _stance_text(t, turn),
        "persona": seat_of(t, turn).persona or personas_by_seat(t).get(turn.seat, ""),
    }
    head = instruction_part(t, turn, "debate.debater", **fields)
    task = task_part(t, turn, f"debate.{turn.stage}", **fields)
    now = Part("user", f"It is your turn: {turn.stage}, round {turn.round} of {t.started.rules.rounds}.", priority=95)
    known = with_breakpoint(_known_parts(t, turn), _count_shared(t, turn))
    return Ask((head, *known, *remark_parts(t, turn), task, now, *objection_parts(t, turn, objection)))


def _known_parts(t: Transcript, turn: TurnId) -> list[Part]:
    said = debate_parts(t, turn, turns_with_text(t, turns_before(t, turn)))
    return [*question_parts(t, turn), *search_parts(t, turn), *said]


def _count_shared(t: Transcript, turn: TurnId) -> int:
    """Return how many of the known parts another ask has too: the next one, or in the last round the one before."""
    if turn.round < t.started.rules.rounds:
        return len(_known_parts(t, turn))
    earlier = [i for i in t.turns if i.seat == turn.seat and i.stage in DEBATERS and i.round < turn.round]
    return len(_known_parts(transcript_at_start(t, earlier[-1]), earlier[-1])) if earlier else 0


def _stance_text(t: Transcript, turn: TurnId) -> str:
    """Return the position that a debater is told to defend.

    The prompts of runs from before there were positions say nothing of it.
    """
    given = position_of(t, turn.seat)
    quoted = f"“{given}”"
    stands = quoted if given in SIDES else frame("the position", quoted, frame_code(t, turn))
    prompt = "advocate" if turn.seat == advocate_of(t, turn.round) else "position" if given else "choose"
    return Template(t.started.prompts.get(f"debate.{prompt}", "")).safe_substitute(position=stands).strip()
