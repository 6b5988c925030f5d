"""The benchmark of history, in small: each figure comes."""

from __future__ import annotations

from tests.support.benchmarks import run_module


def test_a_small_run_has_a_figure_for_each_bar() -> None:
    figures = run_module(
        "benchmarks.history", "--runs", "60", "--old", "20", "--searches", "5", "--exports", "2", "--deleted", "2"
    )
    assert list(figures) == [
        "search, p95",
        "list of 20, p95",
        "export of a run of 50 turns as a page, median",
        "that page",
        "deleting one run, longest",
        "writes wait while runs are deleted, longest",
        "writes wait while 20 old runs go, longest",
    ]
