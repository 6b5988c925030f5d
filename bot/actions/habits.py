"""What earlier runs of a server teach of later ones: how much its seats write, and how far estimates were off.

The level of a model comes from its own turns here. How far the cost of one run lies from what was expected is learnt
as well; where there is little of it, it is what recorded answers have shown (`PRIORS`, measured by `benchmarks.money`
on LLMFAO's 1,133 answers of 60 models to 19 prompts). Those answers are short, so their level is not taken over.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from math import exp, sqrt
from typing import Literal

from bot.domain.run import Effort, Seat

Length = Literal["long", "usual", "short"]  # of the answers that a question wants

MAX_KEPT = 500  # means that are kept of one server
MOST_TURNS = 50  # a mean forgets what is older
MOST_RUNS = 60.0
SIGMAS = 2.0  # by which nine in ten of the runs of `benchmarks.money` are held
MAX_LOG = 2.5  # what one run may teach: e to the power of this
UNFAMILIAR_LOG = 0.5  # standard deviation of the level of a seat of which nothing is known here

# Tokens of a turn where nothing is known: real panels write 2,000 to 6,000 characters.
USUAL_TOKENS = 800
USUAL_OBJECT_TOKENS = 250  # of a ballot, a check or scores
# Our guess until the seat has thought here: recordings show a few hundred to some thousands.
USUAL_THINKING_TOKENS: Mapping[Effort, int] = {"none": 0, "low": 500, "medium": 1_500, "high": 5_000}

# English words by which a question tells how long an answer it wants; chosen with those 19 prompts in view.
_LONG = re.compile(r"\b(?:write|explain|describe|summari[sz]e|compare|design|plan|code|function|json)\b", re.I)
_SHORT = re.compile(r"\b(?:how (?:many|much|old|far)|who|when|translate|extract|joke|yes or no|in one word)\b", re.I)
_THINKING = re.compile(r"\bstep by step\b", re.I)
_READ_CHARS = 2_000  # of a question, for such words


@dataclass(frozen=True, slots=True)
class Written:
    """What a seat writes in a stage on average, over `turns`: tokens of visible text, and of all its output."""

    turns: int
    text: float
    output: float

    def add(self, text: int, output: int) -> Written:
        """Return the average with one more turn."""
        turns = min(self.turns + 1, MOST_TURNS)
        return Written(turns, self.text + (text - self.text) / turns, self.output + (output - self.output) / turns)


@dataclass(frozen=True, slots=True)
class Spread:
    """How far the cost of runs lies from what was expected, as the logarithm of their ratio.

    `mean` of it, and `squares`: its squared deviations in units of the variance that was expected of each run, summed.
    `weight`: of how many runs; a prior counts for some as well. `question_variance`: what a question adds to the
    variance, since all answers to it are long or short together.
    """

    weight: float
    mean: float
    squares: float
    question_variance: float

    def add(self, log_ratio: float, concentration: float) -> Spread:
        """Return the spread with one more run; the oldest are forgotten beyond `MOST_RUNS`."""
        off = max(-MAX_LOG, min(MAX_LOG, log_ratio)) - self.mean
        weight = self.weight + 1
        squares = self.squares + off * off * self.weight / weight / self._variance(concentration)
        kept = min(1.0, MOST_RUNS / weight)
        return Spread(weight * kept, self.mean + off / weight, squares * kept, self.question_variance)

    def factors(self, concentration: float, further_variance: float = 0.0) -> tuple[float, float]:
        """Return the lowest and the highest ratio of cost to expectation that is likely.

        `concentration`: the sum of the squared shares that single answers have in the cost.
        """
        variance = self._variance(concentration) * self.squares / self.weight + further_variance
        return exp(self.mean - SIGMAS * sqrt(variance)), exp(self.mean + SIGMAS * sqrt(variance))

    def _variance(self, concentration: float) -> float:
        return self.question_variance + ANSWER_VARIANCE * concentration


PRIOR_WEIGHT = 16.0
ANSWER_VARIANCE = 0.6  # of the logarithm of one answer's length, for one model and one question


def make_prior(mean: float, question_deviation: float) -> Spread:
    """Return a spread that as many runs as `PRIOR_WEIGHT` would have shown."""
    return Spread(PRIOR_WEIGHT, mean, PRIOR_WEIGHT, question_deviation**2)


def wanted_length(question: str) -> Length:
    """Return how long an answer a question wants, as far as its words tell."""
    read = question[:_READ_CHARS]
    if _LONG.search(read):
        return "long"
    return "short" if _SHORT.search(read) and not _THINKING.search(read) else "usual"


PRIORS: Mapping[Length, Spread] = {
    "long": make_prior(0.25, 0.16),
    "usual": make_prior(-0.38, 0.41),
    "short": make_prior(-0.74, 0.52),
}


class Habits:
    """What is learnt of one server; bounded."""

    def __init__(self, priors: Mapping[Length, Spread] = PRIORS) -> None:
        self._priors = priors
        self._written: dict[str, Written] = {}
        self._spreads: dict[tuple[str, Length], Spread] = {}

    def knows(self, seat: Seat, stage: str) -> bool:
        """Return whether a seat's model has spoken in that stage."""
        return _seat_key(seat, stage) in self._written

    def expect(self, seat: Seat, stage: str, thinks: Effort, *, is_object: bool) -> Written:
        """Return what a seat is expected to write; a model's first turns count beside what others write there."""
        others = self._written.get(_stage_key(stage))
        text = others.text if others else USUAL_OBJECT_TOKENS if is_object else USUAL_TOKENS
        output = text + USUAL_THINKING_TOKENS[thinks]
        own = self._written.get(_seat_key(seat, stage))
        if own is None:
            return Written(0, text, output)
        return Written(
            own.turns,
            (own.turns * own.text + text) / (own.turns + 1),
            (own.turns * own.output + output) / (own.turns + 1),
        )

    def spread(self, format: str, length: Length) -> Spread:
        return self._spreads.get((format, length), self._priors[length])

    def add_turn(self, seat: Seat, stage: str, text: int, output: int) -> None:
        """Learn what a seat has written: tokens of visible text, and of all its output."""
        for key in (_seat_key(seat, stage), _stage_key(stage)):
            if key in self._written or len(self._written) < MAX_KEPT:
                self._written[key] = self._written.get(key, Written(0, 0.0, 0.0)).add(text, output)

    def add_run(self, format: str, length: Length, log_ratio: float, concentration: float) -> None:
        """Learn how far the cost of a run was from what was expected."""
        self._spreads[format, length] = self.spread(format, length).add(log_ratio, concentration)


def _stage_key(stage: str) -> str:
    return f"/{stage}"


def _seat_key(seat: Seat, stage: str) -> str:
    return f"{seat.model}/{seat.effort or ''}/{stage}"
