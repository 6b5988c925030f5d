"""Compare: one question to every seat at once, and nothing else."""

from __future__ import annotations

from bot.domain.asks import Ask
from bot.domain.run import ASIDE, TurnId
from bot.domain.transcript import Transcript
from bot.formats import web_search as searching
from bot.formats.common import (
    answered,
    at_start,
    instructions,
    over,
    question,
    spoken,
    still_open,
    stopped,
    wants,
    with_people,
)
from bot.formats.plan import Plan
from bot.formats.web_search import found, searched

PROMPTS = ("compare.answer", *searching.PROMPTS)
ROUNDS = (1, 1)
SEATS = (1, 12)


@with_people
@searched
def plan(t: Transcript, now: float) -> Plan:
    answers = [TurnId("answer", 1, s.key) for s in t.started.panel.seats]
    if end := stopped(t, now, {}, {}):
        return end
    if (open_ := still_open(t, answers)) is not None:
        return Plan(wants(open_), "answers")
    return over(t, now, "compared" if spoken(t, answers) else "failed", answered(t, answers))


def ask(t: Transcript, turn: TurnId) -> Ask:
    if turn.stage in ASIDE:
        return searching.ask(t, turn)
    t = at_start(t, turn)
    return Ask((instructions(t, turn, "compare.answer"), *question(t, turn), *found(t, turn)))
