"""What the scenes with processes share."""

from __future__ import annotations

import pytest

from benchmarks.chaos.process import Bot
from tests.support.forked_moot import find_moot, fork_moot


@pytest.fixture
def _forked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Start bots as forks: how long a Python takes to begin is for the benchmarks themselves."""
    find_moot()
    monkeypatch.setattr(Bot, "begin", staticmethod(fork_moot))
