"""Estimates of runs about prompts that were held out of the recordings, beside what those runs cost.

For each prompt, servers' histories are made of runs about all other prompts; then runs about that prompt are estimated.
The spread begins without what the product has been given of these recordings. One server's models say little: from one
draw to the next the share of ranges that hold moves by two in a hundred.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import log, sqrt
from statistics import fmean, median, variance

from benchmarks.money.recorded_runs import KINDS, Recordings, Server, draw_run, real_cost
from benchmarks.report import Bar, Scene
from bot.actions.estimates import Estimator
from bot.actions.habits import ANSWER_VARIANCE, Habits, Length, make_prior, wanted_length
from bot.domain.transcript import Transcript

HISTORY = 60  # runs of a server before the estimates
SERVERS = 3  # that are drawn for each prompt
MEASURED = 60  # runs of each, by which the spread is measured
LEAST_VARIANCE = 0.01


@dataclass(frozen=True, slots=True)
class Trial:
    """One estimate: of which format and how many seats, whether it holds the real cost, and high over low."""

    kind: tuple[str, int]
    contains: bool
    ratio: float


def run_trials(recorded: Recordings, *, prompts: int, each: int) -> Iterator[Trial]:
    """Hold each of the first `prompts` out; let each of some servers make `each` estimates for every kind of run."""
    estimator = Estimator(recorded.models())
    for held_out in sorted(recorded.answers)[:prompts]:
        dice = random.Random(held_out)
        others = [prompt for prompt in sorted(recorded.answers) if prompt != held_out]
        priors = {length: make_prior(*found) for length, found in measure_priors(recorded, others, dice).items()}
        for _ in range(SERVERS):
            habits, server = Habits(priors), Server.draw(recorded, dice)
            for n in range(HISTORY):
                t = draw_run(recorded, server, dice.choice(others), KINDS[n % len(KINDS)], dice)
                estimator.learn(t, habits)
            for kind in KINDS:
                for _ in range(each):
                    yield _try_estimate(estimator, draw_run(recorded, server, held_out, kind, dice), kind, habits)


def measure_priors(
    recorded: Recordings, prompts: Sequence[int], dice: random.Random
) -> dict[Length, tuple[float, float]]:
    """Return mean and deviation by question of the logarithm of cost over expectation, by the length that is wanted.

    What single answers add to the variance is left out.
    """
    logs: dict[Length, dict[int, list[tuple[float, float]]]] = {
        length: defaultdict(list) for length in ("long", "usual", "short")
    }
    for _ in range(SERVERS):
        estimator, habits, server = Estimator(recorded.models()), Habits(), Server.draw(recorded, dice)
        for n in range(MEASURED):
            prompt = dice.choice(prompts)
            t = draw_run(recorded, server, prompt, KINDS[n % len(KINDS)], dice)
            expected = estimator.expect(t.started, habits)
            if not expected.unfamiliar:
                found = (log(real_cost(t) / expected.usd), expected.concentration)
                logs[wanted_length(t.started.question)][prompt].append(found)
            estimator.learn(t, habits)
    return {length: _part_variance(by_prompt) for length, by_prompt in logs.items()}


def _part_variance(found: Mapping[int, Sequence[tuple[float, float]]]) -> tuple[float, float]:
    """Return the mean of the questions' means, and the deviation that a further question is expected to have.

    `found`: logarithm and concentration of each run, by question; at least two questions.
    """
    means = [fmean(ratio for ratio, _ in runs) for runs in found.values()]
    noise = fmean(ANSWER_VARIANCE * fmean(share for _, share in runs) / len(runs) for runs in found.values())
    between = max(variance(means) - noise, LEAST_VARIANCE)
    return fmean(means), sqrt(between * (1 + 1 / len(means)))


def _try_estimate(estimator: Estimator, t: Transcript, kind: tuple[str, int], habits: Habits) -> Trial:
    expected = estimator.estimate(t.started, habits)
    ratio = expected.high_usd / expected.low_usd
    return Trial(kind, expected.low_usd <= real_cost(t) <= expected.high_usd, ratio)


def list_scenes(trials: list[Trial]) -> Iterator[Scene]:
    for form, seats in KINDS:
        own = [trial for trial in trials if trial.kind == (form, seats)]
        yield {
            "scene": f"{form} of {seats}",
            "estimates": len(own),
            "contain_percent": round(100 * fmean(trial.contains for trial in own), 1),
            "high_to_low": round(median(trial.ratio for trial in own), 2),
        }


def make_bars(trials: list[Trial]) -> list[Bar]:
    contained = round(100 * fmean(trial.contains for trial in trials), 1)
    ratio = round(median(trial.ratio for trial in trials), 2)
    return [
        Bar("estimates that contain the real cost", contained, 90.0, "%", "at least"),
        Bar("high to low of an estimate, median", ratio, 4.0, "×"),
    ]


def list_spreads(recorded: Recordings) -> Iterator[Scene]:
    """Yield how far costs lie from what is expected, over all prompts: what `bot.actions.habits` begins with."""
    for length, (mean, deviation) in measure_priors(recorded, sorted(recorded.answers), random.Random(0)).items():
        yield {
            "scene": f"cost over expectation, {length} answers wanted",
            "log_mean": round(mean, 2),
            "log_deviation_by_question": round(deviation, 2),
        }
