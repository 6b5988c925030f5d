"""The benchmark of hostile texts, in small: every way in has its bars, and the loop's steps are seen."""

from __future__ import annotations

import asyncio
import time

from benchmarks.hostile.entries import ENTRIES
from benchmarks.hostile.holds import Holds, watch_loop
from benchmarks.hostile.texts import UNITS, make_texts
from tests.support.benchmarks import run_module


def test_a_small_run_has_a_figure_for_each_bar() -> None:
    figures = run_module("benchmarks.hostile", "--kinds", "2", "--share", "0.01")
    assert list(figures) == [
        f"{name}: {figure}" for name in ENTRIES for figure in ("a hold, 99.9th percentile", "the longest hold")
    ]


def test_texts_have_the_length_that_is_asked_for() -> None:
    texts = list(make_texts(1_000, len(UNITS)))
    assert [name for name, _, _ in texts] == list(UNITS)
    assert {len(text) for _, *both in texts for text in both} == {1_000}


async def test_a_step_that_holds_the_loop_is_seen() -> None:
    async def work(seconds: float) -> None:
        end = time.thread_time() + seconds
        while time.thread_time() < end:
            pass

    holds = Holds()
    with watch_loop(holds):
        await asyncio.create_task(work(0.02))
    assert holds.worst_ms >= 20
    assert holds.percentile_ms(1.0) == holds.worst_ms
