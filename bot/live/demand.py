"""The demand on a budget: what open lanes will ask of it, and what their runs still hold."""

from __future__ import annotations

import math
from bisect import insort
from collections import deque
from collections.abc import Hashable
from dataclasses import dataclass, field
from statistics import fmean
from typing import NamedTuple

MEMORY_S = 60.0  # what has been usual: a running mean over about so long
FAINT = 0.001  # what has been usual is forgotten below this, so that a process does not remember all its threads
GAP_S = 1.5  # from the last end of a stage to the first word of the next
LEAST_STAGES = 0.3  # a run may be followed by another one: without this a lone one would empty a window that slides


class Lengths:
    """The lengths of answers, learnt from the last `KEEP` of them, leaning on a few usual ones."""

    KEEP = 200
    USUAL_S = (1.0, 2.0, 4.0, 6.0, 10.0, 20.0)

    def __init__(self) -> None:
        self._order = deque(self.USUAL_S, self.KEEP)
        self._sorted = list(self.USUAL_S)
        self.mean_s = fmean(self._sorted)

    def learn(self, lived_s: float) -> None:
        if len(self._order) == self.KEEP:
            self._sorted.remove(self._order[0])
        self._order.append(lived_s)
        insort(self._sorted, lived_s)
        self.mean_s = fmean(self._sorted)

    def quantile(self, share: float) -> float:
        """Return the length that this share of answers does not exceed (seconds)."""
        return self._sorted[min(int(share * len(self._sorted)), len(self._sorted) - 1)]


class Ahead(NamedTuple):
    """What the plan of a run still holds: the stages after this one, and the seats of each."""

    run: Hashable
    stages: float
    seats: int

    def count_turns(self, span_s: float, age_s: float, lengths: Lengths) -> float:
        """Return how many of its turns will begin and end within `span_s`. `age_s`: of the youngest open lane."""
        longest_s = lengths.quantile(self.seats / (self.seats + 1)) + GAP_S
        rest_s = max(0.0, span_s - max(min(span_s, lengths.mean_s), longest_s - age_s))
        return self.seats * min(max(self.stages, LEAST_STAGES), rest_s / longest_s)


@dataclass(slots=True)
class Demand:
    """The demand of open lanes on one budget: their Σ√(v/2), and how many of them speak.

    `ahead`: the runs that say what they still hold, with the age of the youngest lane of each.
    """

    appetite: float = 0.0
    speaking: int = 0
    open: set[object] = field(default_factory=set)
    ahead: dict[Ahead, float] = field(default_factory=dict)

    def turns(self, span_s: float, lengths: Lengths) -> float:
        """Return how many turns that its runs still hold will begin and end within `span_s`."""
        return sum(ahead.count_turns(span_s, age_s, lengths) for ahead, age_s in self.ahead.items())


NOBODY = Demand()


@dataclass(slots=True)
class Usual:
    """The running means of a budget's appetite, of its ends a second, and of the appetite of one lane that speaks."""

    appetite: float = 0.0
    ends_per_s: float = 0.0
    lane_appetite: float = 0.0

    def learn(self, appetite: float, speaking: int, ends: int, span_s: float) -> None:
        share = -math.expm1(-span_s / MEMORY_S)
        if speaking:
            step = share if self.lane_appetite else 1.0
            self.lane_appetite += step * (appetite / speaking - self.lane_appetite)
        self.appetite += share * (appetite - self.appetite)
        self.ends_per_s += ends / MEMORY_S - share * self.ends_per_s

    @property
    def is_faint(self) -> bool:
        return max(self.appetite, self.ends_per_s) < FAINT


def price(wanted: float, free: float) -> float:
    """Return the value (character-seconds) at which lanes use up `free` requests.

    `wanted` is ∫ Σ√(v/2) dt until then.
    """
    return (wanted / free) ** 2 if free > 0 else math.inf
