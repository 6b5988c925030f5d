"""Drawing a run: on a screen and in a pipe."""

from __future__ import annotations

import asyncio
import io
from collections.abc import Sequence
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console

from adapters.terminal.hints import BETWEEN, describe_keys
from adapters.terminal.screen import Move, Screen
from adapters.terminal.surface import make_pipe_surface
from bot.domain.controls import Control, SeatRef
from bot.domain.run import LaneId, TurnId
from bot.formats.debate.round_vote import round_vote_controls
from bot.ports.surface import Kind, Message
from tests.support.virtual_time import in_virtual_time


def message(seat: str, text: str, *, stage: str = "answer", kind: Kind = "turn", final: bool = False) -> Message:
    return Message(LaneId(stage, 1, seat), 0, kind, seat.capitalize(), text, final)


def board(text: str, brief: str = "", *, final: bool = False) -> Message:
    return replace(message("", text, stage="board", kind="board", final=final), brief=brief)


def make_console(width: int, height: int) -> Console:
    return Console(file=io.StringIO(), force_terminal=True, width=width, height=height, color_system=None)


def read_frame(screen: Screen, width: int, height: int) -> list[str]:
    """Return the rows of the next frame, without the spaces behind them."""
    console = Console(file=io.StringIO(), width=width, height=height, color_system=None)
    console.print(screen.render_frame())
    assert isinstance(console.file, io.StringIO)
    return [row.rstrip() for row in console.file.getvalue().splitlines()]


def frame_of(
    *messages: Message, status: str = "", typed: str = "", moves: Sequence[Move] = (), width: int = 80, height: int = 24
) -> list[str]:
    """Return the frame that a person in front of the screen sees after these messages, keys and moves."""

    @in_virtual_time
    async def draw_it() -> list[str]:
        screen = Screen(make_console(width, height))
        screen.shows_input = True
        for message in messages:
            screen.put(str(message.lane), message)
        screen.number_seats(["ada", "bob", "cyd"])
        screen.set_status(status)
        screen.set_typed(typed)
        for move in moves:
            screen.move(move)
        return read_frame(screen, width, height)

    return draw_it()


def print_all(*messages: Message, width: int = 80) -> str:
    """Return what is sent to a terminal for these messages, from entering the screen to leaving it."""

    @in_virtual_time
    async def draw_them() -> str:
        console = make_console(width, 24)
        with Screen(console) as screen:
            for message in messages:
                screen.put(str(message.lane), message)
            await asyncio.sleep(1)
        assert isinstance(console.file, io.StringIO)
        return console.file.getvalue()

    return draw_them()


BRIEF = (
    "answers 1/3 · 3 s · 412 tokens · $0.004 · Should we rewrite it, or is it enough to test the billing module first?"
)
HINT = "1–3 skip · v1–v3 vote · s stop · ↑↓ read · text: a remark · /pause /add /drop"
LINES = [f"line {n:03}" for n in range(100)]
LONG = "\n\n".join(LINES)


@pytest.mark.parametrize(("width", "height", "status_rows"), [(80, 24, 1), (40, 20, 2)])
def test_the_room_goes_to_the_texts(width: int, height: int, status_rows: int) -> None:
    writing = [message(seat, LONG) for seat in ("ada", "bob", "cyd")]
    frame = frame_of(board("long", BRIEF), *writing, status=HINT, typed="so", width=width, height=height)
    assert len(frame) == height
    assert frame[0].startswith("answers 1/3 · 3 s · 412 tokens · $0.004")
    assert frame[0].endswith("…")
    assert frame[-1] == "› so▏"
    headings = [row for row in frame if row.startswith("── ")]
    assert [heading.strip("─ ") for heading in headings] == ["1 Ada", "2 Bob", "3 Cyd"]
    texts = frame[1 : -1 - status_rows]
    assert len(texts) - len(headings) == height - 1 - 3 - status_rows - 1  # nothing else takes a row
    assert texts.count("line 099") == 3


@pytest.mark.parametrize(("width", "height"), [(80, 24), (40, 20)])
def test_a_seat_that_is_done_folds_to_its_first_lines(width: int, height: int) -> None:
    frame = frame_of(
        board("", BRIEF), message("ada", LONG, final=True), message("bob", LONG), width=width, height=height
    )
    at = frame.index(next(row for row in frame if "Bob" in row))
    assert frame[2:at] == ["line 000", "line 001"]
    assert frame[-2] == "line 099"


def test_at_the_end_the_last_message_is_whole_and_the_others_fold() -> None:
    seats = [message(seat, LONG, final=True) for seat in ("ada", "bob", "cyd")]
    frame = frame_of(*seats, message("", "Result.\n\nIt is yes.", stage="end", kind="end", final=True))
    assert "Result." in frame
    assert "It is yes." in frame
    assert frame.count("line 000") == 3


def test_what_people_should_know_stands_below_the_line_of_the_board() -> None:
    frame = frame_of(board("", f"{BRIEF}\nAda joined.\n⚠ Away: Bob\n⚠ Not being saved: the disk is full"))
    assert frame[1:3] == ["⚠ Away: Bob", "⚠ Not being saved: the disk is full"]


@pytest.mark.parametrize(("width", "height"), [(80, 24), (40, 20)])
def test_a_card_that_is_answered_by_keys_says_them_in_its_heading(width: int, height: int) -> None:
    vote = replace(
        message("", "short", stage="round", kind="card"), title="After round 1", controls=round_vote_controls(1)
    )
    guess = replace(vote, lane=LaneId("guess", 1, ""), title="Guess who")
    guess = replace(guess, controls=(Control("guess", "Who is Speaker A?", SeatRef("ada")),))
    other = replace(vote, lane=LaneId("objection", 1, ""), title="Objection")
    other = replace(other, controls=(Control("upvote", "Support", TurnId("objection", 1, "")),))
    frame = frame_of(vote, guess, other, width=width, height=height)
    headings = [row.strip("─ ") for row in frame if row.startswith("── ")]
    assert headings == ["After round 1 · y go on · n end here", "Guess who · g1 NAME guess", "Objection"]


@pytest.mark.parametrize("width", [32, 40, 60, 80])
def test_a_hint_breaks_between_keys(width: int) -> None:
    possible = {"skip", "vote", "stop", "say", "pause", "add", "drop", "object"}
    keys = describe_keys(possible, 3, ("Tie", "None of them"), is_over=False).split(BETWEEN)
    rows = frame_of(status=BETWEEN.join(keys), width=width)[-3:-1]
    shown = [key for row in rows if row for key in row.removesuffix(" …").split(BETWEEN)]
    assert len(shown) > 3
    assert shown == keys[: len(shown)]
    assert rows[-1].endswith(" …") == (len(shown) < len(keys))


def test_keys_that_have_no_room_are_one_omission() -> None:
    frame = frame_of(status=f"{HINT} /object /next {HINT}", width=40, height=20)
    assert frame[-2].endswith("…")
    assert "……" not in frame[-2]


def test_all_texts_can_be_read_from_their_start_to_their_end() -> None:
    moves: list[Move] = ["start"]
    seen: list[str] = []
    for _ in range(11):
        seen += frame_of(message("ada", LONG, final=True), moves=moves)
        moves.append("page down")
    assert list(dict.fromkeys(row for row in seen if row.startswith("line"))) == LINES


@pytest.mark.parametrize(
    "moves", [("up", "down"), ("page up", "end"), ("down",), ("up", "up", "down", "page down"), ("start", "end", "end")]
)
def test_at_the_end_of_the_texts_all_messages_share_the_screen_again(moves: Sequence[Move]) -> None:
    messages = (message("ada", LONG, final=True), message("bob", "short"))
    assert frame_of(*messages, moves=moves) == frame_of(*messages)
    assert frame_of(*messages, moves=("up",)) != frame_of(*messages)


@pytest.mark.parametrize("width", [20, 40, 110, 200])
@pytest.mark.parametrize("height", [5, 24])
def test_it_fits_terminals_of_any_size(width: int, height: int) -> None:
    turns = [message(seat, "word " * 300) for seat in ("ada", "bob", "cyd")]
    frame = frame_of(
        board("", BRIEF), *turns, status="a hint that is long " * 20, typed="typed " * 100, width=width, height=height
    )
    assert max(cell_len(row) for row in frame) <= width
    assert len(frame) == height
    assert frame[-1].endswith("typed ▏")


def test_everything_is_printed_whole_when_the_screen_is_left() -> None:
    out = print_all(board("the board", BRIEF), message("ada", LONG, final=True), message("bob", "Bob began"))
    left = out[out.rindex("\x1b[?1049l") :]
    assert [line for line in LINES if line not in left] == []
    assert left.index("line 099") < left.index("Bob began") < left.index("the board")


def test_the_result_is_printed_behind_the_synthesis() -> None:
    synthesis = message("chair", "the sum of all", stage="synthesis", final=True)
    out = print_all(synthesis, message("", "the result", stage="end", kind="end", final=True))
    left = out[out.rindex("\x1b[?1049l") :]
    assert left.index("the sum of all") < left.index("the result")


def test_models_cannot_format_the_terminal() -> None:
    assert "[bold]not markup[/bold]" in print_all(message("[red]ada", "[bold]not markup[/bold]", final=True))


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
