"""Typing while a run is shown."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from adapters.terminal.keys import (
    PAUSE_S,
    CommandLine,
    GuessLine,
    Input,
    LeaveKey,
    LineEditor,
    RemarkLine,
    RevealKey,
    RoundVoteKey,
    SkipKey,
    StopKey,
    VoteKey,
    read_input,
)
from adapters.terminal.screen import Move
from tests.support.virtual_time import run_virtual


@pytest.mark.parametrize(
    ("line", "meaning"),
    [
        ("2", SkipKey(2)),
        ("12", SkipKey(12)),
        ("v2", VoteKey(2)),
        ("V 3", VoteKey(3)),
        ("b1", VoteKey(1, is_early=True)),
        ("s", StopKey()),
        ("r", RevealKey()),
        ("y", RoundVoteKey("go on")),
        ("n", RoundVoteKey("end")),
        ("q", LeaveKey()),
        ("g2 Claude 3", GuessLine(2, "Claude 3")),
        ("/add claude", CommandLine("add claude")),
        ("g2", RemarkLine("g2")),
        ("so what", RemarkLine("so what")),
        ("2 things", RemarkLine("2 things")),
        ("v", RemarkLine("v")),
        ("", None),
        ("   ", None),
    ],
)
def test_the_meaning_of_a_line_once_entered(line: str, meaning: Input | None) -> None:
    assert read_input(line, entered=True) == meaning


@dataclass(frozen=True, slots=True)
class Typed:
    """What came of typing: inputs, moves through the texts, and the lines that were shown meanwhile."""

    inputs: list[Input]
    moves: list[Move]
    lines: list[str]


async def type_steps(*steps: str | float) -> Typed:
    """Type the texts, with pauses of so many seconds."""
    typed = Typed([], [], [])
    editor = LineEditor(typed.inputs.append, typed.moves.append, typed.lines.append)
    for step in steps:
        if isinstance(step, str):
            editor.feed(step)
        else:
            await asyncio.sleep(step)
    editor.close()
    return typed


LONG = PAUSE_S * 1.1


@pytest.mark.parametrize(
    ("steps", "inputs"),
    [
        (("2", LONG), [SkipKey(2)]),
        (("v", 0.1, "2", LONG), [VoteKey(2)]),
        (("s", LONG), [StopKey()]),
        (("q", LONG), [LeaveKey()]),
        (("s", 0.1, "o what\n"), [RemarkLine("so what")]),
        (("q", 0.1, "uite so\n"), [RemarkLine("quite so")]),
        (("n", 0.1, "o, why?\n", "y", LONG), [RemarkLine("no, why?"), RoundVoteKey("go on")]),
        (("2\n", "v1\n"), [SkipKey(2), VoteKey(1)]),
        (("hello", LONG, " there", LONG, "\r"), [RemarkLine("hello there")]),
        (("sx\x7f", LONG), [StopKey()]),
        (("nonsense\x15s", LONG), [StopKey()]),
        (("1", 0.1), []),
        (("\x1b\x00\n",), []),
        (("\x1b[Z\x1b[1;5Hs", LONG), [StopKey()]),  # keys that mean nothing here type nothing
    ],
)
def test_short_keys_act_after_a_pause_and_remarks_on_enter(steps: tuple[str | float, ...], inputs: list[Input]) -> None:
    assert run_virtual(type_steps(*steps)).inputs == inputs


def test_text_is_shown_as_it_is_typed() -> None:
    assert run_virtual(type_steps("so", 0.1, "!", 0.1, "\n")).lines == ["so", "so!", ""]


def test_arrows_move_and_leave_what_is_typed_alone() -> None:
    typed = run_virtual(type_steps("ab", "\x1b[A\x1bOB\x1b[5~\x1b[6~\x1b[H\x1b[4~", "c\n"))
    assert typed.moves == ["up", "down", "page up", "page down", "start", "end"]
    assert typed.inputs == [RemarkLine("abc")]
