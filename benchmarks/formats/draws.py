"""Councils drawn from recorded answers: the time that each seat takes, and its ranking.

The recordings are LLMFAO's (CC BY 4.0). Ballots are drawn by Plackett and Luce's model: every answer has a strength,
every reviewer perceives it with a noise of its own. `spread` is the standard deviation of the strengths in units of
that noise: at 0 reviewers agree by chance alone.
"""

from __future__ import annotations

import json
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from statistics import fmean

from benchmarks.live.scenes import RESULTS
from bot.formats.council.patience import RECORDED_S

JUDGES = 3.4  # two reviewers agree on 85 % of the pairs, as a strong judge and people did in MT-Bench (Zheng 2023)
CROWD = 1.4  # on 70 %, as two people did in the Crowdsourced LLM Benchmark


@dataclass(frozen=True, slots=True)
class Draw:
    """Seconds that each seat's answer and review and the chair's synthesis take; each seat's ranking, best first."""

    answers_s: tuple[float, ...]
    reviews_s: tuple[float, ...]
    chair_s: float
    rankings: tuple[tuple[int, ...], ...]
    usual_s: tuple[tuple[float, ...], ...] = ()  # of each seat, as it is known before; none: nothing is

    @property
    def critical_path_s(self) -> float:
        """Return the seconds of a council whose every stage waits for the whole stage before it."""
        return max(self.answers_s) + max(self.reviews_s) + self.chair_s


def load_durations() -> list[list[float]]:
    """Return the seconds of the answers to each prompt.

    Without the recordings they are log-normal, with the same mean and deviation.
    """
    if not RESULTS.exists():
        dice = random.Random(0)
        return [[dice.lognormvariate(1.50, 1.06) for _ in range(60)] for _ in range(19)]
    prompts: dict[int, list[float]] = {}
    for line in RESULTS.read_text("utf-8").splitlines():
        row = json.loads(line)
        prompts.setdefault(row["prompt"], []).append(row["duration"] / 1000)
    return list(prompts.values())


def draw_councils(seats: int, count: int, *, seed: int = 1, spread: float = JUDGES) -> Iterator[Draw]:
    """Draw councils, each from the durations of one prompt; all its times are independent of each other."""
    dice = random.Random(seed)
    prompts = load_durations()
    for _ in range(count):
        times = dice.choice(prompts)
        answers, reviews = (tuple(dice.choice(times) for _ in range(seats)) for _ in range(2))
        yield Draw(answers, reviews, dice.choice(times), _draw_rankings(dice, seats, spread))


def make_slower(draw: Draw, seat: int, factor: float, *, known: bool = False) -> Draw:
    """Return the draw with one seat slower in all that it says; `known`: by its earlier answers."""
    answers, reviews = (
        tuple(factor * s if n == seat else s for n, s in enumerate(times)) for times in (draw.answers_s, draw.reviews_s)
    )
    usual = tuple(tuple((factor if n == seat else 1.0) * s for s in RECORDED_S) for n in range(len(answers)))
    return replace(draw, answers_s=answers, reviews_s=reviews, usual_s=usual if known else ())


def let_hang(draw: Draw, seat: int, seconds: float) -> Draw:
    """Return the draw with one seat that hangs in its answer, and says it so much later."""
    return replace(draw, answers_s=tuple(s + seconds * (n == seat) for n, s in enumerate(draw.answers_s)))


def leave_out(draw: Draw, seat: int) -> Draw:
    """Return the draw without one seat."""
    kept = [n for n in range(len(draw.answers_s)) if n != seat]
    new = {n: place for place, n in enumerate(kept)}
    return Draw(
        tuple(draw.answers_s[n] for n in kept),
        tuple(draw.reviews_s[n] for n in kept),
        draw.chair_s,
        tuple(tuple(new[other] for other in draw.rankings[n] if other != seat) for n in kept),
    )


def measure_agreement(spread: float) -> float:
    """Return the share of pairs on which two reviewers agree, over 2,000 councils of five."""
    found = []
    for draw in draw_councils(5, 2_000, spread=spread):
        places = [{seat: n for n, seat in enumerate(ranking)} for ranking in draw.rankings[:2]]
        found += [(places[0][x] < places[0][y]) == (places[1][x] < places[1][y]) for x, y in combinations(range(5), 2)]
    return fmean(found)


def _draw_rankings(dice: random.Random, seats: int, spread: float) -> tuple[tuple[int, ...], ...]:
    strength = [dice.gauss(0, spread) if spread < math.inf else float(n) for n in range(seats)]
    noise = 1.0 if spread < math.inf else 0.0
    perceived = [[s - noise * math.log(-math.log(dice.random())) for s in strength] for _ in range(seats)]
    return tuple(tuple(sorted(range(seats), key=lambda n: -p[n])) for p in perceived)
