"""Bradley-Terry ratings of models from people's votes, with intervals.

A vote for one of n answers prefers it to each of the others: n - 1 comparisons of weight 1 / (n - 1), so that a vote is
one vote however many answers there were. A tie is one between every two of them, and so is "none of them".

The fit is evalica's, on distinct comparisons with weights. It has no prior, and without one a model that never lost has
no finite rating; so each model has one tie with a phantom player. Intervals are percentiles of a bootstrap that draws
votes anew: how often each distinct vote is drawn is multinomial, so a resample costs one fit, however many votes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, NamedTuple

import evalica
import numpy as np
from scipy.sparse import csr_array

from bot.ratings.comparisons import MIN_VOTES, Vote

RESAMPLES = 1_000
TAILS = (0.025, 0.975)  # of a 95 % interval
MEAN_RATING = 1_000.0
POINTS_PER_DECADE = 400.0  # as Elo has it: who is 400 points ahead wins ten of eleven
PHANTOM = ""  # no model's key
TOLERANCE = 1e-11  # of a step of the fit, in scores
MAX_ITERATIONS = 1_000

Winner = Literal["left", "right", "tie"]
WINNERS = {"left": evalica.Winner.X, "right": evalica.Winner.Y, "tie": evalica.Winner.Draw}

Fit = Callable[[Sequence[float]], dict[str, float]]  # weights of comparisons → the score of each player
Refit = Callable[[Sequence[int]], dict[str, float]]  # how often each vote was cast → the points of each model


class Comparison(NamedTuple):
    """Two models and which was preferred; `left` is the one that comes first in the alphabet."""

    left: str
    right: str
    winner: Winner


Weights = Mapping[Comparison, float]  # of distinct comparisons


@dataclass(frozen=True, slots=True)
class Rating:
    """The place of a model.

    `points`: the mean of all models is 1,000; `low` and `high` are the ends of its 95 % interval. `votes`: how many it
    took part in. `win_rate`: the share of its comparisons that it won, a tie is half a win. `mean_rank`: of its answers
    among those shown together; 1 is best, and those that were not chosen share the ranks that are left.
    """

    model: str
    points: float
    low: float
    high: float
    votes: int
    win_rate: float
    mean_rank: float


def rate_models(
    votes: Sequence[Vote], *, seed: int = 0, resamples: int = RESAMPLES, min_votes: int = MIN_VOTES
) -> list[Rating]:
    """Return the ratings of all models that votes compare, best first; none below `min_votes` votes.

    Takes a fit of a few milliseconds for each resample.
    """
    if len(votes) < min_votes:
        return []
    points = to_points(fit_scores(add_phantom(weigh_comparisons(votes))))
    drawn = resample_points(votes, seed=seed, resamples=resamples)
    rates, ranks = find_win_rates(votes), find_mean_ranks(votes)
    counts = Counter(model for vote in votes for model in set(vote.models))
    ratings = []
    for model, at in points.items():
        low, high = np.quantile(drawn[model], TAILS).tolist()
        ratings.append(Rating(model, at, low, high, counts[model], rates[model], ranks[model]))
    return sorted(ratings, key=lambda rating: (-rating.points, rating.model))


def list_comparisons(vote: Vote) -> Iterator[tuple[Comparison, float]]:
    """Yield the comparisons that a vote makes, with the weight of each; a model against itself is none."""
    if vote.preferred is None:
        pairs = list(combinations(vote.models, 2))
    else:
        rest = vote.models[: vote.preferred] + vote.models[vote.preferred + 1 :]
        pairs = [(vote.models[vote.preferred], other) for other in rest]
    for first, other in pairs:
        if first != other:
            won: Winner = "tie" if vote.preferred is None else "left" if first < other else "right"
            yield Comparison(min(first, other), max(first, other), won), 1 / len(pairs)


def weigh_comparisons(votes: Iterable[Vote]) -> dict[Comparison, float]:
    """Return the distinct comparisons of votes, each with the sum of its weights."""
    weights: defaultdict[Comparison, float] = defaultdict(float)
    for vote, count in Counter(votes).items():
        for comparison, weight in list_comparisons(vote):
            weights[comparison] += count * weight
    return dict(weights)


def add_phantom(weights: Weights) -> dict[Comparison, float]:
    """Return the comparisons with the prior: one tie of each model with a phantom player."""
    return {**weights, **{Comparison(PHANTOM, model, "tie"): 1.0 for model in list_models(weights)}}


def list_models(comparisons: Iterable[Comparison]) -> list[str]:
    return sorted({model for made in comparisons for model in made[:2]} - {PHANTOM})


def fit_scores(weights: Weights) -> dict[str, float]:
    """Map each player to its Bradley-Terry score; the geometric mean of all is 1."""
    return prepare_fit(list(weights))(list(weights.values()))


def prepare_fit(comparisons: Sequence[Comparison]) -> Fit:
    """Return the fit of these comparisons, to be called with the weight of each."""
    lefts, rights, winners = zip(*comparisons, strict=True)
    codes = [WINNERS[winner] for winner in winners]
    *_, players = evalica.indexing(lefts, rights)

    def fit(weights: Sequence[float]) -> dict[str, float]:
        fitted = evalica.bradley_terry(
            lefts, rights, codes, index=players, weights=weights, tolerance=TOLERANCE, limit=MAX_ITERATIONS
        )
        return dict(zip(fitted.scores.index, fitted.scores.tolist(), strict=True))

    return fit


def resample_points(votes: Sequence[Vote], *, seed: int, resamples: int) -> dict[str, list[float]]:
    """Map each model to its points in so many bootstrap resamples of the votes."""
    distinct = Counter(Vote(vote.models, vote.preferred) for vote in votes)
    refit = prepare_refit(list(distinct))
    shares = np.array(list(distinct.values())) / len(votes)
    points: defaultdict[str, list[float]] = defaultdict(list)
    for counts in np.random.default_rng(seed).multinomial(len(votes), shares, size=resamples):
        for model, at in refit(counts).items():
            points[model].append(at)
    return points


def prepare_refit(distinct: Sequence[Vote]) -> Refit:
    """Return the fit of these votes with the prior, to be called with how often each was cast; it may be never."""
    rows = list(weigh_comparisons(distinct))
    made = _make_expansion(distinct, rows)
    augmented = list(add_phantom(dict.fromkeys(rows, 0.0)))
    fit, prior = prepare_fit(augmented), [1.0] * (len(augmented) - len(rows))
    return lambda counts: to_points(fit([*(np.asarray(counts) @ made).tolist(), *prior]))


def _make_expansion(votes: Sequence[Vote], rows: Sequence[Comparison]) -> csr_array:
    """Return the weight of each comparison (columns) in each vote (rows)."""
    column = {comparison: at for at, comparison in enumerate(rows)}
    entries = [(weight, row, column[c]) for row, vote in enumerate(votes) for c, weight in list_comparisons(vote)]
    weights, at_rows, at_columns = zip(*entries, strict=True)
    return csr_array((weights, (at_rows, at_columns)), shape=(len(votes), len(rows)))  # adds up what is given twice


def to_points(scores: Mapping[str, float]) -> dict[str, float]:
    """Return the scores of models as points, without the phantom player."""
    models = [model for model in scores if model != PHANTOM]
    points = POINTS_PER_DECADE * np.log10([scores[model] for model in models])
    return dict(zip(models, (points - points.mean() + MEAN_RATING).tolist(), strict=True))


def find_win_rates(votes: Iterable[Vote]) -> dict[str, float]:
    """Map each model to the share of its comparisons that it won, where a tie is half a win."""
    won: defaultdict[str, float] = defaultdict(float)
    made: defaultdict[str, float] = defaultdict(float)
    for (left, right, winner), weight in weigh_comparisons(votes).items():
        share = {"left": 1.0, "right": 0.0, "tie": 0.5}[winner]
        for model, part in ((left, share), (right, 1 - share)):
            won[model] += weight * part
            made[model] += weight
    return {model: won[model] / made[model] for model in made}


def find_mean_ranks(votes: Iterable[Vote]) -> dict[str, float]:
    """Map each model to the mean rank of its answers; those that tie share the mean of their ranks."""
    ranks: defaultdict[str, list[float]] = defaultdict(list)
    for vote in votes:
        count = len(vote.models)
        for place, model in enumerate(vote.models):
            tied = (count + 1) / 2 if vote.preferred is None else (count + 2) / 2
            ranks[model].append(1.0 if place == vote.preferred else tied)
    return {model: sum(of_model) / len(of_model) for model, of_model in ranks.items()}
