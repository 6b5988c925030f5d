"""A Lagrangian lower bound of the mean wait: no policy is better, not even one that knows the future.

Relax the one thing that ties lanes together, the budget, and charge λ(t) ≥ 0 for a request at time t instead. Let X be
all schedules that keep to the budget, n(t) the requests of one, W(x) the total wait of its characters. For any λ ≥ 0

    min over X of W  ≥  Σ over lanes of min (waits + Σ λ(t) of the lane's requests)  −  max over X of Σ λ(t) n(t)

because the sum over lanes may choose freely what X restricts (weak duality). The first minimum is a shortest path over
a lane's sending times, the last maximum a dynamic programme over windows; both are exact on the grid, and the grid only
ever helps: a request in a cell of STEP_S shows all that is written until the cell's end, as if it had been sent at its
beginning, a window covers every cell it touches, and the next may begin in the cell in which it ends. One request in
flight a lane, the ceiling over all budgets and the unknown arrival times are dropped. λ is then improved by cutting
planes; each step is a valid bound, and the best one counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray
from scipy.optimize import linprog
from scipy.sparse import csr_matrix

from benchmarks.live.scenes import Answer, Run, Scene, split_answer

STEP_S = 0.1
BLOCK = 5  # cells that share a price
GAP = 0.01  # the search ends when it is this close to the best that prices can prove
DEAREST = 2e3  # character-seconds: no price is searched above it
TAIL_S = 20.0  # an end is shown at most so much later; from then on its request costs nothing

Row = tuple[dict[int, float], float]  # coefficients by column, and what their sum may be at most
Floats = NDArray[np.float64]


class Path(NamedTuple):
    """One lane's sending times, and the wait of its characters (character-seconds) with them."""

    waits: float
    cells: NDArray[np.int64]


@dataclass(frozen=True)
class _Lanes:
    """All answers of one budget, longest first, on the grid: row a, column k cells after the answer's first cell."""

    first: NDArray[np.int64]
    cells: NDArray[np.int64]
    written: Floats  # code points written by the end of the cell, in all
    moments: Floats  # the sum of their times
    within: Floats  # Σ (time − the cell's beginning) over the cell's own code points


def find_lower_bound(scene: Scene, runs: list[Run], steps: int = 14) -> float:
    """Return a mean wait of a character, in seconds, that no schedule within the scene's budgets beats."""
    total = chars = 0.0
    for budget in range(scene.budgets):
        answers = [a for run in runs for a in run.answers if scene.shared or run.thread == budget]
        total += _find_least_wait(scene, answers, steps)
        chars += sum(a.chars for a in answers)
    return float(total / chars)


def _find_least_wait(scene: Scene, answers: list[Answer], steps: int) -> float:
    lanes = _put_on_grid(answers)
    blocks = int(max(lanes.first + lanes.cells)) // BLOCK + 2
    master = Master(scene, len(answers), blocks)
    centre = _estimate_prices(scene, answers, blocks) * 0.3
    best, prices = 0.0, centre
    for _ in range(steps):
        price = np.repeat(prices, BLOCK)
        paths = _find_shortest_paths(scene, lanes, price)
        value = sum(path.waits + price[path.cells].sum() for path in paths) - _sell_windows(scene, price)
        if value > best:
            best, centre = value, prices
        proposed, at_most = master.improve(paths)
        if at_most - best < GAP * best:
            break
        prices = (centre + proposed) / 2  # cutting planes alone would jump to and fro
    return best


def _estimate_prices(scene: Scene, answers: list[Answer], blocks: int) -> Floats:
    """Return the prices at which the search begins.

    They are the scheduler's own price of a slot, (Σ√(v/2) ÷ requests a second)², smoothed.
    """
    appetite = np.zeros(blocks)
    for a in answers:
        first, last = int(a.start / STEP_S / BLOCK), int(a.end / STEP_S / BLOCK)
        appetite[first : last + 1] += (a.chars / (a.end - a.start) / 2) ** 0.5
    width = max(1, int(scene.per_s / STEP_S / BLOCK))
    price: Floats = np.convolve((appetite * scene.per_s / scene.limit) ** 2, np.ones(width) / width, "same") + 1.0
    return price


def _put_on_grid(answers: list[Answer]) -> _Lanes:
    answers = sorted(answers, key=lambda a: int(a.start / STEP_S) - int(a.end / STEP_S))
    first = np.array([int(a.start / STEP_S) for a in answers])
    cells = np.array([int(a.end / STEP_S) - int(a.start / STEP_S) + 1 for a in answers])
    shape = (len(answers), int(cells.max()))
    chars, moments, within = np.zeros(shape), np.zeros(shape), np.zeros(shape)
    for row, answer in enumerate(answers):
        for at, count, _ in split_answer(answer):
            cell = min(int(at / STEP_S), int(answer.end / STEP_S)) - first[row]
            chars[row, cell] += count
            moments[row, cell] += count * at
            within[row, cell] += count * (at - (cell + first[row]) * STEP_S)
    return _Lanes(first, cells, chars.cumsum(1), moments.cumsum(1), within)


def _find_shortest_paths(scene: Scene, lanes: _Lanes, price: Floats) -> list[Path]:
    """Return each lane's path of least waits and prices.

    `best[a, k]`: the least cost of lane a when a request in its cell k has shown everything up to there. The cost of
    going on from j to k is x·(N_k − N_j) − (M_k − M_j) + within_k with x the moment at which cell k's request shows.
    """
    rows, width = lanes.written.shape
    best, came = np.empty((rows, width)), np.empty((rows, width), np.int64)
    shows = (lanes.first[:, None] + np.arange(width)) * STEP_S + scene.round_trip_s
    for k in range(width):
        a = int(np.searchsorted(-lanes.cells, -k, side="left"))  # lanes that still speak in cell k
        x, n, m = shows[:a, k], lanes.written[:a, k], lanes.moments[:a, k]
        least, at = x * n - m, np.full(a, -1)
        if k:
            before = best[:a, :k] + lanes.moments[:a, :k] - x[:, None] * lanes.written[:a, :k]
            j = before.argmin(1)
            value = before[np.arange(a), j] + x * n - m
            at = np.where(value < least, j, at)
            least = np.minimum(value, least)
        best[:a, k] = least + lanes.within[:a, k] + price[lanes.first[:a] + k]
        came[:a, k] = at
    return _add_ends(scene, lanes, price, best, came)


def _add_ends(scene: Scene, lanes: _Lanes, price: Floats, best: Floats, came: NDArray[np.int64]) -> list[Path]:
    """Add each lane's last request: in the cell in which it ends, or up to `TAIL_S` later where that pays."""
    later = np.arange(1, int(TAIL_S / STEP_S) + 1)
    padded = np.concatenate([price, np.zeros(len(later))])  # after the last answer requests cost nothing
    paths = []
    for a, (first, count) in enumerate(zip(lanes.first, lanes.cells, strict=True)):
        end = first + count - 1
        cells, j, total = [], int(count - 1), float(best[a, count - 1])
        written = np.concatenate([[0.0], lanes.written[a, :count]])
        moments = np.concatenate([[0.0], lanes.moments[a, :count]])
        left, waited = written[-1] - written[:-1], moments[-1] - moments[:-1]
        base = np.concatenate([[0.0], best[a, : count - 1]]) - waited
        fee = padded[end + later]
        fee[-1] = 0.0  # showing it even later costs no less
        value = base[:, None] + left[:, None] * ((end + later) * STEP_S + scene.round_trip_s) + fee
        if value.min() < total:
            row, k = divmod(int(value.argmin()), len(later))
            j, total = row - 1, float(value.min())
            if k < len(later) - 1 and end + 1 + k < len(price):
                cells.append(end + 1 + k)
        while j >= 0:
            cells.append(first + j)
            j = int(came[a, j])
        at = np.array(cells, np.int64)
        paths.append(Path(total - float(price[at].sum()), at))
    return paths


class Master:
    """Proposes prices: the dual with each lane's minimum replaced by the paths met so far (Kelley's cutting planes).

    Maximise Σ θ_a − I_0 over prices p ≥ 0 with θ_a ≤ waits + Σ p of each known path of lane a. I is the budget's
    income: I_k ≥ I_{k+1} and I_k ≥ limit · m_k + I_{k+length}, m_k the highest price of the window that begins in
    block k.
    """

    def __init__(self, scene: Scene, lanes: int, blocks: int) -> None:
        self._lanes = lanes
        self._blocks = blocks
        self._rows: list[Row] = []
        self._width = blocks + lanes
        self._income = self._add_windows(scene)

    def improve(self, paths: list[Path]) -> tuple[Floats, float]:
        """Return the best prices if no lane had other paths than those known so far, and the value they would have."""
        for a, path in enumerate(paths):
            blocks, counts = np.unique(path.cells // BLOCK, return_counts=True)
            row = {int(b): -float(c) for b, c in zip(blocks, counts, strict=True)}
            self._rows.append(({**row, self._blocks + a: 1.0}, path.waits))
        cost = np.zeros(self._width)
        cost[self._blocks : self._blocks + self._lanes] = -1.0
        cost[self._income] += 1.0
        entries = [(r, c, v) for r, (row, _) in enumerate(self._rows) for c, v in row.items()]
        rows, columns, values = zip(*entries, strict=True)
        matrix = csr_matrix((values, (rows, columns)), (len(self._rows), self._width))
        bounds = [(0.0, DEAREST)] * self._blocks + [(0.0, None)] * (self._width - self._blocks)
        found = linprog(cost, matrix, [limit for _, limit in self._rows], bounds=bounds, method="highs")
        return found.x[: self._blocks], -float(found.fun)

    def _add_windows(self, scene: Scene) -> int:
        """Return the column of the income from the first block on."""
        length = max(1, int(scene.per_s / STEP_S / BLOCK))
        income = self._add_columns(self._blocks + length + 1)
        highest = self._add_highest(length + 1)
        for k in range(self._blocks):
            self._rows.append(({income + k + 1: 1.0, income + k: -1.0}, 0.0))
            row = {highest + k: float(scene.limit), income + k + length: 1.0, income + k: -1.0}
            self._rows.append((row, 0.0))
        return income

    def _add_highest(self, width: int) -> int:
        """Add columns that are at least the highest of `width` prices from each block on, by doubling."""
        known, reach = 0, 1
        while reach < width:
            step = min(reach, width - reach)
            column = self._add_columns(self._blocks)
            for k in range(self._blocks):
                self._rows.append(({known + k: 1.0, column + k: -1.0}, 0.0))
                if k + step < self._blocks:
                    self._rows.append(({known + k + step: 1.0, column + k: -1.0}, 0.0))
            known, reach = column, reach + step
        return known

    def _add_columns(self, columns: int) -> int:
        self._width += columns
        return self._width - columns


def _sell_windows(scene: Scene, price: Floats) -> float:
    """Return the most that can be charged for all requests that the budget allows.

    `limit` requests a window are sold, each at the window's highest price; windows begin `per_s` apart or more.
    """
    length, cells = int(scene.per_s / STEP_S + 1e-9), len(price)
    padded = np.concatenate([price, np.zeros(length)])
    worth = scene.limit * sliding_window_view(padded, length + 1).max(1)
    income = np.zeros(cells + length)
    for k in range(cells - 1, -1, -1):
        income[k] = max(income[k + 1], worth[k] + income[k + length])
    return float(income[0])
