"""Scenes: who speaks at what time, and how much the platform allows."""

from __future__ import annotations

import json
import pathlib
import random
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from tests.support.shared import SHARED

DELTA_CHARS = 4  # a token or so
RESULTS = SHARED / "data" / "results.jsonl"


class Answer(NamedTuple):
    """`chars` code points, written at an even pace from `start` to `end` (seconds)."""

    thread: int
    seat: str
    start: float
    end: float
    chars: int


class Run(NamedTuple):
    """One panel's answers, all beginning at once; their messages are opened `Scene.lead_s` before."""

    thread: int
    start: float
    answers: tuple[Answer, ...]


@dataclass(frozen=True)
class Scene:
    """`lanes` in all, divided evenly over `threads`.

    `shape` "window": `limit` requests a window of `per_s` seconds, which begins with the first request; "bucket":
    `limit` tokens at most, all of them coming back in `per_s`. One such budget of edits a thread, or with `shared`
    one for all threads. `ceiling_per_s`: over everything the bot sends, a window of one second. Posting the messages
    has a budget of its own that none of the scenes spends. `halve_at_s`: when the platform halves `limit`, untold.
    """

    name: str
    lanes: int
    threads: int = 1
    shape: Literal["window", "bucket"] = "window"
    limit: int = 5
    per_s: float = 5.0
    shared: bool = False
    ceiling_per_s: int | None = None
    round_trip_s: float = 0.12
    answers: Literal["recorded", "long"] = "recorded"
    seconds: float = 600.0
    gap_s: float = 1.0  # from the last end of a run to the first start of the next
    lead_s: float = 0.5  # from a message's placeholder to its first text
    seed: int = 1
    halve_at_s: float | None = None
    bars: tuple[str, ...] = field(default=())

    @property
    def budgets(self) -> int:
        return 1 if self.shared else self.threads


SCENES = (
    Scene("4 lanes, 5 per 5 s", 4, bars=("four",)),
    Scene("4 lanes, 50 per minute", 4, limit=50, per_s=60.0, bars=("four",)),
    Scene("12 lanes, 50 per minute", 12, limit=50, per_s=60.0, bars=("twelve",)),
    Scene("12 lanes in 3 threads, 5 per 5 s each", 12, threads=3, bars=("twelve",)),
    Scene("1 lane, 5 per 5 s", 1, bars=("alone",)),
    Scene("50 lanes in 10 threads, 5 per 5 s each, 50/s in all", 50, threads=10, ceiling_per_s=50),
    Scene("4 lanes, 5 per 5 s, answers of 2,000-6,000 characters", 4, answers="long"),
)


def load_scene(path: str) -> Scene:
    """Return a scene from a JSON file with the fields of `Scene`.

    Raises ValueError, which says what is wrong.
    """
    raw: dict[str, Any] = json.loads(pathlib.Path(path).read_text())
    try:
        return Scene(**{**raw, "bars": tuple(raw.get("bars", ()))})
    except TypeError as error:
        raise ValueError(f"{path}: {error}; a scene has {', '.join(Scene.__dataclass_fields__)}") from error


def draw_runs(scene: Scene) -> list[Run]:
    """Return runs that follow one another in each thread for `scene.seconds`; they are the same for every policy."""
    dice = random.Random(scene.seed)
    recorded = _load_answers(dice)
    made: list[Run] = []
    for thread in range(scene.threads):
        start = scene.per_s + 1.0 + scene.lead_s + (dice.uniform(0, 10) if thread else 0.0)
        first = start
        while start < first + scene.seconds:
            drawn = [_draw_answer(scene, dice, recorded) for _ in range(scene.lanes // scene.threads)]
            answers = tuple(
                Answer(thread, f"{i}", start, start + seconds, chars) for i, (seconds, chars) in enumerate(drawn)
            )
            made.append(Run(thread, start, answers))
            start = max(a.end for a in answers) + scene.gap_s + scene.lead_s
    return made


def _draw_answer(scene: Scene, dice: random.Random, recorded: list[tuple[float, int]]) -> tuple[float, int]:
    if scene.answers == "recorded":
        return dice.choice(recorded)
    chars = dice.randint(2000, 6000)
    return chars / (DELTA_CHARS * dice.uniform(20, 120)), chars  # models of today: 20 to 120 tokens a second


def _load_answers(dice: random.Random) -> list[tuple[float, int]]:
    """Return the seconds and code points of recorded answers; without the recordings, of drawn ones.

    The recordings are LLMFAO's (CC BY 4.0). Drawn ones are log-normal as these are: log seconds have mean 1.50 and
    deviation 1.06, log rate 3.74 and 1.49.
    """
    if not RESULTS.exists():
        pairs = [(dice.lognormvariate(1.50, 1.06), dice.lognormvariate(3.74, 1.49)) for _ in range(1000)]
    else:
        rows = [json.loads(line) for line in RESULTS.read_text().splitlines()]
        pairs = [(row["duration"] / 1000, row["rate"]) for row in rows]
    return [(s, round(s * rate)) for s, rate in pairs if round(s * rate) >= 1]
