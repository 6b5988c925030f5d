"""Bradley-Terry ratings with length taken out: how far an answer is preferred beyond what its length explains.

P(a beats b) = 1 / (1 + exp(-(s_a - s_b + g (ln chars_a - ln chars_b)))): the scores s of all models and the one weight
g of length are fitted together, as "Length-controlled AlpacaEval" does (https://arxiv.org/abs/2404.04475). evalica
takes no covariate, so this is Newton's method on the likelihood, which is concave. A tie is half a win of each. The
prior is that of `bot.ratings.ratings`, one tie of each model with a phantom player, and one more of two equal models of
which one wrote e times as much, so that g stays finite.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from bot.ratings.comparisons import MIN_VOTES, Vote
from bot.ratings.ratings import MEAN_RATING, POINTS_PER_DECADE

MAX_STEPS = 100
STEP = 1e-10  # of a score, below which the fit is done
_POINTS = POINTS_PER_DECADE / math.log(10)  # of a score of one

Floats = NDArray[np.float64]


class Unlike(NamedTuple):
    """Two models, by the alphabet, and the logarithm of how many times as much the first wrote."""

    first: str
    other: str
    longer: float


@dataclass(frozen=True, slots=True)
class LengthFree:
    """Points of models as if all wrote equally long, and how many an answer gains by being twice as long."""

    points: Mapping[str, float]
    per_doubling: float
    votes: int


def rate_without_length(votes: Sequence[Vote], *, min_votes: int = MIN_VOTES) -> LengthFree | None:
    """Rate models by the votes between answers whose lengths are known; None where those are too few."""
    told = [vote for vote in votes if vote.chars and min(vote.chars) > 0]
    if len(told) < max(1, min_votes):
        return None
    wins = _weigh(told)
    models = sorted({model for pair in wins for model in pair[:2]})
    fitted = _fit(_make_design(models, list(wins)), np.array([*wins.values(), *_prior(models)]))
    scores, weight = fitted[:-1], float(fitted[-1])
    points = _POINTS * (scores - scores.mean()) + MEAN_RATING
    return LengthFree(dict(zip(models, points.tolist(), strict=True)), _POINTS * weight * math.log(2), len(told))


def _weigh(votes: Iterable[Vote]) -> dict[Unlike, tuple[float, float]]:
    """Return how often the first and how often the other won; a vote weighs one however many answers it is between."""
    wins: defaultdict[Unlike, list[float]] = defaultdict(lambda: [0.0, 0.0])
    for vote in votes:
        places = range(len(vote.models))
        pairs = [(x, y) for x in places for y in places if x < y and vote.preferred in (None, x, y)]
        for x, y in pairs:
            x, y = (x, y) if vote.models[x] <= vote.models[y] else (y, x)
            if vote.models[x] == vote.models[y]:
                continue
            pair = Unlike(vote.models[x], vote.models[y], math.log(vote.chars[x] / vote.chars[y]))
            share = 0.5 if vote.preferred is None else float(vote.preferred == x)
            wins[pair][0] += share / len(pairs)
            wins[pair][1] += (1 - share) / len(pairs)
    return {pair: (won, lost) for pair, (won, lost) in wins.items()}


def _prior(models: Sequence[str]) -> list[tuple[float, float]]:
    return [(0.5, 0.5)] * (len(models) + 1)


def _make_design(models: Sequence[str], pairs: Sequence[Unlike]) -> csr_array:
    """Return a row for each pair and then each tie of the prior; columns are the models and the weight of length."""
    place = {model: n for n, model in enumerate(models)}
    entries = [
        entry
        for row, pair in enumerate(pairs)
        for entry in ((1.0, row, place[pair.first]), (-1.0, row, place[pair.other]), (pair.longer, row, len(models)))
    ]
    entries += [(1.0, len(pairs) + n, n) for n in range(len(models) + 1)]
    values, rows, columns = zip(*entries, strict=True)
    return csr_array((values, (rows, columns)), shape=(len(pairs) + len(models) + 1, len(models) + 1))


def _fit(design: csr_array, wins: Floats) -> Floats:
    """Return the parameters of the highest likelihood. Each step is halved until it raises that."""
    total, at = wins.sum(axis=1), np.zeros(design.shape[1])
    for _ in range(MAX_STEPS):
        odds = design @ at
        chance = 1 / (1 + np.exp(-odds))
        slope = design.T @ (wins[:, 0] - total * chance)
        curve = (design.T @ design.multiply((total * chance * (1 - chance))[:, None])).toarray()
        step = np.linalg.solve(curve, slope)
        while _likelihood(design @ (at + step), wins) < _likelihood(odds, wins) and np.abs(step).max() > STEP:
            step /= 2
        at = at + step
        if np.abs(step).max() < STEP:
            break
    return at


def _likelihood(odds: Floats, wins: Floats) -> float:
    return float(-(wins[:, 0] * np.logaddexp(0, -odds) + wins[:, 1] * np.logaddexp(0, odds)).sum())
