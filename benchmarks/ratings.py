"""Ratings from people's votes: their intervals' stability, and what a resample costs.

python -m benchmarks.ratings [--json] [--votes 100000] [--resamples 1000]

Votes are drawn from known strengths. The peer of a resample is one fit of evalica's own on the distinct comparisons.
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from functools import partial

import evalica
import numpy as np

from benchmarks import report
from benchmarks.report import Bar, Report, Scene
from bot.ratings.comparisons import Vote
from bot.ratings.ratings import (
    MAX_ITERATIONS,
    TAILS,
    TOLERANCE,
    WINNERS,
    Weights,
    add_phantom,
    fit_scores,
    resample_points,
    weigh_comparisons,
)

MODELS = 60
TIES = 0.3  # share of votes
SEEDS = 10
INTERVAL_VOTES = 9_000
PEER_FITS = 20
DIFFERENCE, MOVE, RATIO = 1e-9, 0.05, 20.0


def draw_votes(count: int, models: int) -> list[Vote]:
    """Return votes of people who prefer by strength: the best model is to the worst as 5 to 1."""
    rng = random.Random(5)
    strength = [5 ** (place / (models - 1)) for place in range(models)]
    votes = []
    for _ in range(count):
        a, b = rng.sample(range(models), 2)
        preferred = None if rng.random() < TIES else int(rng.random() * (strength[a] + strength[b]) > strength[a])
        votes.append(Vote((f"model-{a:02}", f"model-{b:02}"), preferred))
    return votes


def fit_peer(weights: Weights) -> dict[str, float]:
    lefts, rights, winners = zip(*weights, strict=True)
    codes = [WINNERS[winner] for winner in winners]
    fitted = evalica.bradley_terry(
        lefts, rights, codes, weights=list(weights.values()), tolerance=TOLERANCE, limit=MAX_ITERATIONS
    )
    return dict(fitted.scores)


def measure_difference(votes: list[Vote]) -> Bar:
    """Compare our scores from distinct comparisons with evalica's from every vote."""
    xs, ys = zip(*(vote.models for vote in votes), strict=True)
    codes = [WINNERS[("left", "right")[vote.preferred] if vote.preferred is not None else "tie"] for vote in votes]
    theirs = evalica.bradley_terry(xs, ys, codes, tolerance=TOLERANCE, limit=MAX_ITERATIONS).scores
    ours = fit_scores(weigh_comparisons(votes))
    furthest = max(abs(score - float(theirs[model])) for model, score in ours.items())
    return Bar("scores, ours and evalica's", furthest, DIFFERENCE, "of a score")


def measure_move(votes: list[Vote], resamples: int) -> tuple[Scene, Bar]:
    """Say how far the ends of intervals move from seed to seed, as shares of the interval's width."""
    ends = []
    for seed in range(SEEDS):
        drawn = resample_points(votes, seed=seed, resamples=resamples)
        ends.append([np.quantile(points, TAILS) for points in drawn.values()])
    found = np.array(ends)  # seeds × models × ends
    widths = (found[:, :, 1] - found[:, :, 0]).mean(axis=0)[:, None]
    spread = found.std(axis=0, ddof=1) / widths
    furthest = np.abs(found - found.mean(axis=0)).max(axis=0) / widths
    row: Scene = {"scene": "interval ends", "mean_sd": float(spread.mean()), "furthest_end": float(furthest.max())}
    return row, Bar("an interval's end over ten seeds, standard deviation", float(spread.max()), MOVE, "of its width")


def measure_resamples(votes: list[Vote], resamples: int) -> tuple[Scene, Bar]:
    """Compare what a resample of all votes takes with one fit of the distinct comparisons."""
    weights = add_phantom(weigh_comparisons(votes))
    peers = []
    for _ in range(PEER_FITS):
        began = time.perf_counter()
        fit_peer(weights)
        peers.append(time.perf_counter() - began)
    began = time.perf_counter()
    resample_points(votes, seed=0, resamples=resamples)
    ours = (time.perf_counter() - began) / resamples
    row: Scene = {"scene": "resamples", "votes": len(votes), "distinct": len(weights), "ms_each": ours * 1e3}
    return row, Bar("a resample over one fit", ours / statistics.median(peers), RATIO, "ratio")


def measure(votes: int, resamples: int) -> Report:
    many = draw_votes(votes, MODELS)
    move_row, move = measure_move(draw_votes(min(votes, INTERVAL_VOTES), MODELS // 6), resamples)
    cost_row, cost = measure_resamples(many, resamples)
    return Report([move_row, cost_row], [measure_difference(many), move, cost])


if __name__ == "__main__":
    parser = report.make_parser(__doc__)
    parser.add_argument("--votes", type=int, default=100_000, help="how many are drawn")
    parser.add_argument("--resamples", type=int, default=1_000, help="of the bootstrap")
    options = parser.parse_args()
    sys.exit(report.run_benchmark("ratings", partial(measure, options.votes, options.resamples), as_json=options.json))
