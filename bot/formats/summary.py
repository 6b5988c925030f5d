"""Summary: one seat tells what a thread has come to so far. The thread is the run's context."""

from __future__ import annotations

from bot.domain.asks import Ask, Part
from bot.domain.run import TurnId
from bot.domain.transcript import Transcript
from bot.formats.common import (
    at_start,
    code,
    fixed_seats,
    framed,
    instructions,
    name_of,
    no_objections,
    over,
    prose,
    question,
    spoken,
    still_open,
    stopped,
    wants,
    with_people,
)
from bot.formats.plan import Plan

PROMPTS = ("summary.summary",)
ROUNDS = (1, 1)
SEATS = (1, 12)  # of a panel; its first seat speaks

seat_rules, objection_rules = fixed_seats, no_objections


@with_people
def plan(t: Transcript, now: float) -> Plan:
    turn = TurnId("summary", 1, t.started.panel.seats[0].key)
    titles = {turn.lane: f"Summary · {name_of(t, turn)}"}
    if end := stopped(t, now, titles, {}):
        return end
    if (open_ := still_open(t, [turn])) is not None:
        return Plan(wants(open_), "summary", titles=titles)
    said = spoken(t, [turn])
    if not said:
        return over(t, now, "failed", "There is no summary.", titles=titles)
    return over(t, now, "summarised", prose(said[0].text), titles=titles)


def ask(t: Transcript, turn: TurnId) -> Ask:
    t = at_start(t, turn)
    thread = Part("user", framed("the thread", t.started.context, code(t, turn)), priority=50, cut="tail")
    return Ask((instructions(t, turn, "summary.summary"), thread, question(t, turn)[-1]))
