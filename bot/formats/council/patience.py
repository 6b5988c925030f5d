"""How long it pays to wait for what is still out: the worth of one more answer against the wait that it costs.

The wait ends when the next answer is expected to take longer than the council takes for each answer that it has. That
is the marginal value theorem: whoever gathers at one place moves on once the yield there falls to the average of the
whole trip, way included (E. L. Charnov, "Optimal foraging, the marginal value theorem", Theoretical Population Biology
9, 1976). So no exchange rate of seconds into answers has to be set, and councils that think for minutes wait minutes.

When an answer will come is taken from how long the seat has taken lately, or else from recorded answers, stretched as
those that are in were slower or faster than usual. Seconds throughout.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from functools import lru_cache
from math import prod
from statistics import median
from typing import NamedTuple

from bot.domain.run import Seat

# Twentieths, from the middle of each, of the 1,133 answers of 60 models that LLMFAO recorded (CC BY 4.0).
RECORDED_S = (
    *(0.4, 0.7, 1.1, 1.5, 1.8, 2.2, 2.8, 3.3, 3.8, 4.5),
    *(5.5, 6.6, 7.1, 8.1, 9.6, 11.1, 12.6, 13.6, 17.4, 24.8),
)
# How many times as long a seat is taken to need that thinks so hard. Nothing is recorded of these: they hold until a
# seat's own times are known.
STRETCHED_BY = {"none": 1.0, "low": 2.0, "medium": 5.0, "high": 10.0}
MOST_STRETCH = 8.0  # of what is usual, in either direction: two or three answers tell no more
KEPT = 256


class Outstanding(NamedTuple):
    """One that is still out: how long it usually takes, in any order, and how long it has taken so far."""

    usual_s: tuple[float, ...]
    elapsed_s: float


def usual_times(seat: Seat, *, thinks: bool = False) -> tuple[float, ...]:
    """Return how long a seat usually takes: its own latest times, or the recorded ones by how hard it thinks.

    `thinks`: it is seen to now.
    """
    if seat.usual_s:
        return seat.usual_s
    effort = seat.effort or ("medium" if thinks or seat.thinks else "none")
    return tuple(STRETCHED_BY[effort] * second for second in RECORDED_S)


def find_stretch(taken: Iterable[tuple[float, Sequence[float]]]) -> float:
    """Return how many times as long as usual things take here, by what has come in: its time, and its usual times."""
    ratios = [seconds / median(usual) for seconds, usual in taken]
    return min(MOST_STRETCH, max(1 / MOST_STRETCH, median(ratios))) if ratios else 1.0


@lru_cache(KEPT)
def find_patience(out: tuple[Outstanding, ...], worth_s: float) -> float:
    """Return for how many seconds from now waiting pays; 0.0: for none.

    Waiting until a moment brings `worth_s` for each that is expected by then, and costs the seconds until then or until
    all are in. Of all moments the best is taken: as long as nothing comes in, it stays the best. One that has taken
    longer than it ever did is not expected any more.
    """
    left = [sorted(s - one.elapsed_s for s in one.usual_s if s > one.elapsed_s) for one in out]
    expected = [times for times in left if times]
    best, until, cost, before = 0.0, 0.0, 0.0, 0.0
    for moment in sorted({second for times in expected for second in times}):
        all_in = prod(_share(times, before) for times in left)
        cost += (moment - before) * (1 - all_in)
        gain = worth_s * sum(_share(times, moment) for times in expected)
        if gain - cost > best:
            best, until = gain - cost, moment
        before = moment
    return until


def value_one_more(spent_s: float, to_come_s: float, count: int) -> float:
    """Return the seconds that one more is worth: what each of `count` costs, with what follows once the wait ends."""
    return (spent_s + to_come_s) / count


def usual_turn(taken_s: Iterable[float]) -> float:
    """Return the seconds of a turn in this run, by those that have ended; 0.0 where none has."""
    times = list(taken_s)
    return median(times) if times else 0.0


def _share(times: Sequence[float], moment: float) -> float:
    """Return the share of sorted times that are over by a moment; 0.0 where none is expected at all."""
    return bisect_right(times, moment) / len(times) if times else 0.0
