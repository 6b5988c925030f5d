"""The range that a run is expected to cost: by its turns, its prices and what is learnt of earlier runs."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest

from bot.actions.estimates import Estimator, RunEstimates
from bot.actions.habits import MAX_KEPT, Habits, make_prior, wanted_length
from bot.domain.facts import Fact, RunFinished, RunStarted, Stopped, TurnEnded, TurnStarted
from bot.domain.run import CostRange, Earlier, Effort, Image, Panel, Price, Seat, TurnId, Usage
from bot.domain.transcript import Entry, Transcript, fold
from bot.models.catalogue import LOCAL, Model
from tests.support.stores import MemoryStore
from tests.support.transcripts import make_start

PAID = Price(3.0, 15.0, "settings")
KEYS = ("ada", "bob", "cyd")
MODELS = {key: Model(key, f"openai/{key}", key.capitalize(), "openai", sees=key == "ada") for key in KEYS}
ESTIMATOR = Estimator(MODELS)
ADA = TurnId("answer", 1, "ada")


def start_run(
    form: str = "council", price: Price | None = PAID, *, seats: int = 3, rounds: int | None = None
) -> RunStarted:
    table = [Seat(key, key, key.capitalize(), price=price) for key in KEYS[:seats]]
    panel = Panel(tuple(table), replace(table[0], key="chair"), replace(table[0], key="judge"))
    return replace(make_start(form, rounds=rounds), panel=panel, server="s")


def middle(start: RunStarted, habits: Habits | None = None) -> float:
    return ESTIMATOR.expect(start, habits or Habits()).usd


def test_all_local_is_free_and_unknown_prices_are_unknown() -> None:
    assert ESTIMATOR.estimate(start_run(price=LOCAL), Habits()) == CostRange(0.0, 0.0)
    assert ESTIMATOR.estimate(start_run(price=None), Habits()) == CostRange(0.0, 0.0, unpriced=True)


def test_a_seat_of_unknown_price_is_told_beside_the_known_ones() -> None:
    start = start_run()
    ada, *others = start.panel.seats
    found = ESTIMATOR.estimate(
        replace(start, panel=replace(start.panel, seats=(*others, replace(ada, price=None)))), Habits()
    )
    assert found.unpriced
    assert 0 < found.low_usd < found.high_usd


def test_whatever_makes_a_run_longer_makes_it_dearer() -> None:
    base = start_run()
    longer: list[RunStarted] = [
        replace(base, question="Why? " * 400),
        replace(base, context="It was said. " * 400),
        replace(base, earlier=(Earlier("GPT", "I said so. " * 400),)),
        replace(base, question="何故？" * 100),
        replace(base, images=(Image("a.png", "image/png", "AAAA"),)),  # Ada sees it, and is the chair
    ]
    assert all(middle(start) > middle(base) for start in longer)
    assert (
        middle(start_run("compare")) < middle(replace(base, rules=replace(base.rules, mode="ranking"))) < middle(base)
    )
    assert middle(start_run("debate", rounds=1)) < middle(start_run("debate", rounds=2))
    assert middle(start_run(seats=2)) < middle(base)


@pytest.mark.parametrize(("less", "more"), [("none", "low"), ("low", "medium"), ("medium", "high")])
def test_thinking_costs_by_its_effort_until_it_is_known(less: Effort, more: Effort) -> None:
    def ask(effort: Effort) -> RunStarted:
        start = start_run("compare")
        return replace(start, panel=Panel(tuple(replace(s, effort=effort) for s in start.panel.seats)))

    assert middle(ask(less)) < middle(ask(more))


def test_a_limit_of_tokens_bounds_what_is_expected() -> None:
    start = start_run("compare")
    short = replace(start, panel=Panel(tuple(replace(s, max_tokens=10) for s in start.panel.seats)))
    assert middle(short) < middle(start) / 10


def play(start: RunStarted, tokens: int, *facts: Fact) -> Transcript:
    """Return a comparison in which every seat has written so much."""
    t = Transcript()
    ends = [
        TurnEnded(answer_of(seat.key), "done", "words", Usage(100, tokens, 0, "reported"), (300 + 15 * tokens) / 1e6)
        for seat in start.panel.seats
    ]
    begun = [TurnStarted(end.turn) for end in ends]
    for at, fact in enumerate([start, *begun, *ends, *facts, RunFinished("answered")]):
        t = fold(t, Entry(at + 1, float(at), fact))
    return t


def answer_of(key: str) -> TurnId:
    return ADA._replace(seat=key)


@pytest.mark.parametrize("tokens", [20, 400, 6_000])
def test_after_some_runs_the_range_is_narrower_and_holds_what_they_cost(tokens: int) -> None:
    start, habits = start_run("compare"), Habits()
    first = ESTIMATOR.estimate(start, habits)
    for _ in range(12):
        ESTIMATOR.learn(play(start, tokens), habits)
    learnt = ESTIMATOR.estimate(start, habits)
    assert learnt.low_usd <= 3 * (300 + 15 * tokens) / 1e6 <= learnt.high_usd
    assert learnt.high_usd / learnt.low_usd < first.high_usd / first.low_usd


def test_a_run_that_was_stopped_teaches_nothing() -> None:
    start, habits = start_run("compare"), Habits()
    before = ESTIMATOR.estimate(start, habits)
    ESTIMATOR.learn(play(start, 6_000, Stopped("p")), habits)
    assert ESTIMATOR.estimate(start, habits) == before


def test_one_run_of_absurd_cost_does_not_break_the_range() -> None:
    spread = make_prior(0.0, 0.3)
    low, high = spread.add(50.0, 0.1).factors(0.1)
    assert 0 < low < high < 1_000


def test_what_is_kept_of_a_server_is_bounded() -> None:
    habits, dice = Habits(), Random(1)
    for n in range(2 * MAX_KEPT):
        habits.add_turn(Seat("a", f"model-{n}", "A"), "answer", dice.randrange(1_000), 1_000)
    assert sum(habits.knows(Seat("a", f"model-{n}", "A"), "answer") for n in range(2 * MAX_KEPT)) < MAX_KEPT


@pytest.mark.parametrize(
    ("question", "length"),
    [
        ("Write a poem.", "long"),
        ("EXPLAIN it", "long"),
        ("How many sisters has Sally?", "short"),
        ("How many sisters has Sally? Let's think step by step.", "usual"),
        ("Translate the code", "long"),
        ("Tea or coffee?", "usual"),
        ("", "usual"),
        ("rewriter whoever", "usual"),
    ],
)
def test_a_question_tells_by_its_words_how_long_an_answer_it_wants(question: str, length: str) -> None:
    assert wanted_length(question) == length


async def test_a_server_learns_from_its_own_ended_runs_each_once() -> None:
    store, start = MemoryStore(lambda: 0.0), start_run("compare")
    estimates = RunEstimates(store, lambda: MODELS)
    first = await estimates.estimate(start)
    for n in range(6):
        await store.append(f"run{n}", [entry.fact for entry in play(start, 6_000).entries])
    await store.append("open", [start])
    learnt = await estimates.estimate(start)
    assert learnt.low_usd > first.low_usd
    assert await estimates.estimate(start) == learnt
    assert await estimates.estimate(replace(start, server="another")) == first


async def test_a_run_that_cannot_be_played_through_teaches_nothing_and_refuses_nobody() -> None:
    store, start = MemoryStore(lambda: 0.0), start_run("compare")
    old = replace(start, prompts={})  # from before there were prompts of that name
    await store.append("old", [entry.fact for entry in play(old, 6_000).entries])
    assert (await RunEstimates(store, lambda: MODELS).estimate(start)).high_usd > 0
