"""Objections of people to what debaters have said: the most upvoted one is answered first in the next round.

A round takes one up when it begins, and its turns' starts say which (`TurnStarted.objection`). It is answered once a
seat that must answer has spoken in that round; where none has, it stands again. Of several with as many upvotes the
oldest goes first.
"""

from __future__ import annotations

from collections.abc import Mapping
from string import Template

from bot.domain.asks import Part
from bot.domain.controls import Control, ObjectionRef
from bot.domain.run import LaneId, TurnId
from bot.domain.steering import Objection
from bot.domain.transcript import Transcript, Turn
from bot.domain.visibility import alias, display_name
from bot.formats.common import frame, frame_code, is_settled, name_of
from bot.formats.debate.speaking_order import DEBATERS, debaters_in, upcoming_round
from bot.text import as_text


def objection_of_round(t: Transcript, round_: int) -> int:
    """Return the number of the objection that this round answers first; 0: none.

    Before the round begins that is the foremost one now.
    """
    held = [turn.objection for turn in _turns_of_round(t, round_)]
    return max(held) if held else foremost_objection(t)


def foremost_objection(t: Transcript) -> int:
    """Return the number of the most upvoted objection that stands; 0 where none does."""
    order = sorted(standing_objections(t), key=lambda o: (-len(o.upvotes), o.number))
    return order[0].number if order else 0


def standing_objections(t: Transcript) -> list[Objection]:
    """Return the objections that are neither answered nor being answered."""
    return [o for o in t.steering.objections if not _answers_to(t, o) and not _is_being_answered(t, o)]


def objection_parts(t: Transcript, turn: TurnId, number: int) -> list[Part]:
    """Tell a turn of the objection that its round takes up; `t`: the transcript at the turn's start."""
    found = next((o for o in t.steering.objections if o.number == number), None)
    if found is None:
        return []
    mark, must = frame_code(t, turn), _seats_to_answer(t, found, turn.round)
    if turn.seat not in must:
        names = ", ".join(alias(t, s.key) for s in debaters_in(t, turn.round) if s.key in must)
        label = f"objection from {found.who}, put to {names}"
        return [Part("user", frame(label, found.said.text, mark), priority=60, cut="drop")]
    said = frame(f"objection from {found.who}, to be answered first", found.said.text, mark)
    first = Template(t.started.prompts.get("debate.objection", "")).safe_substitute(code=mark).strip()
    task = [Part("user", first, priority=95)] if first else []
    return [Part("user", said, priority=85, cut="tail"), *task]


def objection_cards(t: Transcript) -> Mapping[LaneId, str]:
    """Return a card for each objection: its text, its support, and what has become of it."""
    return {ObjectionRef(o.number).lane: _objection_card(t, o) for o in t.steering.objections}


def objection_titles(t: Transcript) -> Mapping[LaneId, str]:
    return {ObjectionRef(o.number).lane: f"Objection · {o.who}" for o in t.steering.objections}


def objection_controls(t: Transcript) -> Mapping[LaneId, tuple[Control, ...]]:
    """Return the buttons that raise an objection, under turns, and those that support one, under its card."""
    round_ = upcoming_round(t)
    if not round_:
        return {}
    raised = {
        i.lane: (Control("object", "Objection!", i),) if turn.spoke else ()
        for i, turn in t.turns.items()
        if i.stage in DEBATERS and i.round == round_ - 1
    }
    refs = [ObjectionRef(o.number) for o in standing_objections(t)]
    return raised | {ref.lane: (Control("upvote", "▲ Upvote", ref),) for ref in refs}


def objection_lines(t: Transcript) -> tuple[str, ...]:
    """Tell the board how many objections stand, and which is answered first."""
    stand, next_ = standing_objections(t), upcoming_round(t)
    held = [o for o in t.steering.objections if not _answers_to(t, o) and _is_being_answered(t, o)]
    lines = [f"Round {_rounds_of(t, o)[-1]} answers {as_text(o.who)}'s objection first" for o in held]
    if stand and next_:
        first = next(o for o in stand if o.number == foremost_objection(t))
        count = f"{len(stand)} objections stand; " if len(stand) > 1 else ""
        lines.append(f"{count}round {next_} answers {as_text(first.who)}'s objection first ({_upvote_count(first)})")
    return tuple(line[0].upper() + line[1:] for line in lines)


def _objection_card(t: Transcript, o: Objection) -> str:
    quoted = "\n".join(f"> {line}" for line in o.said.text.splitlines())
    to = ", ".join(display_name(t, s.key) for s in t.started.panel.seats if s.key in o.said.to)
    return f"{quoted}\n\n" + " · ".join(
        part for part in (f"to {to}" if to else "", _upvote_count(o), _state_line(t, o)) if part
    )


def _state_line(t: Transcript, o: Objection) -> str:
    if answers := _answers_to(t, o):
        return f"answered in round {answers[0].id.round} by {', '.join(name_of(t, turn.id) for turn in answers)}"
    if _is_being_answered(t, o):
        return f"being answered in round {_rounds_of(t, o)[-1]}"
    next_ = upcoming_round(t)
    if not next_ or t.finished or t.stopped:
        return "not answered: no round was left"
    return f"answered first in round {next_}" if o.number == foremost_objection(t) else "stands"


def _upvote_count(o: Objection) -> str:
    return f"▲ {len(o.upvotes)}"


def _seats_to_answer(t: Transcript, o: Objection, round_: int) -> frozenset[str]:
    """Return the seats that an objection names and that debate in the round; all who do where it names none."""
    there = frozenset(s.key for s in debaters_in(t, round_))
    return there & frozenset(o.said.to) or there


def _rounds_of(t: Transcript, o: Objection) -> list[int]:
    """Return the rounds that have taken up an objection."""
    return sorted({i.round for i, turn in t.turns.items() if i.stage in DEBATERS and turn.objection == o.number})


def _answers_to(t: Transcript, o: Objection) -> list[Turn]:
    """Return the turns of those who must answer; a turn removed since counts all the same."""
    return [
        turn
        for round_ in _rounds_of(t, o)
        for turn in _turns_of_round(t, round_)
        if turn.id.seat in _seats_to_answer(t, o, round_) and turn.ended and turn.ended.text.strip()
    ]


def _is_being_answered(t: Transcript, o: Objection) -> bool:
    rounds = _rounds_of(t, o)
    if not rounds:
        return False
    stage = _turns_of_round(t, rounds[-1])[0].id.stage
    return not all(is_settled(t, TurnId(stage, rounds[-1], seat)) for seat in _seats_to_answer(t, o, rounds[-1]))


def _turns_of_round(t: Transcript, round_: int) -> list[Turn]:
    return [turn for i, turn in t.turns.items() if i.round == round_ and i.stage in DEBATERS]
