"""Feasible schedules that know the whole future: annealed once, and their waits kept in a file.

`python -m benchmarks.live.clairvoyant` makes `clairvoyant.json` again, in a quarter of an hour. The bound (e) is a
relaxation that nobody can reach; these schedules keep to the budget, so somebody who knew every answer could follow
them. Each begins as what our own scheduler has sent, and single requests are then moved in time and between lanes,
whole windows in time. Those that are kept are played against the platform's limit, and their waits are counted exactly.

A schedule is windows of at most `limit` requests. A window that begins with its first request ends `per_s` later, and
the next may begin then. For a sliding window the requests stand in one row, and each keeps `per_s` from the one that is
`limit` places away.
"""

from __future__ import annotations

import json
import sys
import zlib
from bisect import bisect_left, insort
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from math import exp, inf
from pathlib import Path
from random import Random

from benchmarks.live.figures import Watch
from benchmarks.live.ours import open_ours
from benchmarks.live.replay import Policy, make_limits, name_budgets, name_lanes, replay_scene
from benchmarks.live.scenes import SCENES, Answer, Run, Scene, draw_runs, split_answer
from tests.support.surfaces import Platform

FILE = Path(__file__).with_name("clairvoyant.json")
SEEDS = range(1, 11)
MOVES = 400_000
HOT, COLD = 60.0, 0.3  # character-seconds that a move may lose at the start and at the end
NEAR_S = 3.0  # most moves are within so much
EDGE_S = 1e-6  # a window is open until just before its end
TAIL_S = 10.0  # after its end a lane may still be shown for the first time
NEVER = 1e9  # character-seconds: no move may leave an end unseen

Request = tuple[float, int]  # seconds, and the number of the answer


class Lane:
    """One answer, the times of its requests, and what its characters wait between two of them."""

    def __init__(self, answer: Answer) -> None:
        self.start, self.end = answer.start, answer.end + EDGE_S  # rounding may put its last character behind its end
        self.speed = answer.chars / (answer.end - answer.start)
        self.times: list[float] = []

    def wait_between(self, before: float, at: float) -> float:
        """Return the character-seconds that a request at `at` shows, the one before being at `before`."""
        first, last = max(before, self.start), min(at, self.end)
        if last <= first:
            return 0.0
        if at == inf:
            return NEVER
        return self.speed * (last - first) * (at - (first + last) / 2)

    def gain(self, at: float, slot: int) -> float:
        """Return what a request at `at`, at this place of `times`, saves."""
        before = self.times[slot - 1] if slot else -inf
        after = self.times[slot] if slot < len(self.times) else inf
        return self.wait_between(before, after) - self.wait_between(before, at) - self.wait_between(at, after)


class Schedule:
    """Requests in rows: windows that begin with their first one, or one row in order for a window that slides."""

    def __init__(self, scene: Scene, answers: Sequence[Answer], sent: Sequence[Request]) -> None:
        self.limit, self.per_s, self.slides = scene.limit, scene.per_s, scene.shape == "sliding"
        self.lanes = [Lane(answer) for answer in answers]
        self.rows: list[list[Request]] = [[]]
        for at, lane in [*sorted(sent), *_list_unseen(scene, answers, sent)]:
            if not self.slides and self.rows[-1] and at >= self.rows[-1][0][0] + self.per_s:
                self.rows.append([])
            self.rows[-1].append((at, lane))
        for row in [] if self.slides else self.rows:  # every window is full: what is not needed shows nothing
            row += [row[-1]] * (self.limit - len(row))
        for at, lane in self.requests:
            insort(self.lanes[lane].times, at)
        seconds = int(max(answer.end for answer in answers) + TAIL_S) + 1
        self._near = [
            [k for k, a in enumerate(answers) if a.start <= second + 1 and second <= a.end + TAIL_S]
            for second in range(seconds)
        ]

    @property
    def requests(self) -> list[Request]:
        return sorted(request for row in self.rows for request in row)

    def anneal(self, dice: Random, moves: int) -> None:
        heat, cooling = HOT, (COLD / HOT) ** (1 / moves)
        for _ in range(moves):
            heat *= cooling
            number = dice.randrange(len(self.rows))
            place = dice.randrange(len(self.rows[number]))
            at, lane = self.rows[number][place]
            if dice.random() < 0.6:
                least, most = self._find_room(number, place)
                at = min(max(least, at + dice.gauss(0.0, NEAR_S) * dice.random() ** 2), most)
            near = self._near[min(max(int(at), 0), len(self._near) - 1)]
            if near and dice.random() < 0.5:
                lane = dice.choice(near)
            self._try_move(dice, heat, self.rows[number], place, (at, lane))

    def _find_room(self, number: int, place: int) -> tuple[float, float]:
        """Return the times between which a request may stand while all others stand still."""
        row = self.rows[number]
        if self.slides:
            early, late = place - self.limit, place + self.limit
            least = max(row[place - 1][0] if place else 0.0, row[early][0] + self.per_s if early >= 0 else 0.0)
            most = row[place + 1][0] if place + 1 < len(row) else inf
            return least, min(most, row[late][0] - self.per_s if late < len(row) else inf)
        if place:
            return row[0][0], row[0][0] + self.per_s - EDGE_S
        others = [at for at, _ in row[1:]]
        least = self.rows[number - 1][0][0] + self.per_s if number else 0.0
        most = self.rows[number + 1][0][0] - self.per_s if number + 1 < len(self.rows) else inf
        return max(least, max(others) - self.per_s + EDGE_S), min(most, *others)

    def _try_move(self, dice: Random, heat: float, row: list[Request], place: int, to: Request) -> None:
        """Move a request, unless that costs more than the heat of the moment lets happen."""
        at, of = row[place]
        lane, other = self.lanes[of], self.lanes[to[1]]
        slot = bisect_left(lane.times, at)
        del lane.times[slot]
        lost = lane.gain(at, slot)
        new = bisect_left(other.times, to[0])
        lost -= other.gain(to[0], new)
        if lost <= 0 or dice.random() < exp(-lost / heat):
            other.times.insert(new, to[0])
            row[place] = to
        else:
            lane.times.insert(slot, at)


def _list_unseen(scene: Scene, answers: Sequence[Answer], sent: Sequence[Request]) -> list[Request]:
    """Return a request, after all that was sent, for each answer that went out whole in a post that costs nothing."""
    last = {lane: at for at, lane in sorted(sent)}
    unseen = [lane for lane, answer in enumerate(answers) if last.get(lane, 0.0) <= answer.end]
    after = max(last.values()) + scene.per_s
    return [(after + n * scene.per_s, lane) for n, lane in enumerate(unseen)]


def find_feasible_wait(scene: Scene, runs: Sequence[Run], moves: int = MOVES) -> float:
    """Return the mean wait of a character, in seconds, of the best schedule that was found."""
    answers = [answer for run in runs for answer in run.answers]
    schedule = Schedule(scene, answers, _list_sent(scene, runs))
    schedule.anneal(Random(1), moves)
    limit = make_limits(scene)[name_budgets(scene, 0).edits[0]]
    if any(limit.admit(at) for at, _ in schedule.requests):
        raise AssertionError("a schedule does not keep to the budget")
    waits = [
        _count_wait(answer, lane.times, scene.round_trip_s)
        for answer, lane in zip(answers, schedule.lanes, strict=True)
    ]
    return sum(waits) / sum(answer.chars for answer in answers)


def _list_sent(scene: Scene, runs: Sequence[Run]) -> list[Request]:
    """Return the requests of our own scheduler that the scene's budget counts."""
    numbers = {lane: n for n, lane in enumerate(lane for run in runs for lane in name_lanes(run))}
    sent: list[Request] = []

    @asynccontextmanager
    async def record_sent(scene: Scene, platform: Platform, watch: Watch) -> AsyncIterator[Policy]:
        async with open_ours(scene, platform, watch) as policy:
            yield policy
        counted = ("post", "edit") if scene.posts == "same" else ("edit",)
        sent.extend((at, numbers[lane]) for at, method, lane, _ in platform.calls if method in counted)

    replay_scene(scene, list(runs), record_sent)
    return sent


def _count_wait(answer: Answer, times: Sequence[float], round_trip_s: float) -> float:
    """Return the character-seconds that an answer waits, delta by delta. An IndexError: its end is never shown."""
    return sum(chars * (times[bisect_left(times, at)] + round_trip_s - at) for at, chars, _ in split_answer(answer))


def digest(runs: Sequence[Run]) -> int:
    """Return what tells these runs from others: without the recordings other answers are drawn."""
    return zlib.crc32(repr(runs).encode())


def read_feasible_waits() -> dict[int, float]:
    """Return the mean waits that were found, by the digest of their runs."""
    return {row["runs"]: row["mean_wait_s"] for row in json.loads(FILE.read_text("utf-8"))}


def _find_row(scene: Scene) -> dict[str, str | int | float]:
    runs = draw_runs(scene)
    wait_s = round(find_feasible_wait(scene, runs), 4)
    return {"scene": scene.name, "seed": scene.seed, "runs": digest(runs), "mean_wait_s": wait_s}


def main() -> int:
    scenes = [replace(scene, seed=seed) for scene in SCENES if {"quick", "minute"} & set(scene.bars) for seed in SEEDS]
    rows: list[str] = []
    for scene in scenes:
        rows.append(json.dumps(_find_row(scene)))
        print(rows[-1], flush=True)
    FILE.write_text("[\n" + ",\n".join(rows) + "\n]\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
