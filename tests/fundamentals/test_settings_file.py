"""The settings file: one checked tree, and all that is wrong with it at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.cli.settings_file import load_settings
from bot.errors import Misconfigured


@pytest.fixture
def settings_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return where the settings of the working directory stand."""
    monkeypatch.chdir(tmp_path)
    return tmp_path / "moot.toml"


def test_models_and_panels_come_from_the_file_and_the_rest_is_usual(settings_file: Path) -> None:
    settings_file.write_text(
        """
        [models.claude]
        litellm = "anthropic/claude-sonnet-4-0"
        [panels.default]
        seats = ["claude", {model = "claude", persona = "Skeptic"}]
        """
    )
    settings = load_settings()
    assert settings.models["claude"].litellm == "anthropic/claude-sonnet-4-0"
    assert [seat.persona for seat in settings.panels["default"].seats] == ["", "Skeptic"]
    assert settings.discord is None


def test_every_mistake_is_named_with_its_key(settings_file: Path) -> None:
    settings_file.write_text('[models.claude]\nlitelm = "x/y"\n[panels.default]\nseats = ["cloude"]')
    with pytest.raises(Misconfigured) as caught:
        load_settings()
    assert str(caught.value).splitlines() == [
        "moot.toml: models.claude.litellm: is missing.",
        "moot.toml: models.claude.litelm: there is no such setting.",
        "moot.toml: panels.default.seats.0: there is no model “cloude”; the models are: claude.",
    ]
