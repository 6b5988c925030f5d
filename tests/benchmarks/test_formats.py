"""The benchmark of formats, in small: its three ways to play a council agree, and what it counts is what it says."""

from __future__ import annotations

import math

import pytest

from benchmarks.formats.__main__ import measure
from benchmarks.formats.cost import list_costs
from benchmarks.formats.council import conduct_run, time_answers, time_by_plan, time_by_rules
from benchmarks.formats.draws import (
    CROWD,
    JUDGES,
    Draw,
    draw_councils,
    leave_out,
    let_hang,
    make_slower,
    measure_agreement,
)
from benchmarks.formats.peer import is_borda_decided, time_posts, time_stages
from benchmarks.formats.planning import plan_run
from benchmarks.formats.waits import make_rules
from bot.domain.run import Rules
from tests.support.paths import ROOT

UNANIMOUS = ((0, 1, 2, 3, 4),) * 5
SLOW = Draw((1.0, 2.0, 3.0, 4.0, 100.0), (1.0, 2.0, 3.0, 4.0, 50.0), 5.0, UNANIMOUS)
FIXED = Rules(quorum=4, grace_s=0.0)


@pytest.mark.shared
@pytest.mark.parametrize("rules", [Rules(), Rules(quorum=4, grace_s=2.0), FIXED, make_rules(5)])
@pytest.mark.parametrize("spread", [0.0, JUDGES])
def test_the_plan_comes_to_what_the_rules_come_to(rules: Rules, spread: float) -> None:
    for draw in draw_councils(5, 15, spread=spread):
        plan, reckoned = time_by_plan(draw, rules), time_by_rules(draw, rules)
        assert plan[:4] == pytest.approx(reckoned[:4])
        assert plan.unreviewed == 0


def test_the_slowest_holds_nobody_up_and_is_reviewed() -> None:
    assert time_by_plan(SLOW, FIXED) == (4.0, 8.0, 13.0, 1, 0)
    assert conduct_run(SLOW, FIXED).synthesis_s < 100


def test_one_seat_is_slower_hangs_or_is_left_out() -> None:
    assert make_slower(SLOW, 0, 10.0).answers_s == (10.0, 2.0, 3.0, 4.0, 100.0)
    assert make_slower(SLOW, 0, 10.0).reviews_s[:2] == (10.0, 2.0)
    assert let_hang(SLOW, 1, 120.0).answers_s == (1.0, 122.0, 3.0, 4.0, 100.0)
    four = leave_out(SLOW, 3)
    assert (four.answers_s, four.rankings) == ((1.0, 2.0, 3.0, 100.0), ((0, 1, 2, 3),) * 4)


@pytest.mark.parametrize(
    ("rankings", "cast", "decided"),
    [
        (UNANIMOUS, [1, 2, 3, 4], True),  # 12 points over 6, and the leader has no say on itself
        (UNANIMOUS, [0, 1, 2, 3], False),  # 9 over 7: one that puts the leader last and the next one first
        (((0, 1, 2),) * 3, [0, 1, 2], True),
        (((0, 1, 2), (1, 0, 2), (2, 1, 0)), [0, 1], False),
    ],
)
def test_the_other_council_stops_once_nobody_can_overtake(
    rankings: tuple[tuple[int, ...], ...], cast: list[int], decided: bool
) -> None:
    assert is_borda_decided(rankings, cast) == decided


def test_the_other_council_goes_stage_by_stage() -> None:
    assert time_stages(SLOW, stops_early=False) == 155.0
    assert time_stages(SLOW, stops_early=True) <= 155.0


def test_answers_that_flow_and_those_posted_whole_stand_complete() -> None:
    quick = Draw((3.0, 4.0, 5.0), (1.0, 1.0, 1.0), 1.0, ((0, 1, 2),) * 3)
    assert sorted(time_posts(quick)) == pytest.approx([3.12, 4.12, 5.12])
    assert len(time_answers(quick, make_rules(3))) == 3


@pytest.mark.shared
def test_waiting_for_all_is_the_critical_path_at_most() -> None:
    for draw in draw_councils(3, 3):
        run = conduct_run(draw, Rules())
        assert run.synthesis_s <= 1.02 * draw.critical_path_s
        assert run.answers_s == pytest.approx(draw.answers_s)


@pytest.mark.parametrize(("spread", "share"), [(0.0, 0.5), (CROWD, 0.7), (JUDGES, 0.85), (math.inf, 1.0)])
def test_reviewers_agree_as_often_as_is_said(spread: float, share: float) -> None:
    assert measure_agreement(spread) == pytest.approx(share, abs=0.02)


@pytest.mark.shared
def test_a_small_report_has_every_bar_and_table() -> None:
    report = measure(90, repeats=1)
    assert len(report.bars) == 15
    assert {scene["seats"] for scene in report.scenes if "grace_s" in scene} == set(range(3, 13))


def test_a_run_is_planned_to_its_end() -> None:
    assert plan_run("council", 12, 1).facts >= 1 + 2 * 25
    assert plan_run("debate", 3, 2).facts == 1 + 2 * (3 * 2 + 3)  # a verdict, and scores that cannot be read, twice


def test_what_runs_cost_is_what_the_docs_say() -> None:
    page = (ROOT / "docs" / "formats.md").read_text("utf-8")
    for scene in list_costs():
        told = f"| {scene['calls']} | {scene['tokens_read']:,} | {scene['tokens_written']:,} |"
        assert told in page, scene["scene"]
