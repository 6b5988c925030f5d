"""Debate: everyone opens, answers the others' latest turns for some rounds, and closes; a judge decides.

All seats speak at once in each round, so that nobody has the advantage of the last word.
"""

from __future__ import annotations

from bot.asks import Ask, Part
from bot.formats.common import (
    at_start,
    code,
    framed,
    instructions,
    name_of,
    over,
    prose,
    question,
    remarks,
    settled,
    spoken,
    steered,
    still_open,
    stopped,
    wants,
)
from bot.formats.plan import Plan, Want
from bot.transcript import Transcript, TurnId

PROMPTS = ("debate.opening", "debate.rebuttal", "debate.closing", "debate.judge")
ROUNDS = (3, 6)
SEATS = (2, 8)
VERDICT = TurnId("verdict", 1, "judge")


@steered
def plan(t: Transcript, now: float) -> Plan:
    titles = {VERDICT.lane: f"Verdict · {name_of(t, VERDICT)}"}
    for round_ in range(1, t.started.rules.rounds + 1):
        turns = _round(t, round_)
        titles |= {i.lane: f"{name_of(t, i)} · {i.stage}" for i in turns}
    if end := stopped(t, now, titles, {}):
        return end
    for round_ in range(1, t.started.rules.rounds + 1):
        turns = _round(t, round_)
        if (open_ := still_open(t, turns)) is not None:
            return Plan(wants(open_), f"{turns[0].stage} (round {round_} of {t.started.rules.rounds})", titles=titles)
        if not spoken(t, turns):
            silence = f"Nobody spoke in round {round_}, so there is nothing to judge."
            return over(t, now, "failed", silence, titles=titles)
    if not settled(t, VERDICT):
        want = (Want(VERDICT),) if VERDICT not in t.skips else ()
        return Plan(want, "verdict", titles=titles)
    return over(t, now, "judged", _verdict(t), titles=titles)


def ask(t: Transcript, turn: TurnId) -> Ask:
    t = at_start(t, turn)
    mark = code(t, turn)
    if turn == VERDICT:
        rounds = range(1, t.started.rules.rounds + 1)
        said = [
            Part("user", framed(f"{name_of(t, s.id)}, {s.id.stage}", s.text, mark), priority=10 + n, cut="tail")
            for n in rounds
            for s in spoken(t, _round(t, n))
        ]
        return Ask((instructions(t, turn, "debate.judge"), *question(t), *said, *remarks(t, turn)))
    seats = t.started.panel.seats
    place = next(n for n, s in enumerate(seats, 1) if s.key == turn.seat)
    head = instructions(t, turn, f"debate.{turn.stage}", number=str(place), count=str(len(seats)))
    latest = spoken(t, _round(t, turn.round - 1)) if turn.round > 1 else []
    others = [
        Part("user", framed(name_of(t, s.id), s.text, mark), priority=50, cut="tail")
        for s in latest
        if s.id.seat != turn.seat
    ]
    own = [Part("assistant", s.text, priority=55, cut="tail") for s in latest if s.id.seat == turn.seat]
    return Ask((head, *question(t), *own, *others, *remarks(t, turn)))


def _round(t: Transcript, round_: int) -> list[TurnId]:
    last = t.started.rules.rounds
    stage = "opening" if round_ == 1 else "closing" if round_ == last else "rebuttal"
    return [TurnId(stage, round_, s.key) for s in t.started.panel.seats]


def _verdict(t: Transcript) -> str:
    said = spoken(t, [VERDICT])
    if not said:
        return "No verdict: the judge did not speak."
    _, marker, tail = said[0].text.rpartition("VERDICT:")
    if not marker:
        return f"{name_of(t, VERDICT)} has spoken without a line of verdict; see above."
    return prose(tail).strip(" *_")
