"""Typing during a run, and drawing it: on a screen and in a pipe."""

from __future__ import annotations

import asyncio
import io
import re
from dataclasses import dataclass

import pytest
from rich.cells import cell_len
from rich.console import Console

from adapters.terminal.keys import (
    PAUSE_S,
    GuessLine,
    Input,
    LineEditor,
    RemarkLine,
    RevealKey,
    SkipKey,
    StopKey,
    VoteKey,
    read_input,
)
from adapters.terminal.screen import SIDE_BY_SIDE, Screen
from adapters.terminal.surface import make_pipe_surface
from bot.domain.run import LaneId
from bot.ports import Kind, Message
from tests.support.virtual_time import in_virtual_time, run_virtual


@pytest.mark.parametrize(
    ("line", "meaning"),
    [
        ("2", SkipKey(2)),
        ("12", SkipKey(12)),
        ("v2", VoteKey(2)),
        ("V 3", VoteKey(3)),
        ("s", StopKey()),
        ("r", RevealKey()),
        ("g2 Claude 3", GuessLine(2, "Claude 3")),
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
    """The inputs that came of typing, and the lines that were shown meanwhile."""

    inputs: list[Input]
    lines: list[str]


async def type_steps(*steps: str | float) -> Typed:
    """Type the texts, with pauses of so many seconds."""
    typed = Typed([], [])
    editor = LineEditor(typed.inputs.append, typed.lines.append)
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
        (("s", 0.1, "o what\n"), [RemarkLine("so what")]),
        (("2\n", "v1\n"), [SkipKey(2), VoteKey(1)]),
        (("hello", LONG, " there", LONG, "\r"), [RemarkLine("hello there")]),
        (("sx\x7f", LONG), [StopKey()]),
        (("nonsense\x15s", LONG), [StopKey()]),
        (("1", 0.1), []),
        (("\x1b\x00\n",), []),
    ],
)
def test_short_keys_act_after_a_pause_and_remarks_on_enter(steps: tuple[str | float, ...], inputs: list[Input]) -> None:
    assert run_virtual(type_steps(*steps)).inputs == inputs


def test_text_is_shown_as_it_is_typed() -> None:
    assert run_virtual(type_steps("so", 0.1, "!", 0.1, "\n")).lines == ["so", "so!", ""]


def message(seat: str, text: str, *, stage: str = "answer", kind: Kind = "turn", final: bool = False) -> Message:
    return Message(LaneId(stage, 1, seat), 0, kind, seat.capitalize(), text, final)


def board(text: str, *, final: bool = False) -> Message:
    return message("", text, stage="board", kind="board", final=final)


def draw(*messages: Message, line: str = "", width: int = 80, height: int = 30) -> str:
    """Return everything that a terminal of that size is sent for these messages, one after the other.

    A message of the same lane replaces the one before.
    """

    @in_virtual_time
    async def draw_them() -> str:
        out = io.StringIO()
        console = Console(file=out, force_terminal=True, width=width, height=height, color_system=None)
        with Screen(console) as screen:
            for message in messages:
                screen.put(str(message.lane), message)
            screen.set_line(line)
            await asyncio.sleep(1)
        return out.getvalue()

    return draw_them()


def test_panels_are_printed_for_good_in_the_order_in_which_they_were_opened() -> None:
    out = draw(
        message("ada", "…"),
        message("bob", "…"),
        message("bob", "bob is done", final=True),
        message("ada", "ada is done", final=True),
    )
    assert out.rindex("ada is done") < out.rindex("bob is done")


def test_an_answer_that_is_being_written_shows_its_newest_lines_and_later_all_of_it() -> None:
    lines = [f"line {n:03}" for n in range(100)]
    out = draw(message("ada", "\n\n".join(lines)), height=20)
    first_frame = out[: out.index("line 000")]
    assert "line 099" in first_frame
    assert all(line in out for line in lines)


def test_a_card_that_is_cut_shows_its_first_lines() -> None:
    lines = [f"line {n:03}" for n in range(100)]
    out = draw(message("", "\n\n".join(lines), stage="standings", kind="card"), height=20)
    assert "line 000" in out
    assert "line 099" not in out[: out.index("line 001")]


@pytest.mark.parametrize("width", [20, 40, SIDE_BY_SIDE - 1, SIDE_BY_SIDE, 200])
@pytest.mark.parametrize("height", [5, 24])
def test_it_fits_terminals_of_any_size(width: int, height: int) -> None:
    turns = [message(seat, "word " * 300) for seat in ("ada", "bob", "cyd")]
    hint = "a hint that is rather long for a narrow terminal " * 3
    out = draw(board("▰▱ 1/2 · answers"), *turns, line=hint, width=width, height=height)
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", out)
    assert max(cell_len(line) for line in re.split(r"[\r\n]", text)) <= width


@pytest.mark.parametrize(("width", "together"), [(SIDE_BY_SIDE, True), (SIDE_BY_SIDE - 1, False)])
def test_the_synthesis_stands_beside_the_original_where_there_is_room(width: int, together: bool) -> None:
    out = draw(
        message("original", "the best answer", stage="original", kind="card", final=True),
        message("chair", "the sum of all", stage="synthesis", final=True),
        width=width,
    )
    rows = [line for line in out.splitlines() if "the best answer" in line]
    assert rows
    assert any("the sum of all" in row for row in rows) == together


def test_models_cannot_format_the_terminal() -> None:
    assert "[bold]not markup[/bold]" in draw(message("[red]ada", "[bold]not markup[/bold]", final=True))


async def print_to_pipe(*messages: Message) -> list[str]:
    """Post the messages on a pipe's surface; return its lines, without empty ones and titles."""
    out = io.StringIO()
    surface = make_pipe_surface(Console(file=out))
    for message in messages:
        await surface.post(message)
    return [line for line in out.getvalue().splitlines() if line and not line.startswith("==")]


async def test_a_pipe_gets_turns_as_they_finish_cards_in_their_place_and_the_board_last() -> None:
    lines = await print_to_pipe(
        board("board 1"),
        message("ada", "ada…"),
        message("bob", "bob is done", final=True),
        message("", "reviews…", stage="reviews", kind="card"),
        message("ada", "ada is done", final=True),
        message("chair", "the sum", stage="synthesis", final=True),
        board("board 2", final=True),
        message("", "all reviews", stage="reviews", kind="card", final=True),
        message("bob", "bob again", final=True),
    )
    assert lines == ["bob is done", "ada is done", "all reviews", "the sum", "board 2"]


async def test_a_pipe_gets_the_end_after_every_turn() -> None:
    lines = await print_to_pipe(
        message("ada", "ada…"),
        message("", "the end", stage="end", kind="end", final=True),
        message("ada", "ada is done", final=True),
    )
    assert lines == ["ada is done", "the end"]
