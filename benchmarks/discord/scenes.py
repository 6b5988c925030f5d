"""Scenes: the number of runs, their channels, and the words of their seats."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from adapters.discord.layout import ROOM_CHARS
from benchmarks.live.scenes import RESULTS, draw_lead, draw_long_answer

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

    No answer takes longer than `most_s` seconds: longer ones are spoken faster. `long`: answers as long as today's
    panels write, as far as a message has room for them, whose first words come at spread times, some after thinking;
    else recorded ones.
    """

    name: str
    runs: int
    shared: bool = False
    apart_s: float = 0.1
    most_s: float = 20.0
    long: bool = False
    seed: int = 1


SCENES = (
    Scene("1 run", 1),
    Scene("50 runs in 50 channels", 50),
    Scene("50 runs in 50 channels, 2 begun a second", 50, apart_s=0.5),
    Scene("12 runs in one channel", 12, shared=True),
    Scene("8 runs in 8 channels, long answers", 8, most_s=120.0, long=True),
)
LEAD_S = 0.5  # from being asked to the first text's beginning, unless it is drawn


class Line(NamedTuple):
    """The text of one seat, spoken at an even pace in so many seconds, `lead_s` after it was asked for."""

    run: int
    seconds: float
    text: str
    lead_s: float = LEAD_S


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
            said[key] = _draw_long_line(run, dice) if scene.long else Line(run, *dice.choice(answers))
    return {key: line._replace(seconds=min(line.seconds, scene.most_s)) for key, line in said.items()}


def _draw_long_line(run: int, dice: random.Random) -> Line:
    lead_s = draw_lead(dice)
    seconds, drawn = draw_long_answer(dice)
    chars = min(drawn, ROOM_CHARS)
    return Line(run, seconds * chars / drawn, _draw_words(dice, chars), lead_s)


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
