"""What one provider is spared: its queue, its circuit, its own account of requests, and when it is tried again."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.models.errors import KINDS, Kind, ProviderError
from bot.models.limits import Circuit, Queue, is_low, requests_left
from bot.models.retries import describe_wait, wait_s
from bot.settings import RetrySettings
from tests.support.virtual_time import run_virtual

RETRY = RetrySettings()


def is_open(circuit: Circuit, now: float) -> bool:
    try:
        circuit.check(now)
    except ProviderError:
        return True
    return False


def test_a_circuit_opens_lets_one_try_through_and_closes() -> None:
    circuit = Circuit("p", failures=3, open_s=30)
    for now in (0, 1, 2):
        assert not is_open(circuit, now)
        circuit.record_failure(now)
    assert is_open(circuit, 2)
    assert circuit.seconds_left(12) == 20
    assert not is_open(circuit, 32), "the one try"
    assert is_open(circuit, 33), "the others wait for what becomes of it"
    circuit.record_failure(34)
    assert is_open(circuit, 63)
    assert not is_open(circuit, 64)
    circuit.record_success()
    assert not is_open(circuit, 64)
    assert circuit.seconds_left(64) == 0


def test_failures_that_are_not_in_a_row_open_nothing() -> None:
    circuit = Circuit("p", failures=2)
    for now in range(10):
        circuit.record_failure(now)
        circuit.record_success()
    assert not is_open(circuit, 10)


@given(width=st.integers(1, 4), steps=st.lists(st.integers(-20, 20), max_size=60))
def test_a_queue_is_never_wider_and_always_in_order(width: int, steps: list[int]) -> None:
    """A step joins, or with a negative number somebody leaves, waiting or not."""
    queue, here, came = Queue(width), [], 0
    for step in steps:
        if step >= 0:
            here.append((came, queue.join()))
            came += 1
        elif here:
            _, ticket = here.pop(step % len(here))
            ticket.leave()
        assert [n for n, ticket in here if ticket.admitted] == [n for n, _ in here][: min(width, len(here))]


def test_everyone_who_waits_is_told_each_place_once() -> None:
    async def main() -> list[list[int]]:
        queue = Queue(1)
        tickets = [queue.join() for _ in range(4)]

        async def told(number: int) -> list[int]:
            places = [place async for place in tickets[number].places()]
            await asyncio.sleep(1)  # it speaks
            tickets[number].leave()
            return places

        async with asyncio.TaskGroup() as tasks:
            asked = [tasks.create_task(told(number)) for number in range(4)]
        return [task.result() for task in asked]

    assert run_virtual(main()) == [[], [1], [2, 1], [3, 2, 1]]


@pytest.mark.parametrize("kind", KINDS)
def test_only_what_passes_is_tried_again(kind: Kind) -> None:
    wait = wait_s(ProviderError(kind, "no"), 1, RETRY, 0.5)
    assert (wait is not None) == (kind in ("rate_limit", "unreachable"))


@given(chance=st.floats(0, 1), tried=st.integers(1, 30))
def test_the_wait_doubles_up_to_its_cap_with_half_of_it_left_to_chance(chance: float, tried: int) -> None:
    settings = RetrySettings(tries=100, base_s=1, cap_s=10)
    full = min(10, 2 ** (tried - 1))
    wait = wait_s(ProviderError("unreachable", "no"), tried, settings, chance)
    assert wait is not None
    assert full / 2 <= wait <= full


def test_what_the_provider_asks_for_comes_first() -> None:
    assert wait_s(ProviderError("rate_limit", "no", retry_after_s=42), 1, RETRY, 0.0) == 42
    assert wait_s(ProviderError("rate_limit", "no", retry_after_s=42), RETRY.tries, RETRY, 0.0) is None


def test_a_wait_is_told() -> None:
    assert describe_wait(ProviderError("rate_limit", "too many requests: no"), 3.7) == "trying again in 4 s: rate limit"
    assert describe_wait(ProviderError("unreachable", "it is down"), 0.2) == "trying again: it is down"


@pytest.mark.parametrize(
    ("headers", "found"),
    [
        ({"x-ratelimit-remaining-requests": "3", "x-ratelimit-limit-requests": "60"}, (3, 60)),
        (
            {"llm_provider-anthropic-ratelimit-requests-remaining": "0", "Anthropic-Ratelimit-Requests-Limit": "50"},
            (0, 50),
        ),
        ({"x-ratelimit-remaining-requests": "3"}, None),
        ({"x-ratelimit-remaining-requests": "-1", "x-ratelimit-limit-requests": "many"}, None),
        ({}, None),
    ],
)
def test_requests_left_are_read_from_headers(headers: dict[str, str], found: tuple[int, int] | None) -> None:
    assert requests_left(headers) == found


def test_few_is_a_twentieth_and_one_at_least() -> None:
    assert [n for n in range(11) if is_low(n, 100)] == [0, 1, 2, 3, 4, 5]
    assert [n for n in range(5) if is_low(n, 4)] == [0, 1]
