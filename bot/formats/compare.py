"""Compare: one question to every seat at once, and nothing else."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.asks import Ask
from bot.domain.controls import Control
from bot.domain.run import SEARCH_STAGES, TurnId
from bot.domain.transcript import Transcript
from bot.formats import web_search
from bot.formats.common import (
    answer_count_line,
    instruction_part,
    no_objections,
    open_turns,
    question_parts,
    transcript_at_start,
    turns_with_text,
    wants_for,
    with_people,
)
from bot.formats.end_card import END, plan_end, plan_if_stopped
from bot.formats.plan import Plan, SeatRules
from bot.formats.web_search import search_parts, with_search

PROMPTS = ("compare.answer", *web_search.PROMPTS)
ROUNDS = (1, 1)
SEATS = (1, 12)
DIFFERENCES = Control("differences", "Show differences")


@with_people
@with_search
def plan(t: Transcript, now: float) -> Plan:
    has_pair = len(turns_with_text(t, _answers(t))) > 1
    return replace(_plan_answers(t, now), controls={END: (DIFFERENCES,)} if has_pair else {})


def _answers(t: Transcript) -> list[TurnId]:
    return [TurnId("answer", 1, s.key) for s in t.started.panel.seats]


def _plan_answers(t: Transcript, now: float) -> Plan:
    answers = _answers(t)
    if end := plan_if_stopped(t, now, {}, {}):
        return end
    if (open_ := open_turns(t, answers)) is not None:
        return Plan(wants_for(open_), "answers")
    return plan_end(t, now, "compared" if turns_with_text(t, answers) else "failed", (answer_count_line(t, answers),))


def ask(t: Transcript, turn: TurnId) -> Ask:
    if turn.stage in SEARCH_STAGES:
        return web_search.ask_search(t, turn)
    t = transcript_at_start(t, turn)
    return Ask((instruction_part(t, turn, "compare.answer"), *question_parts(t, turn), *search_parts(t, turn)))


def seat_rules(t: Transcript) -> SeatRules:
    return SeatRules()


objection_rules = no_objections
