"""Summary: one seat sums up a thread so far. The thread is the run's context. All of it is one message, its board."""

from __future__ import annotations

from dataclasses import replace

from bot.domain.asks import Ask, Part
from bot.domain.run import TurnId
from bot.domain.transcript import Transcript
from bot.formats.common import (
    asks_of,
    failure_reason,
    fixed_seats,
    frame,
    frame_code,
    instruction_part,
    name_of,
    no_objections,
    open_turns,
    question_parts,
    transcript_at_start,
    turns_with_text,
    wants_for,
    with_people,
)
from bot.formats.end_card import plan_end, plan_if_stopped, quote_beginning
from bot.formats.plan import Plan

PROMPTS = ("summary.summary",)
ROUNDS = (1, 1)
SEATS = (1, 12)  # the first seat of the panel speaks

seat_rules, objection_rules = fixed_seats, no_objections


@with_people
def plan(t: Transcript, now: float) -> Plan:
    turn = TurnId("summary", 1, t.started.panel.seats[0].key)
    return replace(_plan_summary(t, now, turn), board_turn=turn)


def _plan_summary(t: Transcript, now: float, turn: TurnId) -> Plan:
    titles = {turn.lane: f"Summary · {name_of(t, turn)}"}
    if end := plan_if_stopped(t, now, titles, {}):
        return end
    if (open_ := open_turns(t, [turn])) is not None:
        return Plan(wants_for(open_), "summary", titles=titles)
    said = turns_with_text(t, [turn])
    if not said:
        known = t.turns.get(asks_of(t, turn)[-1])
        why = failure_reason(t, known) if known else ""
        return plan_end(t, now, "failed", (f"There is no summary{f': {why}' if why else ''}.",), titles=titles)
    return plan_end(t, now, "summarised", (quote_beginning(name_of(t, turn), turn.lane, said[0].text),), titles=titles)


def ask(t: Transcript, turn: TurnId) -> Ask:
    t = transcript_at_start(t, turn)
    thread = Part("user", frame("the thread", t.started.context, frame_code(t, turn)), priority=50, cut="tail")
    return Ask((instruction_part(t, turn, "summary.summary"), thread, question_parts(t, turn)[-1]))
