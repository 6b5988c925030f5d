"""Who may call a provider: at most so many at once, run by run, and within the minute of each model."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.models.errors import ProviderError
from bot.models.gates import Gate, Ticket
from bot.models.rate_limits import MINUTE_S, Charge, RateLimit, make_rate_limits
from tests.support.answers import make_model
from tests.support.virtual_time import run_virtual

RUNS = "abc"
PATIENCE_S = 300.0

STEPS = st.lists(st.tuples(st.sampled_from(RUNS), st.booleans(), st.integers(0, 9)), max_size=60)


def draw(gate: Gate, run: str = "", limit: RateLimit | None = None, *, tokens: int = 0, name: str = "GPT") -> Ticket:
    ticket = gate.draw(run, name, limit or RateLimit(None, None))
    ticket.tokens = tokens
    return ticket


async def wait_in(ticket: Ticket, tell: Callable[[str], object] = str) -> None:
    async for why in ticket.wait(PATIENCE_S):
        tell(why)


def play(main: Coroutine[Any, Any, None]) -> None:
    run_virtual(main)


@given(width=st.integers(1, 4), steps=STEPS)
def test_no_run_waits_for_more_than_one_call_of_each_other_run(width: int, steps: list[tuple[str, bool, int]]) -> None:
    """A step joins, or one of those who are there leaves, waiting or not: no place stays empty behind it."""

    async def main() -> None:
        gate, here = Gate(width), list[Ticket]()
        passed = {run: Counter[str]() for run in RUNS}  # while it waits: calls of others that went before it
        for run, joins, which in steps:
            before = [ticket for ticket in here if ticket.charge is None]
            if joins:
                here.append(draw(gate, run))
                gate.join(here[-1])
            elif here:
                here.pop(which % len(here)).leave(None)
            admitted = [t for t in here if t.charge is not None]
            assert len(admitted) == min(width, len(here))
            for each in RUNS:
                own = [t for t in here if t.run == each]
                assert [t.charge is None for t in own] == sorted(t.charge is None for t in own), "in their order"
                if any(t.run == each and t in admitted for t in before) or not any(t.charge is None for t in own):
                    passed[each].clear()
                else:
                    passed[each].update(t.run for t in before if t in admitted)
                assert max(passed[each].values(), default=0) <= 1

    play(main())


def test_a_run_of_one_does_not_wait_for_a_run_of_twelve() -> None:
    async def main() -> None:
        gate, order = Gate(1), list[str]()

        async def speak(ticket: Ticket) -> None:
            await wait_in(ticket)
            order.append(ticket.run)
            await asyncio.sleep(1)
            ticket.leave(None)

        tickets = [draw(gate, "many") for _ in range(12)] + [draw(gate, "one")]
        await asyncio.gather(*map(speak, tickets))
        assert "one" in order[:3]

    play(main())


def test_the_seats_of_a_run_go_in_the_order_of_their_tickets_whoever_is_ready_first() -> None:
    async def main() -> None:
        gate = Gate(1)
        first, second, third = (draw(gate) for _ in range(3))
        for ticket in (third, second, first):
            gate.join(ticket)
        third.leave(None)
        assert first.charge is not None
        first.leave(None)
        gate.join(first)  # it is to be tried again
        second.leave(None)
        assert first.charge is not None

    play(main())


def test_a_gate_that_is_made_narrower_lets_who_is_through_end_and_then_fewer_in() -> None:
    async def main() -> None:
        gate = Gate(2)
        first, second, third, fourth = tickets = [draw(gate) for _ in range(4)]
        for ticket in tickets:
            gate.join(ticket)
        gate.resize(1)
        first.leave(None)
        assert (second.charge is None, third.charge) == (False, None)
        second.leave(None)
        assert (third.charge is None, fourth.charge) == (False, None)
        gate.resize(2)
        assert fourth.charge is not None

    play(main())


def test_everyone_who_waits_is_told_each_place_once() -> None:
    async def main() -> None:
        gate = Gate(1)
        tickets, told = [draw(gate) for _ in range(4)], [list[str]() for _ in range(4)]

        async def speak(number: int) -> None:
            await wait_in(tickets[number], told[number].append)
            await asyncio.sleep(1)
            tickets[number].leave(None)

        await asyncio.gather(*map(speak, range(4)))
        places = ["GPT: 3rd in line", "GPT: 2nd in line", "GPT: next in line"]
        assert told == [[], places[2:], places[1:], places]

    play(main())


CHARGES = st.lists(st.tuples(st.integers(0, 90), st.integers(0, 60)), max_size=12).map(sorted)


@given(charges=CHARGES, requests=st.integers(1, 5), most=st.integers(1, 100), tokens=st.integers(0, 150))
def test_a_call_waits_for_exactly_as_long_as_its_minute_is_full(
    charges: list[tuple[int, int]], requests: int, most: int, tokens: int
) -> None:
    limit, now = RateLimit(requests, most), 90
    for at, used in charges:
        limit.settle(limit.take(99, at), used)

    def fits(wait_s: int) -> bool:
        within = [used for at, used in charges if at + MINUTE_S > now + wait_s]
        return (len(within) < requests and sum(within) + min(tokens, most) <= most) or not within

    assert limit.wait_s(tokens, now) == next(s for s in range(61) if fits(s))


CALLS = st.lists(st.tuples(st.floats(0, 40), st.integers(0, 50), st.integers(0, 50), st.floats(0, 90)), max_size=25)


@given(requests=st.integers(1, 4), tokens=st.integers(50, 100), calls=CALLS)
def test_no_minute_has_more_than_is_set(requests: int, tokens: int, calls: list[tuple[float, int, int, float]]) -> None:
    """A call comes after a gap, may use so many tokens and has used so many after so many seconds."""

    async def main() -> None:
        limit, now = RateLimit(requests, tokens), asyncio.get_running_loop().time
        gate, counted = Gate(100), list[Charge]()

        async def call(most: int, used: int, lasts_s: float) -> None:
            await wait_in(ticket := draw(gate, "", limit, tokens=most))
            assert ticket.charge is not None
            counted.append(ticket.charge)
            lately = [charge for charge in counted if charge.at + MINUTE_S > now()]
            assert len(lately) <= requests
            assert sum(charge.tokens for charge in lately) <= tokens
            await asyncio.sleep(lasts_s)
            ticket.leave(min(used, most))

        async with asyncio.TaskGroup() as tasks:
            for gap_s, most, used, lasts_s in calls:
                await asyncio.sleep(gap_s)
                tasks.create_task(call(most, used, lasts_s))
        assert len(counted) == len(calls)

    play(main())


def test_a_call_that_its_minute_holds_up_lets_other_models_pass_and_none_of_its_own() -> None:
    async def main() -> None:
        gate, limit, now = Gate(9), RateLimit(None, 100), asyncio.get_running_loop().time
        gate.join(draw(gate, "a", limit, tokens=60))
        large, small, other = draw(gate, "a", limit, tokens=60), draw(gate, "b", limit, tokens=10), draw(gate, "a")
        told = {ticket: list[str]() for ticket in (large, small, other)}
        await asyncio.gather(*(wait_in(ticket, told[ticket].append) for ticket in told))
        assert told[large][0] == "GPT waits for its minute, about 60 s"
        assert told[large][1] == "GPT waits for its minute, about 55 s"
        assert len(told[large]) == 12
        assert told[small] == ["GPT: 2nd in line"]
        assert told[other] == []
        assert now() == pytest.approx(60, abs=0.1)

    play(main())


def test_what_a_call_has_not_used_is_free_for_the_next() -> None:
    async def main() -> None:
        gate, limit, now = Gate(9), RateLimit(None, 100), asyncio.get_running_loop().time
        first, second, third = (draw(gate, "", limit, tokens=90) for _ in range(3))
        gate.join(first)
        gate.join(second)
        first.leave(10)
        assert second.charge is not None
        gate.join(third)
        second.withdraw()  # it was not made
        assert third.charge is not None
        assert now() == 0

    play(main())


def test_a_call_larger_than_the_minute_goes_alone() -> None:
    async def main() -> None:
        gate, limit = Gate(9), RateLimit(None, 100)
        gate.join(large := draw(gate, "", limit, tokens=900))
        assert large.charge is not None
        gate.join(small := draw(gate, "", limit, tokens=1))
        assert small.charge is None

    play(main())


def test_a_pause_is_waited_for_unless_it_outlasts_patience() -> None:
    async def main() -> None:
        gate, limit, now = Gate(9), RateLimit(None, None), asyncio.get_running_loop().time
        limit.pause(12)
        told = list[str]()
        await wait_in(draw(gate, "", limit), told.append)
        assert told == [f"GPT waits for its provider, about {s} s" for s in (15, 10, 5)]
        assert now() == pytest.approx(12)
        limit.pause(now() + PATIENCE_S)
        with pytest.raises(ProviderError) as raised:
            await wait_in(ticket := draw(gate, "", limit), told.append)
        ticket.leave(None)
        assert (raised.value.kind, raised.value.text) == ("rate_limit", "too many requests: no more for 300 s")

    play(main())


def test_whoever_gives_up_waiting_for_a_minute_leaves_it_to_the_next() -> None:
    async def main() -> None:
        gate, limit, now = Gate(9), RateLimit(1, None), asyncio.get_running_loop().time
        gate.join(draw(gate, "", limit))
        gone, stays = draw(gate, "", limit), draw(gate, "", limit)
        told = list[str]()
        async with asyncio.TaskGroup() as tasks:
            first = tasks.create_task(wait_in(gone))
            tasks.create_task(wait_in(stays, told.append))
            await asyncio.sleep(20)
            first.cancel()
            gone.leave(None)
        assert told[:2] == ["GPT: 2nd in line", "GPT waits for its minute, about 40 s"]
        assert now() == pytest.approx(60, abs=0.1)

    play(main())


def test_models_that_are_one_at_the_provider_share_their_limit() -> None:
    model = make_model("http://127.0.0.1:1")
    models = [
        replace(model, key="quick", requests_per_minute=5),
        replace(model, key="deep", effort="high", requests_per_minute=3, tokens_per_minute=9_000),
        replace(model, key="by another key", api_key="another"),
    ]
    limits = make_rate_limits({model.key: model for model in models})
    assert limits["quick"] is limits["deep"] is not limits["by another key"]
    assert (limits["deep"].requests, limits["deep"].tokens) == (3, 9_000)
    assert (limits["by another key"].requests, limits["by another key"].tokens) == (None, None)
