"""What can be typed: now, in the line at the bottom, and in answer to a card, in its heading."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from bot.domain.controls import Control
from commands.steer import COMMANDS as STEERING

ROUND_VOTE, GUESS = "y go on · n end here", "g1 NAME guess"
BETWEEN = " · "  # between keys, where a hint may break
ANSWERS = {"go_on": ROUND_VOTE, "guess": GUESS}  # action of a card's button → the keys in its place


def list_slash_commands(possible: Collection[str]) -> list[str]:
    """List the commands of `commands.steer` that a run takes now, as they are typed."""
    return [f"/{command.path[-1]}" for command in STEERING if command.path[-1] in possible]


def describe_keys(possible: Collection[str], seats: int, extra: Sequence[str], *, is_over: bool) -> str:
    """Say what can be typed, given the names of what is possible now (`bot.actions.possible`).

    `seats`: how many there are. `extra`: what can be voted for beside them.
    """
    others = [f"v{number} {name}" for number, name in enumerate(extra, seats + 1)]
    keys = {
        "next": ROUND_VOTE,
        "skip": f"{_show_keys('', seats)} skip",
        "vote_before": f"{_show_keys('b', seats)} vote before it begins",
        "vote": BETWEEN.join([f"{_show_keys('v', seats)} vote", *others]),
        "guess": GUESS,
        "reveal": "r reveal",
        "stop": "s stop",
    }
    offered = [text for name, text in keys.items() if name in possible]
    offered += ["↑↓ read", *(["q leave"] if is_over else [])]
    offered += ["text: a remark"] if "say" in possible else []
    return BETWEEN.join([*offered, *list_slash_commands(possible)])


def describe_answers(controls: Sequence[Control]) -> str:
    """Say by which keys a card with these buttons is answered, or return "" where none is."""
    return next((ANSWERS[control.action] for control in controls if control.action in ANSWERS), "")


def _show_keys(letter: str, seats: int) -> str:
    return f"{letter}1" if seats == 1 else f"{letter}1–{letter}{seats}"
