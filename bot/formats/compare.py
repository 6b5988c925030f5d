"""Compare: one question to every seat at once, and nothing else."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.asks import Ask
from bot.domain.controls import Control
from bot.domain.run import ASIDE, TurnId
from bot.domain.transcript import Transcript
from bot.formats import web_search as searching
from bot.formats.common import (
    END,
    answered,
    at_start,
    instructions,
    no_objections,
    over,
    question,
    spoken,
    still_open,
    stopped,
    wants,
    with_people,
)
from bot.formats.plan import Plan, SeatRules
from bot.formats.web_search import found, searched

PROMPTS = ("compare.answer", *searching.PROMPTS)
ROUNDS = (1, 1)
SEATS = (1, 12)
DIFFERENCES = Control("differences", "Show differences")


@with_people
@searched
def plan(t: Transcript, now: float) -> Plan:
    is_pair = len(t.started.panel.seats) > 1
    return replace(_plan_answers(t, now), controls={END: (DIFFERENCES,)} if is_pair else {})


def _plan_answers(t: Transcript, now: float) -> Plan:
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


def seat_rules(t: Transcript) -> SeatRules:
    return SeatRules()


objection_rules = no_objections
