"""Budgets: never a refusal while the limit is known, however requests travel; and what is learnt from the platform."""

from __future__ import annotations

import asyncio
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.live.budget import FORGET_S, Budget, Budgets, SlidingWindow, TokenBucket
from bot.live.fixed_window import FixedWindow
from tests.support.surfaces import BucketLimit, Limit, WindowLimit
from tests.support.virtual_time import run_virtual

DELAYS = st.lists(st.floats(0, 2), min_size=1, max_size=60)


async def refusals(
    budget: Budget, limit: Limit, there: list[float], back: list[float], pauses: list[float], *, tells: bool = False
) -> int:
    """How often `limit` refuses when as much is sent as `budget` allows, each request as long on its way as told.

    `tells`: answers say what is left.
    """
    now = asyncio.get_running_loop().time
    refused = 0

    async def request(out_s: float, home_s: float) -> None:
        nonlocal refused
        ticket = budget.take(sent := now())
        await asyncio.sleep(out_s)
        refused += limit.admit(now()) > 0
        most, remaining, reset_after_s = limit.report(now())
        await asyncio.sleep(home_s)
        if tells:
            budget.learn(sent, now(), limit=most, remaining=remaining, reset_after_s=reset_after_s)
        budget.record_answer(ticket, now())

    async with asyncio.TaskGroup() as tasks:
        for k, pause_s in enumerate(pauses):
            await asyncio.sleep(pause_s)
            while (at := budget.free_at(now())) > now():
                await asyncio.sleep(max(0.001, at - now()) if at < math.inf else 0.01)
            tasks.create_task(request(there[k % len(there)], back[k % len(back)]))
            await asyncio.sleep(0)
    return refused


@settings(deadline=None, max_examples=150)
@given(DELAYS, DELAYS, st.lists(st.floats(0, 3), min_size=1, max_size=60), st.integers(1, 5))
def test_a_window_is_never_overdrawn(there: list[float], back: list[float], pauses: list[float], limit: int) -> None:
    assert run_virtual(refusals(FixedWindow(limit, 5.0), WindowLimit(limit, 5.0), there, back, pauses)) == 0


@settings(deadline=None, max_examples=150)
@given(DELAYS, DELAYS, st.lists(st.floats(0, 3), min_size=1, max_size=60), st.integers(0, 5), st.floats(0, 5))
def test_a_window_that_another_process_has_begun_is_never_overdrawn(
    there: list[float], back: list[float], pauses: list[float], used: int, ago: float
) -> None:
    async def take_over() -> int:
        now, limit, budget = asyncio.get_running_loop().time, WindowLimit(5, 5.0), FixedWindow(5, 5.0, at_once=1)
        assert not any(limit.admit(now()) for _ in range(used))
        await asyncio.sleep(ago)
        budget.expect_spent(now())
        return await refusals(budget, limit, there, back, pauses, tells=True)

    assert run_virtual(take_over()) == 0


@pytest.mark.parametrize(("remaining", "left"), [(0, 0), (2, 2)])
def test_a_window_that_another_process_has_begun_ends_when_its_answer_says(remaining: int, left: int) -> None:
    window = FixedWindow(5, 5.0, at_once=1)
    ticket = window.take(10.0)
    window.learn(10.0, 10.1, limit=5, remaining=remaining, reset_after_s=0.7)
    window.record_answer(ticket, 10.1)
    assert window.tokens(10.5) == min(left, 1)
    assert window.outlook(10.5).tokens == left
    assert window.free_at(10.81) == 10.81
    assert window.outlook(10.81).tokens == 5


@settings(deadline=None, max_examples=150)
@given(st.floats(0, 2), DELAYS, st.lists(st.floats(0, 3), min_size=1, max_size=60), st.integers(3, 6))
def test_a_bucket_is_never_overdrawn(there: float, back: list[float], pauses: list[float], limit: int) -> None:
    """With delays up to the longest seen; the first requests are alone in a full bucket, so they may teach it."""
    budget = TokenBucket(limit, 1.0)
    budget.record_answer(budget.take(-100.0), -100.0 + 4.0)
    assert run_virtual(refusals(budget, BucketLimit(limit, 1.0), [there, 0.0], back, pauses)) == 0


def test_a_window_gives_its_limit_and_then_waits_for_its_end_as_we_know_it() -> None:
    window = FixedWindow(2, 5.0)
    first = window.take(0.0)
    window.record_answer(first, 0.4)
    assert window.tokens(1.0) == 1
    window.record_answer(window.take(1.0), 1.2)
    assert window.tokens(2.0) == 0
    assert window.free_at(2.0) == pytest.approx(5.4)
    assert window.tokens(5.4) == 2


def test_nothing_is_sent_that_might_arrive_in_a_window_we_cannot_count() -> None:
    window = FixedWindow(5, 5.0)
    window.record_answer(window.take(0.0), 0.4)
    assert window.tokens(4.5) == 4
    assert window.tokens(4.7) == 0  # it might arrive after 5.0, when the platform's window may be over


def test_a_budget_is_made_once_and_told_when_the_process_began() -> None:
    made: list[tuple[str, float]] = []

    def make(name: str, started: float) -> Budget:
        made.append((name, started))
        return FixedWindow(5, 5.0)

    budgets = Budgets(make, started=100.0)
    assert budgets["a"] is budgets["a"]
    assert budgets["b"] is not budgets["a"]
    assert made == [("a", 100.0), ("b", 100.0)]


def test_a_refusal_pauses_the_whole_budget_and_halves_a_limit_nobody_told_us() -> None:
    window = FixedWindow(8, 5.0)
    window.record_refusal(10.0, 3.0)
    assert window.free_at(10.0) == pytest.approx(13.0)
    assert window.tokens(13.0) == 4
    assert window.tokens(10.0 + FORGET_S) == 8
    bucket = TokenBucket(8, 2.0)
    bucket.record_refusal(10.0, 3.0)
    assert bucket.tokens(12.9) == 0
    assert bucket.free_at(10.0) == pytest.approx(14.0)  # one token a second from the end of the pause


def test_a_pause_may_outlast_the_window() -> None:
    window = FixedWindow(5, 2.0, at_once=1)
    ticket = window.take(0.0)
    window.record_refusal(0.1, 45.0)
    window.record_answer(ticket, 0.1)
    assert window.free_at(0.1) == pytest.approx(45.1)
    ticket = window.take(45.1)
    window.learn(45.1, 45.2, limit=5, remaining=0, reset_after_s=30.0)
    window.record_answer(ticket, 45.2)
    assert window.free_at(45.2) == pytest.approx(75.2)


def test_refusals_in_a_row_pause_for_longer_and_teach_once() -> None:
    budgets, now, pauses = Budgets(lambda name, started: SlidingWindow(64, 60.0, at_once=1), 0.0), 10.0, []
    for _ in range(9):
        ticket = budgets["a"].take(now)
        budgets.record_refusal("a", now, 0.0)
        budgets["a"].record_answer(ticket, now)
        pauses.append(budgets["a"].free_at(now) - now)
        now = budgets["a"].free_at(now)
    assert pauses == [0.25, 0.5, 1, 2, 4, 8, 16, 32, 32]
    assert isinstance(window := budgets["a"], SlidingWindow)
    assert window.limit == 32
    budgets.end_refusals(["a"])
    budgets.record_refusal("a", now, 0.4)
    assert budgets["a"].free_at(now) == pytest.approx(now + 0.4)
    assert window.limit == 16


def test_headers_set_the_limit_the_count_and_the_end_of_the_window() -> None:
    window = FixedWindow(5, 5.0)
    ticket = window.take(0.0)
    window.learn(0.0, 0.2, limit=10, remaining=9, reset_after_s=2.0)
    window.record_answer(ticket, 0.2)
    assert (window.limit, window.window_s) == (10, 2.0)
    assert window.tokens(0.3) == 9
    window.learn(0.3, 0.4, limit=10, remaining=3, reset_after_s=1.7)  # somebody else draws on it too
    assert window.tokens(0.5) == 3
    window.learn(0.5, 0.6, limit=2, remaining=0, reset_after_s=1.5)
    assert window.free_at(0.6) == pytest.approx(2.1)
    window.record_refusal(0.7, 1.4)
    assert window.limit == 2  # told, so not guessed


def test_headers_of_a_bucket() -> None:
    bucket = TokenBucket(5, 1.0)
    bucket.learn(10.0, 10.0, limit=20, remaining=10, reset_after_s=5.0)
    assert bucket.capacity == 20
    assert bucket.per_s == pytest.approx(2.0)
    assert bucket.tokens(10.0) == pytest.approx(5.0)


@pytest.mark.parametrize("budget", [FixedWindow(0, 5.0), TokenBucket(0, 0.0)])
def test_a_limit_of_zero_is_never_free(budget: Budget) -> None:
    assert budget.tokens(1.0) < 1
    assert budget.free_at(1.0) == math.inf


def test_what_a_window_has_left_is_for_its_last_seconds() -> None:
    window = FixedWindow(5, 5.0)
    assert window.outlook(0.0)[:2] == (5, 5.0)
    window.record_answer(window.take(0.0), 0.0)
    tokens, span_s, *_ = window.outlook(4.0)
    assert tokens == 4
    assert span_s == pytest.approx(1.0)


@given(st.lists(st.tuples(st.floats(0, 9), st.floats(0, 2)), max_size=80), st.integers(1, 6))
def test_no_stretch_of_time_ever_holds_more_than_the_limit(steps: list[tuple[float, float]], limit: int) -> None:
    window, now, sent = SlidingWindow(limit, 10.0), 0.0, []
    for pause, late in steps:
        assert window.tokens(now) >= 1
        now += pause
        while window.tokens(now) >= 1:
            ticket = window.take(now)
            now += late
            window.record_answer(ticket, now)
            sent.append((ticket.sent, now))
        now = window.free_at(now)
    arrivals = sorted(arrived for _, arrived in sent)  # the worst that a platform can make of it: sent late, then early
    for k in range(len(sent) - limit):
        assert sent[k + limit][0] >= arrivals[k] + 10.0 - 1e-9


def test_a_limit_that_is_lower_than_thought_is_halved_once_a_pause() -> None:
    window = SlidingWindow(50, 60.0)
    tickets = [window.take(0.0) for _ in range(3)]
    for ticket in tickets:
        window.record_refusal(0.1, 30.0)
        window.record_answer(ticket, 0.1)
    assert window.limit == 25
    assert window.tokens(29.0) == 0
    assert window.free_at(1.0) == 30.1
    assert window.tokens(30.2) == 22
