"""What is typed and what is drawn."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import Callable

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
from tests.support.virtual_time import run_virtual


@pytest.mark.parametrize(
    ("typed", "key"),
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
def test_what_a_line_means_once_entered(typed: str, key: Input | None) -> None:
    assert read_input(typed, entered=True) == key


def typing(*steps: str | float) -> tuple[list[Input], list[str]]:
    """What keys and lines come of typing, with pauses of so many seconds."""

    async def run() -> tuple[list[Input], list[str]]:
        keys: list[Input] = []
        lines: list[str] = []
        board = LineEditor(keys.append, lines.append)
        for step in steps:
            if isinstance(step, str):
                board.feed(step)
            else:
                await asyncio.sleep(step)
        board.close()
        return keys, lines

    return run_virtual(run())


LONG = PAUSE_S * 1.1


@pytest.mark.parametrize(
    ("steps", "keys"),
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
def test_short_keys_act_after_a_pause_and_remarks_on_enter(steps: tuple[str | float, ...], keys: list[Input]) -> None:
    assert typing(*steps)[0] == keys


def test_what_is_typed_is_shown_as_it_is_typed() -> None:
    assert typing("so", 0.1, "!", 0.1, "\n")[1] == ["so", "so!", ""]


def message(seat: str, text: str, *, stage: str = "answer", kind: Kind = "turn", final: bool = False) -> Message:
    return Message(LaneId(stage, 1, seat), 0, kind, seat.capitalize(), text, final)


def drawn(act: Callable[[Screen], None], *, width: int = 80, height: int = 30) -> str:
    """Everything that a terminal of that size was sent."""

    async def run() -> str:
        out = io.StringIO()
        console = Console(file=out, force_terminal=True, width=width, height=height, color_system=None)
        with Screen(console) as screen:
            act(screen)
            await asyncio.sleep(1)
        return out.getvalue()

    return run_virtual(run())


def test_panels_are_printed_for_good_in_the_order_in_which_they_were_opened() -> None:
    def act(screen: Screen) -> None:
        screen.put("1", message("ada", "…"))
        screen.put("2", message("bob", "…"))
        screen.put("2", message("bob", "bob is done", final=True))
        screen.put("1", message("ada", "ada is done", final=True))

    out = drawn(act)
    assert out.rindex("ada is done") < out.rindex("bob is done")


def test_an_answer_that_is_being_written_shows_its_newest_lines_and_later_all_of_it() -> None:
    lines = [f"line {n:03}" for n in range(100)]

    def act(screen: Screen) -> None:
        screen.put("1", message("ada", "\n\n".join(lines)))

    out = drawn(act, height=20)
    first_frame = out[: out.index("line 000")]
    assert "line 099" in first_frame
    assert all(line in out for line in lines)


@pytest.mark.parametrize("width", [20, 40, SIDE_BY_SIDE - 1, SIDE_BY_SIDE, 200])
@pytest.mark.parametrize("height", [5, 24])
def test_it_fits_terminals_of_any_size(width: int, height: int) -> None:
    def act(screen: Screen) -> None:
        screen.put("0", message("", "▰▱ 1/2 · answers", stage="board", kind="board"))
        for seat in ("ada", "bob", "cyd"):
            screen.put(seat, message(seat, "word " * 300))
        screen.set_line("a hint that is rather long for a narrow terminal " * 3)

    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", drawn(act, width=width, height=height))
    assert max(cell_len(line) for line in re.split(r"[\r\n]", plain)) <= width


def test_the_synthesis_stands_beside_the_original_where_there_is_room() -> None:
    def act(screen: Screen) -> None:
        screen.put("1", message("original", "the best answer", stage="original", kind="card", final=True))
        screen.put("2", message("chair", "the sum of all", stage="synthesis", final=True))

    together = [line for line in drawn(act, width=SIDE_BY_SIDE).splitlines() if "the best answer" in line]
    assert any("the sum of all" in line for line in together)
    apart = [line for line in drawn(act, width=SIDE_BY_SIDE - 1).splitlines() if "the best answer" in line]
    assert not any("the sum of all" in line for line in apart)


def test_models_cannot_format_the_terminal() -> None:
    def act(screen: Screen) -> None:
        screen.put("1", message("[red]ada", "[bold]not markup[/bold]", final=True))

    assert "[bold]not markup[/bold]" in drawn(act)


def test_a_pipe_gets_turns_as_they_finish_cards_in_their_place_and_the_board_last() -> None:
    out = io.StringIO()
    surface = make_pipe_surface(Console(file=out))

    async def run() -> None:
        for step in (
            message("", "board 1", stage="board", kind="board"),
            message("ada", "ada…"),
            message("bob", "bob is done", final=True),
            message("", "reviews…", stage="reviews", kind="card"),
            message("ada", "ada is done", final=True),
            message("chair", "the sum", stage="synthesis", final=True),
            message("", "board 2", stage="board", kind="board", final=True),
            message("", "all reviews", stage="reviews", kind="card", final=True),
            message("bob", "bob again", final=True),
        ):
            await surface.post(step)

    run_virtual(run())
    lines = [line for line in out.getvalue().splitlines() if line and not line.startswith("==")]
    assert lines == ["bob is done", "ada is done", "all reviews", "the sum", "board 2"]


def test_a_pipe_gets_the_end_after_every_turn() -> None:
    out = io.StringIO()
    surface = make_pipe_surface(Console(file=out))

    async def run() -> None:
        await surface.post(message("ada", "ada…"))
        await surface.post(message("", "the end", stage="end", kind="end", final=True))
        await surface.post(message("ada", "ada is done", final=True))

    run_virtual(run())
    assert [line for line in out.getvalue().splitlines() if line and not line.startswith("==")] == [
        "ada is done",
        "the end",
    ]


def test_a_card_that_is_cut_shows_its_first_lines() -> None:
    lines = [f"line {n:03}" for n in range(100)]

    def act(screen: Screen) -> None:
        screen.put("1", message("", "\n\n".join(lines), stage="standings", kind="card"))

    out = drawn(act, height=20)
    assert "line 000" in out
    assert "line 099" not in out[: out.index("line 001")]
