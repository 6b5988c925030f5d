"""Compare: one question to every seat at once, and nothing else."""

from __future__ import annotations

from bot.asks import Ask
from bot.formats.common import (
    END,
    at_start,
    end_card,
    instructions,
    question,
    spoken,
    still_open,
    stopped,
    wants,
)
from bot.formats.plan import Plan
from bot.transcript import Transcript, TurnId

PROMPTS = ("compare.answer",)
ROUNDS = (1, 1)


def plan(t: Transcript, now: float) -> Plan:
    answers = [TurnId("answer", 1, s.key) for s in t.started.panel.seats]
    if over := stopped(t, {}, {}):
        return over
    if (open_ := still_open(t, answers)) is not None:
        return Plan(wants(open_), "answers")
    heard = len(spoken(t, answers))
    verdict = f"{heard} of {len(answers)} answered."
    return Plan(stage="finished", outcome="compared" if heard else "failed", cards={END: end_card(t, verdict)})


def ask(t: Transcript, turn: TurnId) -> Ask:
    t = at_start(t, turn)
    return Ask((instructions(t, turn, "compare.answer"), question(t)))
