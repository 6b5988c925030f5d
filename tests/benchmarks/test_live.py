"""The benchmark of live text: its bound is one, and its simulation counts as it says."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations

import pytest

from benchmarks.live.bound import find_lower_bound
from benchmarks.live.clairvoyant import digest, find_feasible_wait, read_feasible_waits
from benchmarks.live.draw import draw_picture
from benchmarks.live.figures import Watch, compute_figures
from benchmarks.live.ours import open_ours
from benchmarks.live.policies import HABITS, open_fair
from benchmarks.live.replay import replay_scene
from benchmarks.live.scenes import DISCORD, MINUTE, SCENES, SLACK, Answer, Run, Scene, draw_runs, split_answer
from bot.domain.run import LaneId
from tests.support.surfaces import Platform

SMALL = Scene("small", 2, limit=2, per_s=2.0, seconds=6.0)


def best_of_all(scene: Scene, answers: tuple[Answer, ...], step_s: float) -> float:
    """The least mean wait over all ways to put each lane's requests on a grid, within windows of the scene's limit."""
    last = max(a.end for a in answers) + scene.per_s
    grid = [k * step_s for k in range(int(last / step_s) + 1)]
    slots = [(at, lane) for at in grid for lane in range(len(answers))]
    least = float("inf")
    for count in range(len(answers), len(answers) + 3):
        for chosen in combinations(slots, count):
            if _allowed(scene, [at for at, _ in chosen]):
                least = min(least, _wait(scene, answers, chosen))
    return least


def _allowed(scene: Scene, times: list[float]) -> bool:
    end, used = -1.0, 0
    for at in sorted(times):
        if at >= end:
            end, used = at + scene.per_s, 0
        used += 1
        if used > scene.limit:
            return False
    return True


def _wait(scene: Scene, answers: tuple[Answer, ...], chosen: tuple[tuple[float, int], ...]) -> float:
    waits = chars = 0.0
    for lane, answer in enumerate(answers):
        sent = sorted(at for at, of in chosen if of == lane)
        for written, count, _ in split_answer(answer):
            shown = next((at for at in sent if at >= written), None)
            if shown is None:
                return float("inf")
            waits += count * (shown + scene.round_trip_s - written)
            chars += count
    return waits / chars


@pytest.mark.parametrize(
    "answers",
    [
        (Answer(0, "0", 1.0, 3.0, 40), Answer(0, "1", 1.0, 4.0, 12)),
        (Answer(0, "0", 1.0, 1.5, 8), Answer(0, "1", 2.0, 4.0, 60)),
        (Answer(0, "0", 1.0, 4.0, 100), Answer(0, "1", 3.5, 4.0, 4)),
    ],
)
def test_no_schedule_beats_the_bound(answers: tuple[Answer, ...]) -> None:
    bound = find_lower_bound(SMALL, [Run(0, 0.5, answers)])
    assert 0 < bound <= best_of_all(SMALL, answers, 0.5) + 1e-9


@pytest.mark.shared
def test_the_bound_is_below_every_policy_and_nobody_is_refused() -> None:
    scene = replace(MINUTE, seconds=20.0)
    played = draw_runs(scene)
    figures = [replay_scene(scene, played, make) for make in (open_ours, open_fair, *HABITS.values())]
    assert min(f.mean_wait_s for f in figures) >= find_lower_bound(scene, played)
    assert [f.refused for f in figures] == [0] * len(figures)


@pytest.mark.parametrize("scene", [DISCORD, SLACK], ids=["discord", "slack"])
def test_posts_cost_what_they_cost_and_nobody_is_refused(scene: Scene) -> None:
    short = replace(scene, seconds=20.0)
    played = draw_runs(short)
    for make in (open_ours, open_fair):
        figures = replay_scene(short, played, make)
        assert figures.refused == 0
        assert figures.requests >= 2 * sum(len(run.answers) for run in played)


@pytest.mark.parametrize("scene", [replace(DISCORD, seconds=1.0), replace(SLACK, stages=1, seconds=1.0)])
def test_whoever_knows_the_future_waits_less_than_we_do_and_keeps_to_the_budget(scene: Scene) -> None:
    played = draw_runs(scene)
    assert find_feasible_wait(scene, played, 3_000) < replay_scene(scene, played, open_ours).mean_wait_s


def test_no_feasible_schedule_beats_the_bound() -> None:
    runs = [Run(0, 0.5, (Answer(0, "0", 1.0, 3.0, 40), Answer(0, "1", 1.0, 4.0, 12)))]
    assert find_feasible_wait(SMALL, runs, 3_000) >= find_lower_bound(SMALL, runs)


def test_the_feasible_waits_that_are_kept_are_those_of_the_scenes() -> None:
    long = [scene for scene in SCENES if {"quick", "minute"} & set(scene.bars) and scene.answers == "long"]
    assert {digest(draw_runs(scene)) for scene in long} <= read_feasible_waits().keys()


def test_figures_are_those_of_what_was_written_and_seen() -> None:
    watch, lane = Watch(), LaneId("0", 1, "0")
    watch.written[lane] = [(1.0, 40), (2.0, 80), (5.0, 100)]
    watch.seen[lane] = [(0.5, 0), (1.5, 40), (3.0, 80), (5.1, 100)]
    figures = compute_figures(watch, Platform())
    assert figures.mean_wait_s == pytest.approx((40 * 0.5 + 40 * 1.0 + 20 * 0.1) / 100)
    assert (figures.first_median_s, figures.word_max_s) == (2.0, 1.5)  # a line is 60 characters
    assert figures.end_median_s == pytest.approx(0.1)
    assert figures.soon_share == 1.0
    assert 1.5 <= figures.silence_p95_s <= 2.1


@pytest.mark.shared
def test_a_replay_is_the_same_every_time() -> None:
    scene = replace(SCENES[7], seconds=15.0)
    assert replay_scene(scene, draw_runs(scene), open_ours) == replay_scene(scene, draw_runs(scene), open_ours)


@pytest.mark.shared
def test_a_limit_halved_untold_is_refused_once_at_most() -> None:
    scene = replace(SCENES[4], seconds=40.0, halve_at_s=20.0)
    assert replay_scene(scene, draw_runs(scene), open_ours).refused <= 1


def test_the_picture_has_a_bar_a_policy() -> None:
    drawn = draw_picture(
        [{"scene": "a & b", "policy": "ours", "mean_wait_s": 1.5}, {"scene": "a & b", "policy": "x", "cpu": 1}]
    )
    assert drawn.count("<rect") == 2
    assert "a &amp; b" in drawn
    assert "1.50 s" in drawn
