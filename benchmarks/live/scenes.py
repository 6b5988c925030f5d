"""Scenes: who speaks at what time, and how much the platform allows."""

from __future__ import annotations

import json
import pathlib
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import count
from math import log
from typing import Any, Literal, NamedTuple

from tests.support.shared import SHARED

DELTA_CHARS = 4  # a token or so
RESULTS = SHARED / "data" / "results.jsonl"
FIRST_TOKEN_S, FIRST_TOKEN_SPREAD = 0.7, 0.6  # median, and deviation of its logarithm
THINKERS, THINKS_S = 0.25, (5.0, 20.0)  # the share of seats that think first, and for how long
CHARS = (2_000, 6_000)  # of an answer of today's panels
TOKENS_PER_S = (20, 120)  # of models of today


class Answer(NamedTuple):
    """`chars` code points, written at an even pace from `start` to `end` (seconds)."""

    thread: int
    seat: str
    start: float
    end: float
    chars: int


class Run(NamedTuple):
    """One stage of a run: its answers, whose lanes are opened at `opens`.

    `council` numbers the run that it is a stage of; `stages_left` is how many more will follow.
    """

    thread: int
    opens: float
    answers: tuple[Answer, ...]
    council: int = 0
    stages_left: int = 0


@dataclass(frozen=True)
class Scene:
    """`lanes` in all, divided evenly over `threads`.

    `shape` "window": `limit` requests a window of `per_s` seconds, which begins with the first request; "sliding": in
    any `per_s` seconds. One such budget a thread, or with `shared` one for all threads. It counts edits; `posts` are
    "free", or count in the "same" budget, or are "apart": five in any five seconds a thread, as Slack has it.
    `placeholder_after_s`: as a surface has it.
    `ceiling_per_s`: over everything the bot sends, a window of one second. `halve_at_s`: when the platform halves
    `limit`, untold; `has_headers`: each answer tells what is left, and ours gives first words away, as on Discord.

    A run has `stages`, `gap_s` after one another; then it is idle for a time between `idle_s`. `lead_s`: from the
    opening of a lane to its first text; None: first tokens are spread, and some seats think before.
    """

    name: str
    lanes: int
    threads: int = 1
    shape: Literal["window", "sliding"] = "window"
    limit: int = 5
    per_s: float = 5.0
    shared: bool = False
    posts: Literal["free", "same", "apart"] = "free"
    placeholder_after_s: float = 0.0
    ceiling_per_s: int | None = None
    has_headers: bool = False
    round_trip_s: float = 0.12
    answers: Literal["recorded", "long"] = "recorded"
    stages: int = 1
    gap_s: float = 1.0
    idle_s: tuple[float, float] = (0.0, 0.0)
    lead_s: float | None = 0.5
    seconds: float = 600.0
    seed: int = 1
    halve_at_s: float | None = None
    bars: tuple[str, ...] = field(default=())

    @property
    def budgets(self) -> int:
        return 1 if self.shared else self.threads


# Discord: a webhook's posts, edits and deletes are in one bucket; the ceiling is over all calls of an address
DISCORD = Scene(
    "Discord, 4 seats", 4, per_s=2.0, posts="same", ceiling_per_s=50, has_headers=True, answers="long", lead_s=None,
    bars=("long", "discord", "quick"),
)  # fmt: skip
# Slack: updates of the whole workspace in a sliding minute
SLACK = Scene(
    "Slack, 4 seats", 4, shape="sliding", limit=50, per_s=60.0, shared=True, posts="apart", placeholder_after_s=2.5,
    answers="long", lead_s=None, stages=3, gap_s=1.5, idle_s=(20.0, 90.0), bars=("long", "slack", "minute"),
)  # fmt: skip
MINUTE = Scene("4 lanes, 50 per minute", 4, limit=50, per_s=60.0, bars=("four", "bound", "minute"))
SCENES = (
    DISCORD,
    SLACK,
    replace(SLACK, name="Slack, 3 channels of 4 seats", lanes=12, threads=3, bars=("twelve",)),
    replace(SLACK, name="Slack, 8 channels of 4 seats", lanes=32, threads=8, seconds=200.0, bars=()),
    Scene("4 lanes, 5 per 5 s", 4, bars=("four", "bound", "quick")),
    MINUTE,
    # the messages of twelve stand before their first words, so that none of these goes out inside a free post
    replace(MINUTE, name="12 lanes, 50 per minute", lanes=12, lead_s=2.0, bars=("twelve", "bound", "minute")),
    Scene("12 lanes in 3 threads, 5 per 5 s each", 12, threads=3, seconds=200.0),
    Scene("1 lane, 5 per 5 s", 1, bars=("alone",)),
    Scene("50 lanes in 10 threads, 5 per 5 s each, 50/s in all", 50, threads=10, ceiling_per_s=50, seconds=100.0),
    Scene("4 lanes, 5 per 5 s, long answers", 4, answers="long", bars=("long", "quick")),
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
    """Return the stages of runs that follow one another in each thread for `scene.seconds`.

    They are the same for every policy. They begin a window after the start, so that no budget counts as spent.
    """
    dice = random.Random(scene.seed)
    recorded = _load_answers(dice)
    made: list[Run] = []
    for thread in range(scene.threads):
        opens = first = scene.per_s + 1.0 + (dice.uniform(0, 10) if thread else 0.0)
        councils = (thread + scene.threads * n for n in count())
        while opens < first + scene.seconds:
            council = next(councils)
            for left in reversed(range(scene.stages)):
                answers = tuple(_draw_answers(scene, thread, opens, dice, recorded))
                made.append(Run(thread, opens, answers, council, left))
                opens = max(a.end for a in answers) + scene.gap_s
            opens += dice.uniform(*scene.idle_s)
    return made


def _draw_answers(
    scene: Scene, thread: int, opens: float, dice: random.Random, recorded: list[tuple[float, int]]
) -> Iterator[Answer]:
    for seat in range(scene.lanes // scene.threads):
        seconds, chars = _draw_answer(scene, dice, recorded)
        start = opens + (draw_lead(dice) if scene.lead_s is None else scene.lead_s)
        yield Answer(thread, f"{seat}", start, start + seconds, chars)


def draw_lead(dice: random.Random) -> float:
    """Return the seconds from being asked to the first token."""
    if dice.random() < THINKERS:
        return dice.uniform(*THINKS_S)
    return dice.lognormvariate(log(FIRST_TOKEN_S), FIRST_TOKEN_SPREAD)


def _draw_answer(scene: Scene, dice: random.Random, recorded: list[tuple[float, int]]) -> tuple[float, int]:
    return dice.choice(recorded) if scene.answers == "recorded" else draw_long_answer(dice)


def draw_long_answer(dice: random.Random) -> tuple[float, int]:
    """Return the seconds and code points of an answer as long as today's panels write."""
    chars = dice.randint(*CHARS)
    return chars / (DELTA_CHARS * dice.uniform(*TOKENS_PER_S)), chars


def split_answer(answer: Answer) -> Iterator[tuple[float, int, bool]]:
    """Yield the deltas of an answer: the time (seconds), the code points, and whether it is the last."""
    pace = (answer.end - answer.start) / answer.chars
    for before in range(0, answer.chars, DELTA_CHARS):
        after = min(before + DELTA_CHARS, answer.chars)
        yield answer.start + pace * after, after - before, after == answer.chars


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
