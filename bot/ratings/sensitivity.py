"""How many votes hold the first place of a leaderboard.

T. Broderick, R. Giordano and R. Meager, "An Automatic Finite-Sample Robustness Metric", 2020: the data are ordered by
what each is worth to the conclusion, to first order, and the conclusion is tried again without the first of them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from bot.ratings.comparisons import Vote
from bot.ratings.ratings import POINTS_PER_DECADE, Refit, list_comparisons, prepare_refit

CHALLENGERS = 3  # the next behind the first; who is further behind needs more votes to go
LEAST_LEAD = 1e-6  # points; less is a rounding error of the fit
WON = {"left": 1.0, "right": 0.0, "tie": 0.5}

Favours = Mapping[Vote, float]


def count_votes_to_flip(votes: Sequence[Vote]) -> int | None:
    """Return how many votes, dropped, put another model first; None where no number was found.

    An upper bound: votes are dropped greedily, those first that favour the first model most over a challenger, and
    another choice of votes may need fewer. That many do suffice: without them the ratings are fitted anew.
    """
    counts = Counter(Vote(vote.models, vote.preferred) for vote in votes)
    distinct = list(counts)
    refit = prepare_refit(distinct)
    points = refit([counts[vote] for vote in distinct])
    first, *others = sorted(points, key=lambda model: -points[model])
    found: list[int] = []
    for challenger in others[:CHALLENGERS]:
        favours = {vote: _weigh_favour(vote, first, challenger, points) for vote in distinct}
        order = sorted((vote for vote in distinct if favours[vote] > 0), key=lambda vote: -favours[vote])
        found += _search_flip(counts, order, refit, first)
    return min(found, default=None)


def _search_flip(counts: Mapping[Vote, int], order: Sequence[Vote], refit: Refit, first: str) -> list[int]:
    """Return how many votes, dropped in this order, suffice; [] where not even all of them do."""

    def is_flipped(dropped: int) -> bool:
        left = refit(list(_drop_votes(counts, order, dropped).values()))
        return max(left.values()) > left[first] + LEAST_LEAD

    most = sum(counts[vote] for vote in order)
    return [bisect_left(range(most), True, key=is_flipped)] if most and is_flipped(most) else []


def _drop_votes(counts: Mapping[Vote, int], order: Sequence[Vote], dropped: int) -> dict[Vote, int]:
    left = dict(counts)
    for vote in order:
        taken = min(dropped, left[vote])
        left[vote] -= taken
        dropped -= taken
    return left


def _weigh_favour(vote: Vote, first: str, challenger: str, points: Mapping[str, float]) -> float:
    """Return what a vote adds to the lead of `first`: what it says for each of the two beyond what was expected."""
    gained: defaultdict[str, float] = defaultdict(float)
    for (left, right, winner), weight in list_comparisons(vote):
        expected = 1 / (1 + 10 ** ((points[right] - points[left]) / POINTS_PER_DECADE))
        gained[left] += weight * (WON[winner] - expected)
        gained[right] -= weight * (WON[winner] - expected)
    return gained[first] - gained[challenger]
