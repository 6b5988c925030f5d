"""The benchmark of ratings runs whole."""

from __future__ import annotations

from tests.support.benchmarks import run_module


def test_a_small_run_has_a_figure_for_each_bar() -> None:
    figures = run_module("benchmarks.ratings", "--votes", "600", "--resamples", "20")
    assert set(figures) == {
        "scores, ours and evalica's",
        "an interval's end over ten seeds, standard deviation",
        "a resample over one fit",
    }
    assert figures["scores, ours and evalica's"] <= 1e-9
