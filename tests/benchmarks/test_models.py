"""The benchmark of streams runs whole, beside bare litellm."""

from __future__ import annotations

from tests.support.benchmarks import run_module


def test_a_small_run_has_a_figure_for_each_bar() -> None:
    figures = run_module("benchmarks.models", "--streams", "4", "--rounds", "1", "--batches", "4")
    assert list(figures) == [
        "CPU above bare litellm's",
        "first delta, median",
        "loop lag, p99",
        "memory, last quarter over second",
    ]
    assert figures["first delta, median"] > 0
    assert figures["loop lag, p99"] > 0
