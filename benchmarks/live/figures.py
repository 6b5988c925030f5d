"""What people feel of a replay: how long characters, first words and ends wait, and how long a speaking lane rests."""

from __future__ import annotations

import asyncio
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bot.domain.run import LaneId
from tests.support.surfaces import Platform

LINE_CHARS = 60  # first words are a line or more, or all there is
SOON_S = 2.0

Log = dict[LaneId, list[tuple[float, int]]]  # by lane: at this time (seconds), so many code points in all
Floats = NDArray[np.float64]


class Watch:
    """A log by lane: how much was written, and seen, at what time."""

    def __init__(self) -> None:
        self.written: Log = {}
        self.seen: Log = {}

    def record_written(self, lane: LaneId, chars: int) -> None:
        log = self.written.setdefault(lane, [])
        log.append((asyncio.get_running_loop().time(), chars + (log[-1][1] if log else 0)))

    def record_seen(self, lane: LaneId, chars: int) -> None:
        """Record that `chars` code points of the lane are visible from now on."""
        self.seen.setdefault(lane, []).append((asyncio.get_running_loop().time(), chars))


class Figures(NamedTuple):
    """Waits in seconds, shares of characters, and counts of requests.

    `soon_share`: of characters that are visible within `SOON_S`. `silence_p95_s`: between two showings of a lane that
    speaks. `first_…`: from a seat's first character until a line of it, or all of it, is visible. `word_max_s`: the
    longest that less than a line stood alone. `end_…`: from a seat's last character until it is visible.
    """

    mean_wait_s: float
    p95_wait_s: float
    soon_share: float
    silence_p95_s: float
    first_median_s: float
    first_p99_s: float
    first_max_s: float
    word_max_s: float
    end_median_s: float
    end_p95_s: float
    requests: int
    refused: int

    def __str__(self) -> str:
        return " ".join(
            f"{name.removesuffix('_s')} {value:.3g}" for name, value in zip(self._fields, self, strict=True)
        )


def compute_figures(watch: Watch, platform: Platform) -> Figures:
    waits, weights = [], []
    firsts, words, rests, ends = [], [0.0], [0.0], []
    for lane, written in watch.written.items():
        at, upto = np.array(written).T
        seen_at, seen = np.array(watch.seen[lane]).T
        seen = np.maximum.accumulate(seen)
        waits.append(seen_at[np.searchsorted(seen, upto)] - at)  # an IndexError here: it was never shown to its end
        weights.append(np.diff(upto, prepend=0))
        line = min(LINE_CHARS, upto[-1])
        firsts.append(seen_at[np.searchsorted(seen, line)] - at[0])
        words.append(seen_at[np.searchsorted(seen, line)] - seen_at[np.searchsorted(seen, 1)])
        ends.append(waits[-1][-1])
        shown = seen_at[np.flatnonzero(np.diff(seen, prepend=0))]
        rests += list(np.diff(shown[: np.searchsorted(shown, at[-1]) + 1]))
    wait, weight = np.concatenate(waits), np.concatenate(weights)
    order = np.argsort(wait)
    ranks = np.cumsum(weight[order]) / weight.sum()
    statuses = [status for _, _, _, status in platform.calls]
    return Figures(
        float(np.average(wait, weights=weight)),
        float(wait[order][np.searchsorted(ranks, 0.95)]),
        float(weight[wait <= SOON_S].sum() / weight.sum()),
        float(np.quantile(rests, 0.95)),
        float(np.median(firsts)),
        float(np.quantile(firsts, 0.99)),
        float(np.max(firsts)),
        float(np.max(words)),
        float(np.median(ends)),
        float(np.quantile(ends, 0.95)),
        len(statuses),
        statuses.count(429),
    )


def average(figures: list[Figures]) -> Figures:
    """Return the mean of the figures of several seeds; the longest of their longest, and all that was refused."""
    means = Figures._make(float(np.mean(values)) for values in zip(*figures, strict=True))
    return means._replace(
        first_max_s=max(f.first_max_s for f in figures),
        word_max_s=max(f.word_max_s for f in figures),
        requests=round(means.requests),
        refused=sum(f.refused for f in figures),
    )


def find_standard_error(values: list[float]) -> float:
    return float(np.std(values, ddof=1) / len(values) ** 0.5) if len(values) > 1 else 0.0
