"""The simulation of size: its days are those that can be reckoned by hand, and its limits bind where they must."""

from __future__ import annotations

from dataclasses import replace
from xml.etree import ElementTree

import pytest

pytest.importorskip("numpy", reason="the extra `leaderboard` is not installed")

from benchmarks.scale_sim.__main__ import SIZES, find_most_of_one, list_lines, make_report, plan_size
from benchmarks.scale_sim.day import LONGER, RUNS_A_SERVER, TIDE, simulate_day
from benchmarks.scale_sim.draw import draw_picture
from benchmarks.scale_sim.needs import Needs

NEEDS = Needs(
    seconds=50.0,
    deltas=3_000,
    requests=120,
    by_token=40,
    token_posts=5,
    writes=80,
    shown_cpu_s=1.0,
    delta_cpu_s=0.0005,
    write_cpu_s=0.0002,
    event_cpu_s=0.00003,
)


def test_a_day_has_as_many_runs_at_once_as_their_rate_and_length_make() -> None:
    peak = simulate_day(20_000, NEEDS)
    assert peak.runs_a_day == pytest.approx(20_000 * RUNS_A_SERVER, rel=0.1)
    assert peak.mean_running == pytest.approx(peak.runs_a_day * NEEDS.seconds * LONGER / 86_400, rel=0.02)
    assert peak.running > (1 + TIDE) * peak.mean_running  # the busiest minutes of the busiest hour


def test_what_is_taken_follows_from_the_runs_that_go_on() -> None:
    peak = simulate_day(20_000, NEEDS)
    each_s = peak.running / NEEDS.seconds
    assert peak.cores == pytest.approx(each_s * (1.0 + 3_000 * 0.0005))
    assert peak.webhook_per_s == pytest.approx(each_s * 80)
    assert peak.token_posts_per_s == pytest.approx(each_s * 5)
    assert peak.database_cores == pytest.approx(each_s * 80 * 0.0002)


def test_the_limit_that_binds_first_is_the_one_that_is_used_most() -> None:
    _, limit = find_most_of_one(NEEDS)
    assert limit == "a worker's core"
    _, limit = find_most_of_one(replace(NEEDS, shown_cpu_s=0.01, delta_cpu_s=0.0))
    assert limit == "an address of webhooks"
    _, limit = find_most_of_one(replace(NEEDS, requests=0.001, by_token=0.001, shown_cpu_s=0.001, delta_cpu_s=0.0))
    assert limit == "guilds of a shard"


def test_one_process_suffices_for_as_many_servers_as_it_says_and_not_for_many_more() -> None:
    most, _ = find_most_of_one(NEEDS)
    assert max(plan_size(most, NEEDS).uses.values()) <= 1 < max(plan_size(most * 2, NEEDS).uses.values())


def test_the_report_and_the_picture_have_every_size() -> None:
    found = make_report(NEEDS)
    assert all(bar.holds for bar in found.bars)
    assert [row["scene"] for row in found.scenes[1:-1]] == [f"{servers} servers" for servers in SIZES]
    drawn = ElementTree.fromstring(draw_picture(SIZES, list_lines(NEEDS)))
    assert len(drawn.findall("{*}polyline")) == len(list_lines(NEEDS))
