"""How many votes hold the first place: by hand, on one that nothing holds, and on published votes."""

from __future__ import annotations

import itertools
from collections import Counter
from pathlib import Path

import pytest

from bot.ratings.comparisons import Vote
from bot.ratings.ratings import add_phantom, fit_scores, to_points, weigh_comparisons
from bot.ratings.sensitivity import count_votes_to_flip
from tests.support.crowd import read_crowd_votes

A_WINS, B_WINS, TIE = Vote(("a", "b"), 0), Vote(("a", "b"), 1), Vote(("a", "b"), None)


@pytest.mark.parametrize(
    ("votes", "needed"),
    [
        ([A_WINS] * 20 + [B_WINS] * 10, 11),  # ten make a tie
        ([A_WINS] * 11 + [B_WINS] * 10, 2),
        ([A_WINS] * 20, None),  # without votes both tie
        ([A_WINS] * 3 + [TIE] * 30 + [B_WINS] * 2, 2),
    ],
)
def test_of_two_models_by_hand(votes: list[Vote], needed: int | None) -> None:
    assert count_votes_to_flip(votes) == needed


def test_no_fewer_were_missed_where_all_choices_can_be_tried() -> None:
    votes = [A_WINS] * 4 + [B_WINS] * 2 + [Vote(("a", "c"), 0)] * 3 + [Vote(("b", "c"), 0)] * 3
    found = count_votes_to_flip(votes)
    assert found == next(n for n in range(1, len(votes)) if any(_is_flipped(votes, n)))


def _is_flipped(votes: list[Vote], dropped: int) -> list[bool]:
    """Return for each choice of so many votes whether another model is first without them."""
    found = []
    for chosen in set(itertools.combinations(votes, dropped)):
        kept = [*(Counter(votes) - Counter(chosen)).elements()]
        points = to_points(fit_scores(add_phantom(weigh_comparisons(kept))))
        found.append(max(points.values()) > points["a"] + 1e-6)
    return found


def test_of_published_votes_a_part_of_the_firsts_own_suffices(reference: Path) -> None:
    votes = read_crowd_votes(reference)
    points = to_points(fit_scores(add_phantom(weigh_comparisons(votes))))
    first = max(points, key=lambda model: points[model])
    found = count_votes_to_flip(votes)
    assert found is not None
    assert 1 < found < sum(first in vote.models for vote in votes) / 2
