"""Ratings against evalica's own, on real votes; intervals; what is ranked."""

from __future__ import annotations

import csv
from pathlib import Path

import evalica
import pytest

from bot.ratings.comparisons import Vote
from bot.ratings.ratings import (
    MAX_ITERATIONS,
    PHANTOM,
    TOLERANCE,
    WINNERS,
    add_phantom,
    find_mean_ranks,
    find_win_rates,
    fit_scores,
    list_comparisons,
    rate_models,
    weigh_comparisons,
)
from tests.support.crowd import CROWD, read_crowd_votes

PLACES = ("left", "right")


@pytest.mark.parametrize("prior", [False, True], ids=["without a prior", "with a prior"])
def test_scores_are_evalicas_on_all_votes_one_by_one(reference: Path, prior: bool) -> None:
    with (reference / CROWD).open(encoding="utf-8", newline="") as file:
        rows = [(row["left"], row["right"], row["winner"]) for row in csv.DictReader(file)]
    if prior:
        rows += [(PHANTOM, model, "tie") for model in sorted({model for row in rows for model in row[:2]})]
    xs, ys, winners = zip(*rows, strict=True)
    codes = [WINNERS[winner] for winner in winners]
    theirs = evalica.bradley_terry(xs, ys, codes, tolerance=TOLERANCE, limit=MAX_ITERATIONS).scores
    weights = weigh_comparisons(read_crowd_votes(reference))
    ours = fit_scores(add_phantom(weights) if prior else weights)
    assert ours == pytest.approx(dict(theirs), abs=1e-9)


def test_a_vote_among_many_is_one_vote_however_many_answers() -> None:
    vote = Vote(("b", "a", "c", "a"), 0)
    assert dict(list_comparisons(vote)) == {("a", "b", "right"): 1 / 3, ("b", "c", "left"): 1 / 3}
    assert sum(weight for _, weight in list_comparisons(vote)) == pytest.approx(1.0)
    ties = [made for made, _ in list_comparisons(Vote(("a", "b", "c", "a"), None))]
    assert len(ties) == 5  # of six pairs one is a model against itself


def test_the_prior_keeps_who_never_lost_within_reach() -> None:
    ratings = rate_models([Vote(("a", "b"), 0)] * 20 + [Vote(("b", "c"), 0)] * 20, resamples=20)
    assert [rating.model for rating in ratings] == ["a", "b", "c"]
    assert 1_000 < ratings[0].points < 2_000


def test_below_a_number_of_votes_nothing_is_ranked() -> None:
    votes = [Vote(("a", "b"), 0)] * 19
    assert rate_models(votes, resamples=20) == []
    assert rate_models([*votes, votes[0]], resamples=20) != []


def test_an_interval_holds_the_rating_and_narrows_with_votes() -> None:
    votes = [Vote(("a", "b"), n % 3 == 0) for n in range(30)]
    few, many = (rate_models(votes * times, resamples=200)[0] for times in (1, 16))
    assert few.low < few.points < few.high
    assert many.high - many.low < (few.high - few.low) / 2


def test_win_rate_and_mean_rank_by_hand() -> None:
    votes = [Vote(("a", "b", "c"), 0), Vote(("a", "b"), 1), Vote(("a", "c"), None)]
    assert find_mean_ranks(votes) == pytest.approx({"a": (1 + 2 + 1.5) / 3, "b": (2.5 + 1) / 2, "c": (2.5 + 1.5) / 2})
    assert find_win_rates(votes) == pytest.approx({"a": 1.5 / 3, "b": 1 / 1.5, "c": 0.5 / 1.5})
