"""Where the tests of the console run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.command_line import NO_KEYS


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unset the keys of all providers that the console knows, and have whoever sets one reach nobody."""
    for name, value in NO_KEYS.items():
        if value:
            monkeypatch.setenv(name, value)
        else:
            monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
