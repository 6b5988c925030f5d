"""The order of speakers in each form of debate, and their stages. Nothing here depends on time.

The classic stages (opening, rebuttal, closing) are common to all forms but the free one. Forms differ in which seats
speak at once: those see nothing of each other until the next step.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from math import inf
from random import Random
from typing import assert_never

from bot.domain.run import SIDES, DebateRules, Seat, TurnId
from bot.domain.transcript import Transcript
from bot.formats import seating
from bot.formats.common import asks_of

Step = tuple[TurnId, ...]  # turns that run at once
DEBATERS = frozenset({"opening", "rebuttal", "closing", "argument"})  # stages
JUDGING = frozenset({"verdict", "scores"})
_NOT_TOLD = DebateRules(watch=False, criteria=())  # of a run that began before there were such rules


def debate_rules(t: Transcript) -> DebateRules:
    """Return how this debate is held; a run without such rules is neither watched nor scored."""
    return t.started.rules.debating or _NOT_TOLD


def all_steps(t: Transcript) -> list[Step]:
    """Return every step of the debate, were it to go to its last round."""
    return [step for round_ in all_rounds(t) for step in round_steps(t, round_)]


def all_rounds(t: Transcript) -> range:
    return range(1, t.started.rules.rounds + 1)


def round_steps(t: Transcript, round_: int) -> list[Step]:
    """Return the steps of one round, in their order."""
    seats, stage = debaters_in(t, round_), _stage_of(t, round_)
    if not seats:
        return []
    match debate_rules(t).form:
        case "simultaneous":
            order = [seats]
        case "turns":  # each round begins with the next seat, so that nobody has the last word every time
            first = (round_ - 1) % len(seats)
            order = _one_by_one((*seats[first:], *seats[:first]))
        case "oxford":  # the first to open closes last; rebuttals run at once, so that none goes unanswered
            order = {"opening": _one_by_one(seats), "closing": _one_by_one(seats[::-1])}.get(stage, [seats])
        case "advocate":  # the last seat hears the others out and then speaks against them
            against = advocate_of(t, round_)
            order = [tuple(s for s in seats if s.key != against), tuple(s for s in seats if s.key == against)]
        case "free":  # the order is drawn by lot
            order = _one_by_one(Random(t.started.seed + round_).sample(seats, len(seats)))
        case _ as never:
            assert_never(never)
    return [tuple(TurnId(stage, round_, s.key) for s in together) for together in order if together]


def debaters_in(t: Transcript, round_: int) -> tuple[Seat, ...]:
    """Return the debaters of a round, in panel order: those at the table when it began, or now where it has not.

    A seat dropped in mid-round stays among them: its turn is settled by that.
    """
    changed = t.steering.added or t.steering.dropped
    return seating.seats_at(t, round_start_seq(t, round_)) if changed else t.started.panel.seats


def round_start_seq(t: Transcript, round_: int) -> float:
    """Return the `seq` of the fact that began the round; infinity where it has not begun."""
    return min(
        (turn.started.seq for i, turn in t.turns.items() if i.round == round_ and i.stage in DEBATERS), default=inf
    )


def upcoming_round(t: Transcript) -> int:
    """Return the first round that has not begun.

    0 where none will: the last one has begun, or the judge is at it.
    """
    if any(i.stage in JUDGING for i in t.turns):
        return 0
    ahead = max((i.round for i in t.turns if i.stage in DEBATERS), default=0) + 1
    return ahead if ahead <= t.started.rules.rounds else 0


def turns_before(t: Transcript, turn: TurnId) -> list[TurnId]:
    """Return the turns of all steps before this turn's own, whatever has come of them."""
    seen: list[TurnId] = []
    for step in all_steps(t):
        if any(i.lane == turn.lane for i in step):
            break
        seen += step
    return seen


def has_words(t: Transcript, turns: Iterable[TurnId]) -> bool:
    """Return whether anything was said in those turns, retries included.

    Text that was removed since counts, so that a removal never takes a debate back to an earlier step.
    """
    said = (t.turns[i].ended for turn in turns for i in asks_of(t, turn) if i in t.turns)
    return any(end.text.strip() for end in said if end)


def position_of(t: Transcript, seat: str) -> str:
    """Return the position that a seat was given to defend; "" where it chooses for itself."""
    how = debate_rules(t)
    given = how.positions or (SIDES if how.form == "oxford" else ())
    place = [s.key for s in t.started.panel.seats].index(seat)
    return given[place % len(given)] if given else ""


def advocate_of(t: Transcript, round_: int) -> str:
    """Return the seat of the devil's advocate in a round; "" where there is none.

    It is the last of those who debate in that round, and none that has joined later: the part does not wander.
    """
    if debate_rules(t).form != "advocate":
        return ""
    seats = debaters_in(t, round_)
    first = [s.key for s in seats if s.key not in t.steering.added]
    return first[-1] if first else seats[-1].key if seats else ""


def _stage_of(t: Transcript, round_: int) -> str:
    if debate_rules(t).form == "free":
        return "argument"
    return "opening" if round_ == 1 else "closing" if round_ == t.started.rules.rounds else "rebuttal"


def _one_by_one(seats: Sequence[Seat]) -> list[tuple[Seat, ...]]:
    return [(seat,) for seat in seats]
