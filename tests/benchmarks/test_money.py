"""The benchmark of money, in small: each figure comes, and a run that is made of recordings costs what it says."""

from __future__ import annotations

import random

import pytest

from benchmarks.money.recorded_runs import Recordings, Server, draw_run, real_cost
from tests.support.benchmarks import run_module
from tests.support.shared import ABSENT, SHARED

RECORDED = Recordings(
    {1: "Write a poem.", 2: "Who?"},
    {1: {7: "A poem.", 8: "A longer poem.", 9: "No poem."}, 2: {7: "I.", 8: "You.", 9: "We."}},
)


def test_a_run_is_made_of_the_answers_to_its_prompt() -> None:
    dice = random.Random(1)
    server = Server.draw(RECORDED, dice)
    t = draw_run(RECORDED, server, 1, ("council", 3), dice)
    said = {turn.id.stage: turn.text for turn in t.turns.values()}
    assert said["answer"] in RECORDED.answers[1].values()
    assert "poem" in said["review"]
    assert t.finished is not None
    ends = [turn.ended for turn in t.turns.values()]
    assert real_cost(t) == pytest.approx(sum(end.cost_usd for end in ends if end and end.cost_usd))


@pytest.mark.shared
def test_a_small_run_has_a_figure_for_each_bar() -> None:
    if not SHARED.is_dir():
        pytest.skip(ABSENT)
    figures = run_module("benchmarks.money", "--runs", "20", "--prompts", "1", "--each", "1", "--points", "2")
    assert list(figures)[-3:] == [
        "estimates that contain the real cost",
        "high to low of an estimate, median",
        "live counts of turns cut off, median error of the worst recording",
    ]
    assert figures["high to low of an estimate, median"] > 1
