"""The benchmark of starting runs whole, and its peer has the commands that Moot has."""

from __future__ import annotations

from typing import Any

from typer.main import get_command

from benchmarks.start import empty_app
from bot.__main__ import app
from tests.support.benchmarks import run_module


def test_a_small_run_has_a_figure_for_each_bar() -> None:
    figures = run_module("benchmarks.start", "--pairs", "1")
    assert list(figures) == [
        "moot --help over an empty typer app's, median of pairs",
        "litellm imported when the core is ready",
        "processor time of moot try to its first word, over litellm's own",
        "processor time of moot run until ready, over its libraries' imports",
        "memory of moot run when ready, over its libraries' imports",
    ]
    assert figures["litellm imported when the core is ready"] == 0


def test_the_empty_app_has_the_same_commands_and_parameters() -> None:
    assert list_parameters(get_command(empty_app.app)) == list_parameters(get_command(app))


def list_parameters(command: Any) -> object:
    """Return the commands of a group by name, and for each of them the options of its parameters."""
    if hasattr(command, "commands"):
        return {name: list_parameters(inner) for name, inner in command.commands.items()}
    return [parameter.opts for parameter in command.params]
