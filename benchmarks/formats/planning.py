"""The cost of planning: folding each fact, asking the plan, and making each ask."""

from __future__ import annotations

import gc
import random
import time
from dataclasses import replace
from heapq import heappop, heappush
from typing import NamedTuple

from benchmarks.formats.draws import load_durations
from bot.domain.facts import Fact, TurnEnded, TurnStarted
from bot.domain.run import DebateRules, Rules, TurnId
from bot.domain.transcript import Entry, Transcript, Turn, fold
from bot.formats import FORMATS
from bot.formats.council.review_order import letter_labels
from tests.support.transcripts import make_start

ANSWER = "Some words of an answer, as long as models write them. " * 60


class Cost(NamedTuple):
    """The cost of a whole run.

    CPU seconds for folding facts and planning, CPU seconds for making asks, the run's own seconds, and its facts.
    """

    plan_s: float
    ask_s: float
    run_s: float
    facts: int

    @property
    def percent(self) -> float:
        return 100 * (self.plan_s + self.ask_s) / self.run_s

    @property
    def fact_s(self) -> float:
        return (self.plan_s + self.ask_s) / self.facts


def plan_run(form: str, seats: int, rounds: int, seed: int = 1) -> Cost:
    """Play one run in virtual time and return its cost; turns last as long as recorded ones.

    Only the format's work is counted.
    """
    dice, times = random.Random(seed), [s for prompt in load_durations() for s in prompt]
    rules = Rules(rounds, debating=DebateRules() if form == "debate" else None)
    began = replace(make_start(form, seats=[f"s{n}" for n in range(seats)]), rules=rules)
    run = _Run(form, fold(Transcript(), Entry(1, 0.0, began)))
    ends: list[tuple[float, int, TurnId]] = []
    gc.collect()
    gc.disable()  # as timeit does: the collector's passes depend on what else is alive
    try:
        while run.reconcile():
            for turn in run.fresh:
                heappush(ends, (run.clock + dice.choice(times), run.t.seq, turn))
            run.clock, _, ending = heappop(ends)
            text = _write_ballot(dice, run.t.turns[ending]) if ending.stage == "review" else ANSWER
            run.append_fact(TurnEnded(ending, "done", text))
    finally:
        gc.enable()
    return Cost(run.plan_s, run.ask_s, run.clock, run.t.seq)


class _Run:
    def __init__(self, form: str, t: Transcript) -> None:
        self.t = t
        self.clock = 0.0
        self.plan_s = 0.0
        self.ask_s = 0.0
        self.fresh: list[TurnId] = []
        self._form = FORMATS[form]

    def reconcile(self) -> bool:
        """Plan and start what is wanted, as the conductor does; return False once the run is over."""
        began = time.process_time()
        plan = self._form.plan(self.t, self.clock)
        self.plan_s += time.process_time() - began
        new = [w for w in plan.wanted if w.turn not in self.t.turns]
        for want in new:
            self.append_fact(TurnStarted(want.turn, want.about))
        self.fresh = [w.turn for w in new]
        began = time.process_time()
        for turn in self.fresh:
            self._form.ask(self.t, turn)
        self.ask_s += time.process_time() - began
        return not plan.outcome

    def append_fact(self, fact: Fact) -> None:
        began = time.process_time()
        self.t = fold(self.t, Entry(self.t.seq + 1, self.clock, fact))
        self.plan_s += time.process_time() - began


def _write_ballot(dice: random.Random, turn: Turn) -> str:
    letters = letter_labels(len(turn.about))
    return "FINAL RANKING:\n" + "\n".join(f"{n}. {x}" for n, x in enumerate(dice.sample(letters, len(letters)), 1))
