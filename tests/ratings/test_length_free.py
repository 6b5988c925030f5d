"""Ratings with length taken out: evalica's where length says nothing, another solver's where it does, and the truth."""

from __future__ import annotations

import math
from random import Random

import numpy as np
import pytest

pytest.importorskip("evalica", reason="the extra leaderboard is not installed")

from scipy.optimize import minimize

from bot.ratings.comparisons import Vote
from bot.ratings.length_free import rate_without_length
from bot.ratings.ratings import MEAN_RATING, POINTS_PER_DECADE, add_phantom, fit_scores, to_points, weigh_comparisons

STRENGTHS = {"a": 0.6, "b": 0.0, "c": -0.6}
USUAL_CHARS = {"a": 400, "b": 1_600, "c": 1_000}  # the best one is the shortest
LENGTH = 0.9  # by how much a text e times as long is preferred


def cast_votes(count: int, length: float, seed: int = 3) -> list[Vote]:
    """Return votes between two or three answers, chosen as the strengths and lengths have it; some are ties."""
    dice, votes = Random(seed), list[Vote]()
    for _ in range(count):
        models = tuple(sorted(dice.sample(list(STRENGTHS), dice.choice((2, 2, 3)))))
        chars = tuple(round(USUAL_CHARS[m] * math.exp(dice.gauss(0, 0.7))) for m in models)
        weights = [math.exp(STRENGTHS[m] + length * math.log(c)) for m, c in zip(models, chars, strict=True)]
        chosen = None if dice.random() < 0.05 else dice.choices(range(len(models)), weights)[0]
        votes.append(Vote(models, chosen, chars=chars))
    return votes


def test_where_all_are_equally_long_they_are_evalicas() -> None:
    votes = [Vote(v.models, v.preferred, chars=(100,) * len(v.models)) for v in cast_votes(300, 0.0)]
    rated = rate_without_length(votes)
    assert rated is not None
    assert rated.points == pytest.approx(to_points(fit_scores(add_phantom(weigh_comparisons(votes)))), abs=1e-6)
    assert rated.per_doubling == pytest.approx(0.0, abs=1e-9)


def test_another_solver_finds_the_same() -> None:
    votes = cast_votes(200, LENGTH)
    models = sorted(STRENGTHS)

    def loss(given: np.ndarray) -> float:
        scores, weight, total = dict(zip(models, given, strict=False)), given[-1], 0.0
        for vote in votes:
            value = [scores[m] + weight * math.log(c) for m, c in zip(vote.models, vote.chars, strict=True)]
            if vote.preferred is None:
                pairs = [(x, y) for x in range(len(value)) for y in range(len(value)) if x != y]
            else:
                pairs = [(vote.preferred, y) for y in range(len(value)) if y != vote.preferred]
            total += sum(np.logaddexp(0, value[y] - value[x]) for x, y in pairs) / len(pairs)
        return float(total + sum(np.logaddexp(0, x) + np.logaddexp(0, -x) for x in given) / 2)  # the prior

    found = minimize(loss, np.zeros(4), method="BFGS", options={"gtol": 1e-7}).x
    points = POINTS_PER_DECADE / math.log(10) * (found[:3] - found[:3].mean()) + MEAN_RATING
    rated = rate_without_length(votes)
    assert rated is not None
    assert list(rated.points.values()) == pytest.approx(points.tolist(), abs=1e-3)
    assert rated.per_doubling == pytest.approx(POINTS_PER_DECADE * found[3] * math.log10(2), abs=1e-3)


def test_the_best_is_found_though_it_is_the_shortest() -> None:
    votes = cast_votes(3_000, LENGTH)
    with_length = to_points(fit_scores(add_phantom(weigh_comparisons(votes))))
    rated = rate_without_length(votes)
    assert rated is not None
    assert max(with_length, key=lambda model: with_length[model]) != "a"
    assert sorted(rated.points, key=lambda model: -rated.points[model]) == ["a", "b", "c"]
    gap = POINTS_PER_DECADE * math.log10(math.e) * (STRENGTHS["a"] - STRENGTHS["c"])
    assert rated.points["a"] - rated.points["c"] == pytest.approx(gap, rel=0.25)


def test_where_the_longer_always_wins_all_stays_finite() -> None:
    votes = [Vote(("a", "b"), 0, chars=(2_000, 10))] * 30
    rated = rate_without_length(votes)
    assert rated is not None
    assert 0 < rated.per_doubling < 1_000


def test_votes_without_lengths_and_too_few_are_none() -> None:
    assert rate_without_length([Vote(("a", "b"), 0)] * 100) is None
    assert rate_without_length([Vote(("a", "b"), 0, chars=(1, 2))] * 19) is None
