"""The benchmark of formats, in small: its three ways to play a council agree, and what it counts is what it says."""

from __future__ import annotations

import math

import pytest

from benchmarks.formats.__main__ import measure
from benchmarks.formats.cost import list_costs
from benchmarks.formats.council import time_by_conductor, time_by_plan, time_by_rules
from benchmarks.formats.draws import CROWD, JUDGES, Draw, draw_councils, measure_agreement
from benchmarks.formats.planning import plan_run
from bot.domain.run import Rules
from tests.support.paths import ROOT

UNANIMOUS = ((0, 1, 2, 3, 4),) * 5
SLOW = Draw((1.0, 2.0, 3.0, 4.0, 100.0), (1.0, 2.0, 3.0, 4.0, 50.0), 5.0, UNANIMOUS)


@pytest.mark.shared
@pytest.mark.parametrize("rules", [Rules(), Rules(quorum=4, grace_s=2.0), Rules(quorum=3, grace_s=0.0)])
@pytest.mark.parametrize("spread", [0.0, JUDGES])
def test_the_plan_comes_to_what_the_rules_come_to(rules: Rules, spread: float) -> None:
    for draw in draw_councils(5, 15, spread=spread):
        assert time_by_plan(draw, rules) == pytest.approx(time_by_rules(draw, rules))


def test_the_slowest_holds_nobody_up() -> None:
    times = time_by_plan(SLOW, Rules(quorum=4, grace_s=2.0))
    assert times == (6.0, 10.0, 15.0, 1)
    assert time_by_conductor(SLOW, Rules(quorum=4, grace_s=2.0)) < 100


@pytest.mark.shared
def test_waiting_for_all_is_the_critical_path_at_most() -> None:
    for draw in draw_councils(3, 3):
        assert time_by_conductor(draw, Rules()) <= 1.02 * draw.critical_path_s


@pytest.mark.parametrize(("spread", "share"), [(0.0, 0.5), (CROWD, 0.7), (JUDGES, 0.85), (math.inf, 1.0)])
def test_reviewers_agree_as_often_as_is_said(spread: float, share: float) -> None:
    assert measure_agreement(spread) == pytest.approx(share, abs=0.02)


@pytest.mark.shared
def test_a_small_report_has_every_bar_and_table() -> None:
    report = measure(100)
    assert len(report.bars) == 7
    assert {scene["seats"] for scene in report.scenes if "grace_s" in scene} == set(range(3, 13))


def test_a_run_is_planned_to_its_end() -> None:
    assert plan_run("council", 12, 1).facts >= 1 + 2 * 25
    assert plan_run("debate", 3, 2).facts == 1 + 2 * (3 * 2 + 3)  # a verdict, and scores that cannot be read, twice


def test_what_runs_cost_is_what_the_docs_say() -> None:
    page = (ROOT / "docs" / "formats.md").read_text("utf-8")
    for scene in list_costs():
        told = f"| {scene['calls']} | {scene['tokens_read']:,} | {scene['tokens_written']:,} |"
        assert told in page, scene["scene"]
