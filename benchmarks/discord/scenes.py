"""Scenes: how many runs, where, and what their seats say."""

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

    No answer takes longer than `most_s`: longer ones speak faster.
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
    """What one seat will say, at an even pace, in so many seconds."""

    run: int
    seconds: float
    text: str


def panel_name(run: int) -> str:
    return f"run-{run}"


def seat_keys(run: int) -> list[str]:
    """Different ones in each run, so that a seat's key tells its run."""
    return [f"seat-{run}-{n}" for n in range(SEATS)]


def lines(scene: Scene) -> Mapping[str, Line]:
    """By seat; the same every time."""
    dice = random.Random(scene.seed)
    answers = _recorded() if RESULTS.exists() else _drawn(dice)
    said = {}
    for run in range(scene.runs):
        for key in seat_keys(run):
            seconds, text = dice.choice(answers)
            said[key] = Line(run, min(seconds, scene.most_s), text)
    return said


def source() -> str:
    return "recorded answers" if RESULTS.exists() else "drawn answers (the recordings are not here)"


def _recorded() -> list[tuple[float, str]]:
    """Seconds and texts of real answers: LLMFAO's (CC BY 4.0)."""
    rows = [json.loads(line) for line in RESULTS.read_text("utf-8").splitlines()]
    return [(row["duration"] / 1000, row["result"]) for row in rows if row["result"].strip()]


def _drawn(dice: random.Random) -> list[tuple[float, str]]:
    """The recordings' seconds and lengths as two log-normals; the words say nothing."""
    pairs = [(dice.lognormvariate(1.50, 1.06), dice.lognormvariate(3.74, 1.49)) for _ in range(1000)]
    return [(seconds, _words(dice, min(2_000, max(4, round(seconds * rate))))) for seconds, rate in pairs]


def _words(dice: random.Random, chars: int) -> str:
    return " ".join(dice.choices(WORDS, k=chars))[:chars].strip()
