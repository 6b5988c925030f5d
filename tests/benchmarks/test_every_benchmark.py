"""Every benchmark that `make bench` runs has a small run among the tests."""

from __future__ import annotations

import re

import pytest

from tests.support.paths import ROOT


def read_names() -> list[str]:
    """Return the benchmarks' names as the Makefile lists them."""
    line = re.search(r"^BENCHMARKS := (.+)$", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert line is not None
    return line[1].split()


@pytest.mark.parametrize("name", read_names())
def test_it_has_a_small_run(name: str) -> None:
    test = ROOT / "tests" / "benchmarks" / f"test_{name}.py"
    assert re.search(rf"\bbenchmarks(\.| import ){name}\b", test.read_text("utf-8"))


def test_every_benchmark_is_listed() -> None:
    mains = {path.parent.name for path in ROOT.glob("benchmarks/*/__main__.py")}
    files = {path.stem for path in ROOT.glob("benchmarks/*.py") if "__main__" in path.read_text("utf-8")}
    assert sorted(mains | files) == sorted(read_names())
