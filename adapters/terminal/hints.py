"""The line that says what can be typed now."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from commands.steer import COMMANDS as STEERING


def list_slash_commands(possible: Collection[str]) -> list[str]:
    """List the commands of `commands.steer` that a run takes now, as they are typed."""
    return [f"/{command.path[-1]}" for command in STEERING if command.path[-1] in possible]


def describe_keys(possible: Collection[str], seats: int, extra: Sequence[str], *, is_over: bool) -> str:
    """Say what can be typed, given the names of what is possible now (`bot.actions.possible`).

    `seats`: how many there are. `extra`: what can be voted for beside them.
    """
    others = [f"v{number} {name}" for number, name in enumerate(extra, seats + 1)]
    keys = {
        "skip": f"{_show_keys('', seats)} skip",
        "vote_before": f"{_show_keys('b', seats)} vote before it begins",
        "vote": " · ".join([f"{_show_keys('v', seats)} vote", *others]),
        "guess": "g1 NAME guess",
        "reveal": "r reveal",
        "stop": "s stop",
    }
    offered = [text for name, text in keys.items() if name in possible]
    offered += ["↑↓ read", *(["q leave"] if is_over else [])]
    offered += ["text: a remark"] if "say" in possible else []
    return " · ".join([*offered, *filter(None, [" ".join(list_slash_commands(possible))])])


def _show_keys(letter: str, seats: int) -> str:
    return f"{letter}1" if seats == 1 else f"{letter}1–{letter}{seats}"
