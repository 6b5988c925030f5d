"""Kills, faults and floods at a size for every day: `benchmarks.chaos` plays the same scenes at full size."""

from __future__ import annotations

from random import Random

import pytest

from benchmarks.chaos import faults, flood
from benchmarks.chaos.kills import AIMED, plan_kills
from benchmarks.chaos.play import Scene, play
from benchmarks.chaos.resume import measure_resume
from benchmarks.chaos.runs import Habits

# by format, as runs end that nobody kills
USUAL = {
    "council": "synthesised",
    "debate": "judged",
    "compare": "compared",
    "pipeline": "completed",
    "summary": "summarised",
}
SHORT = Habits(skips=0.3, says=0.3, summarises=0.3, patience_s=90.0)


@pytest.mark.usefixtures("_forked")
async def test_what_is_killed_in_each_of_the_moments_that_matter_goes_on_and_ends_whole() -> None:
    aims = len(AIMED)
    scene = Scene(aims, at_once=(4, 1), vote_s=8.0, habits=SHORT, settles_within_s=90.0)
    played = await play(scene, USUAL)
    assert played.found == []
    assert played.kills.total() == aims
    assert played.usual_share == 1.0
    assert played.runs > 0
    assert played.votes > 0


@pytest.mark.usefixtures("_forked")
async def test_every_run_that_was_speaking_when_the_bot_was_killed_says_more() -> None:
    result = await measure_resume(runs=3, kills=1)
    assert len(result.first_s) == 1
    assert (len(result.each_s), result.silent) == (3, 0)


@pytest.mark.usefixtures("_forked")
async def test_under_faults_every_run_comes_to_an_end_with_what_was_said() -> None:
    played = await faults.play(4, seed=1, stall_s=2.0, patience_s=8.0)
    assert played.found == []
    assert played.runs > 0
    assert len(played.drawn) > 5


@pytest.mark.usefixtures("_forked")
async def test_a_flood_is_answered_and_counted() -> None:
    played = await flood.play(commands=60, reactions=300, seed=1, room_for=20, vote_s=8.0)
    assert played.found == []
    assert played.answers["unanswered"] == 0
    assert played.answers["refused"] > 0
    assert "ask again" in played.refusal
    assert played.counted == played.reactions


def test_each_aim_gets_its_share_of_the_kills() -> None:
    drawn = plan_kills(200, Random(1))
    assert len(drawn) == 200
    assert min(drawn.count(kind) for kind in AIMED) >= 10
    assert plan_kills(200, Random(1)) == drawn != plan_kills(200, Random(2))
    assert set(plan_kills(6, Random(1))) == set(AIMED)
