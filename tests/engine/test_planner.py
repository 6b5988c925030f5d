"""Plans with long texts are made in a thread before the loop makes them, which then has nothing left to read."""

from __future__ import annotations

import threading
from contextlib import nullcontext

import pytest

from bot.concurrency import SHORT
from bot.domain.facts import Fact, TurnEnded, TurnStarted
from bot.domain.run import TurnId
from bot.domain.transcript import Entry, Transcript, fold_all
from bot.engine.planner import Planner
from bot.formats import compare
from bot.formats.plan import Plan
from tests.support.transcripts import make_start

TURN = TurnId("answer", 1, "ada")


def tell(*facts: Fact) -> Transcript:
    return fold_all(Transcript(), [Entry(n, 0.0, fact) for n, fact in enumerate((make_start("compare"), *facts), 1)])


async def test_a_long_text_is_read_in_a_thread_once(monkeypatch: pytest.MonkeyPatch) -> None:
    aside: list[bool] = []  # for each plan, whether it was made beside the loop
    plan, loop = compare.plan, threading.get_ident()

    def noting(t: Transcript, now: float) -> Plan:
        aside.append(threading.get_ident() != loop)
        return plan(t, now)

    monkeypatch.setattr(compare, "plan", noting)
    planner = Planner(compare, lambda: 0.0, nullcontext)
    short, long = tell(TurnStarted(TURN), TurnEnded(TURN, "done", "a")), "a" * (SHORT + 1)
    assert await planner.make_plan(short) == plan(short, 0.0)
    assert aside == [False]
    whole = tell(TurnStarted(TURN), TurnEnded(TURN, "done", long))
    assert await planner.make_plan(whole) == plan(whole, 0.0)
    assert aside == [False, True, False]
    await planner.make_plan(whole)
    assert aside == [False, True, False, False]
