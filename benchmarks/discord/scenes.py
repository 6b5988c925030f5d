"""Scenes: the number of runs, their channels, and the words of their seats."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from benchmarks.live.scenes import RESULTS

SEATS = 4
WORDS = (
    "The",
    "table",
    "holds",
    "that",
    "a",
    "question",
    "has",
    "more",
    "**sides**",
    "than",
    "one",
    "answer",
    "shows.",
)


@dataclass(frozen=True)
class Scene:
    """`runs` comparisons, begun `apart_s` after one another; `shared`: all in one channel, else each in its own.

    No answer takes longer than `most_s` seconds: longer ones are spoken faster.
    """

    name: str
    runs: int
    shared: bool = False
    apart_s: float = 0.1
    most_s: float = 20.0
    seed: int = 1


SCENES = (
    Scene("1 run", 1),
    Scene("50 runs in 50 channels", 50),
    Scene("50 runs in 50 channels, 2 begun a second", 50, apart_s=0.5),
    Scene("12 runs in one channel", 12, shared=True),
)


class Line(NamedTuple):
    """The text of one seat, spoken at an even pace in so many seconds."""

    run: int
    seconds: float
    text: str


def panel_name(run: int) -> str:
    return f"run-{run}"


def seat_keys(run: int) -> list[str]:
    """Return keys that differ in each run, so that a seat's key tells its run."""
    return [f"seat-{run}-{n}" for n in range(SEATS)]


def draw_lines(scene: Scene) -> Mapping[str, Line]:
    """Return the line of each seat; the lines are the same every time."""
    dice = random.Random(scene.seed)
    answers = _load_answers() if RESULTS.exists() else _draw_answers(dice)
    said = {}
    for run in range(scene.runs):
        for key in seat_keys(run):
            seconds, text = dice.choice(answers)
            said[key] = Line(run, min(seconds, scene.most_s), text)
    return said


def name_source() -> str:
    return "recorded answers" if RESULTS.exists() else "drawn answers (the recordings are not here)"


def _load_answers() -> list[tuple[float, str]]:
    """Return the seconds and texts of recorded answers, LLMFAO's (CC BY 4.0)."""
    rows = [json.loads(line) for line in RESULTS.read_text("utf-8").splitlines()]
    return [(row["duration"] / 1000, row["result"]) for row in rows if row["result"].strip()]


def _draw_answers(dice: random.Random) -> list[tuple[float, str]]:
    """Return drawn answers: seconds and lengths as log-normal as the recordings', words without meaning."""
    pairs = [(dice.lognormvariate(1.50, 1.06), dice.lognormvariate(3.74, 1.49)) for _ in range(1000)]
    return [(seconds, _draw_words(dice, min(2_000, max(4, round(seconds * rate))))) for seconds, rate in pairs]


def _draw_words(dice: random.Random, chars: int) -> str:
    return " ".join(dice.choices(WORDS, k=chars))[:chars].strip()
