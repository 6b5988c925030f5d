"""The benchmark of rendering and paging runs whole, for every kind of text on every platform."""

from __future__ import annotations

from tests.support.benchmarks import run_module


def test_a_small_run_has_a_figure_for_each_bar() -> None:
    figures = run_module("benchmarks.pages", "--length", "2000")
    assert list(figures) == [
        f"a delta at the end over one at the start, {kind} on {surface}"
        for kind in ("answer", "paragraph", "fence")
        for surface in ("discord", "slack", "terminal")
    ]
    assert min(figures.values()) > 0
