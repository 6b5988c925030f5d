"""The benchmark of Discord, small: its figures are those of what was played, and its counts count."""

from __future__ import annotations

import asyncio
import math
from dataclasses import replace

import pytest

from benchmarks.discord.__main__ import p99
from benchmarks.discord.meter import Meter
from benchmarks.discord.play import play
from benchmarks.discord.room import count_used
from benchmarks.discord.scenes import SCENES, SEATS, draw_lines
from benchmarks.discord.simulated import simulate_scene
from benchmarks.live.scenes import Answer
from bot.domain.run import LaneId, TurnId
from tests.servers.discord.limits import Rule
from tests.support.virtual_time import run_virtual

SMALL = replace(SCENES[1], runs=2, most_s=1.0)
TURN = TurnId("answer", 1, "ada")


@pytest.mark.shared
async def test_runs_on_the_wire_are_told_whole() -> None:
    played = await play(SMALL)
    said = draw_lines(SMALL)
    assert {a.seat: a.chars for a in played.spoken} == {seat: len(line.text) for seat, line in said.items()}
    assert len(played.boards_s) == SMALL.runs
    assert len(played.firsts_s) == SMALL.runs * SEATS
    assert 0 < len(played.firsts_with_room_s) <= len(played.firsts_s)
    assert played.refused == 0
    assert played.most_at_once == 1
    assert played.mean_wait_s > played.round_trip_s > 0
    assert played.requests > SMALL.runs * SEATS
    assert 0 < played.token_posts < played.by_token < played.requests
    assert played.rows > SMALL.runs * SEATS


@pytest.mark.shared
def test_in_one_channel_posts_wait_for_each_other_in_the_simulation_too() -> None:
    spoken = [
        Answer(line.run, seat, 100.0, 100.0 + line.seconds, len(line.text)) for seat, line in draw_lines(SMALL).items()
    ]
    apart, shared = (simulate_scene(replace(SMALL, shared=shared), spoken, 0.01) for shared in (False, True))
    assert apart.refused == shared.refused == 0
    assert shared.first_median_s > apart.first_median_s


def test_a_wait_is_from_each_character_to_its_showing() -> None:
    meter = Meter()

    async def tell() -> None:
        for at, chars in ((0.0, 2), (1.0, 2), (3.0, 4)):
            meter.record_delta(TURN, at, chars, 0)
        for wait_s, chars, final in ((0.5, 0, False), (1.0, 3, False), (2.5, 8, True)):
            await asyncio.sleep(wait_s)
            meter.record_shown("Discord", LaneId(*TURN.lane), 0, chars, final)

    run_virtual(tell())
    # shown: nothing at 0.5 s, 3 characters at 1.5 s, all at 4.0 s
    assert meter.firsts_s() == {"ada": 1.5}
    assert meter.mean_wait_s() == pytest.approx((2 * 1.5 + 2 * 3.0 + 4 * 1.0) / 8)


def test_windows_begin_with_their_first_call() -> None:
    rule = Rule(5, 5.0)
    calls = [1.0, 2.0, 5.9, 6.5]
    assert [count_used(calls, at, rule) for at in (0.5, 1.0, 5.95, 6.2, 7.0, 12.0)] == [0, 1, 3, 0, 1, 0]
    assert count_used([], math.inf, rule) == 0


def test_the_99th_percentile_of_few_is_their_last() -> None:
    assert p99([3.0, 1.0, 2.0]) == 3.0
    assert p99([float(n) for n in range(1, 201)]) == 198.0


@pytest.mark.shared
def test_scenes_are_the_same_every_time_and_no_answer_is_longer_than_it_may() -> None:
    assert draw_lines(SMALL) == draw_lines(SMALL)
    assert max(line.seconds for line in draw_lines(SMALL).values()) <= SMALL.most_s
    assert all(line.text for line in draw_lines(SCENES[1]).values())
