"""Orders are balanced over the reviewers, and letters are each reviewer's own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.formats.council.review_order import letter_labels, name_tiers, review_orders

SEATS = [f"seat{i}" for i in range(12)]
COUNTS = st.integers(2, 12)
SEEDS = st.integers(0, 2**32)


def measure_spread(rows: Iterable[Sequence[str]], candidates: Sequence[str], place: int) -> int:
    """Return how much more often the most frequent candidate stands in a place than the least frequent."""
    counts = Counter(row[place] for row in rows if place < len(row))
    found = [counts[c] for c in candidates]
    return max(found) - min(found)


def test_labels_go_past_z() -> None:
    assert letter_labels(3) == ("A", "B", "C")
    assert letter_labels(28)[25:] == ("Z", "AA", "AB")
    assert letter_labels(703)[-2:] == ("ZZ", "AAA")
    assert len(set(letter_labels(1000))) == 1000


@given(COUNTS, st.integers(1, 30), SEEDS)
def test_places_are_balanced_over_reviewers(n: int, reviewers: int, seed: int) -> None:
    rows = review_orders(SEATS[:n], [f"r{i}" for i in range(reviewers)], seed).values()
    assert len(rows) == reviewers
    assert all(sorted(row) == sorted(SEATS[:n]) for row in rows)
    assert all(measure_spread(rows, SEATS[:n], place) <= 1 for place in range(n))


@given(COUNTS, st.integers(0, 12), st.integers(0, 12), SEEDS)
def test_leaving_out_ones_own_keeps_the_balance(n: int, seated: int, outside: int, seed: int) -> None:
    candidates = SEATS[:n]
    reviewers = [*candidates[:seated], *(f"r{i}" for i in range(outside))]
    found = review_orders(candidates, reviewers, seed, without_own=True)
    assert list(found) == reviewers
    for reviewer, row in found.items():
        assert sorted(row) == sorted(c for c in candidates if c != reviewer)
    assert all(measure_spread(found.values(), candidates, place) <= 1 for place in range(n - 1))


@given(COUNTS, SEEDS)
def test_without_own_every_answer_is_once_in_every_place(n: int, seed: int) -> None:
    rows = review_orders(SEATS[:n], SEATS[:n], seed, without_own=True).values()
    assert all(measure_spread(rows, SEATS[:n], place) == 0 for place in range(n - 1))


@given(COUNTS, SEEDS)
def test_neighbours_are_balanced_as_williams_has_it(n: int, seed: int) -> None:
    """Over a whole design every answer stands right behind every other equally often: once, or twice for odd n."""
    size, each = (n, 1) if n % 2 == 0 else (2 * n, 2)
    rows = review_orders(SEATS[:n], [f"r{i}" for i in range(size)], seed).values()
    neighbours = Counter(pair for row in rows for pair in pairwise(row))
    assert set(neighbours.values()) == {each}
    assert len(neighbours) == n * (n - 1)


@given(COUNTS, SEEDS)
def test_a_is_another_answer_for_each_reviewer(n: int, seed: int) -> None:
    assert len({row[0] for row in review_orders(SEATS[:n], SEATS[:n], seed).values()}) == n


def test_the_seed_alone_decides() -> None:
    assert review_orders(SEATS, SEATS, 7) == review_orders(SEATS, SEATS, 7)
    assert len({tuple(review_orders(SEATS[:4], SEATS[:4], seed).values()) for seed in range(50)}) > 25


def test_small_and_empty_panels() -> None:
    assert review_orders([], ["r"], 1) == {"r": ()}
    assert review_orders(["a"], ["a"], 1) == {"a": ("a",)}
    assert review_orders(["a"], ["a", "r"], 1, without_own=True) == {"a": (), "r": ("a",)}
    assert review_orders(["a", "b"], [], 1) == {}


def test_names_must_be_distinct() -> None:
    with pytest.raises(ValueError, match="distinct"):
        review_orders(["a", "a"], ["r"], 1)
    with pytest.raises(ValueError, match="distinct"):
        review_orders(["a"], ["r", "r"], 1)


def test_names_are_put_back() -> None:
    assert name_tiers((("B",), ("A", "C")), ("gpt", "claude", "gemini")) == (("claude",), ("gpt", "gemini"))
