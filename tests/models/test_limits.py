"""What a provider says of its own state: its circuit, its account of what is left, and when it is tried again."""

from __future__ import annotations

from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.models.errors import Kind, ProviderError
from bot.models.limits import Circuit, find_reset_s, is_low, requests_left
from bot.models.retries import describe_wait, wait_s
from bot.settings.settings import RetrySettings

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


@pytest.mark.parametrize("kind", get_args(Kind))
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
    assert describe_wait(ProviderError("unreachable", "it is down"), 3.7) == "trying again in 4 s: it is down"
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


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1m30s"}, 90.0),
        ({"llm_provider-x-ratelimit-remaining-tokens": "0", "llm_provider-x-ratelimit-reset-tokens": "2m59.5s"}, 179.5),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "120ms"}, 0.12),
        ({"x-ratelimit-remaining-requests": "1", "x-ratelimit-reset-requests": "6m0s"}, 0.0),
        (
            {
                "anthropic-ratelimit-requests-remaining": "49",
                "anthropic-ratelimit-requests-reset": "1970-01-01T00:09:00Z",
                "Anthropic-Ratelimit-Output-Tokens-Remaining": "0",
                "Anthropic-Ratelimit-Output-Tokens-Reset": "1970-01-01T00:01:42Z",
            },
            2.0,
        ),
        ({"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "soon"}, 0.0),
        (
            {"anthropic-ratelimit-tokens-remaining": "0", "anthropic-ratelimit-tokens-reset": "1969-01-01T00:00:00Z"},
            0.0,
        ),
        ({"x-ratelimit-remaining-requests": "0"}, 0.0),
    ],
)
def test_when_there_is_something_left_again_is_read_from_headers(headers: dict[str, str], seconds: float) -> None:
    assert find_reset_s(headers, 100.0) == seconds
