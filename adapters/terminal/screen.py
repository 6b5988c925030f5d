"""The terminal as a screen: the board in one line, a heading and text a message, and the line that is typed below.

Messages stand in the order in which they were opened and share the rows (`adapters.terminal.layout`). Whoever moves up
reads all of them whole, page by page. What was on the screen is printed at its end, so that the terminal keeps it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.live import Live
from rich.markdown import Markdown
from rich.panel import Panel
from rich.segment import Segment
from rich.style import Style
from rich.text import Text

from adapters.terminal.hints import BETWEEN, describe_answers
from adapters.terminal.layout import Wish, share_rows
from bot.ports.surface import Message, MessageRef

FRAMES_PER_S = 8
BOARD_ROWS = 3  # at most: the run in one line, and the newest lines on what people should know
STATUS_ROWS = 2  # at most, for what can be typed and for what came of it
LOW_ROWS = 12  # of a screen below which board and status get a row each
PROMPT, CURSOR = "› ", "▏"
DIM, SPEAKING = Style(dim=True), Style(color="cyan")

Move = Literal["up", "down", "page up", "page down", "start", "end"]
Line = list[Segment]


@dataclass(slots=True)
class _Body:
    """The text of a message, laid out once for each width, as that is costly."""

    text: str
    _lines: list[Line] = field(default_factory=list)
    _width: int = 0

    def layout(self, console: Console, options: ConsoleOptions) -> list[Line]:
        """Return its lines, without those that are empty before and behind it."""
        if self._width != options.max_width:
            lines = console.render_lines(Markdown(self.text), options.update(height=None), pad=False)
            self._lines, self._width = _strip_lines(lines), options.max_width
        return self._lines

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from _join_lines(self.layout(console, options))


class Screen:
    """Messages drawn on a console from entering to leaving, with two lines at the bottom: a status, and what is typed.

    `shows_input` is set where somebody can type.
    """

    def __init__(self, console: Console) -> None:
        self.shows_input = False
        self._status = self._typed = ""
        self._console = console
        self._numbers: dict[str, int] = {}
        self._messages: dict[MessageRef, Message] = {}
        self._bodies: dict[MessageRef, _Body] = {}
        self._top: int | None = None  # the first line that is read; None: all messages share the screen
        self._live = Live(get_renderable=self.render_frame, console=console, auto_refresh=False, screen=True)
        self._next_frame: asyncio.TimerHandle | None = None  # drawn by the loop, as a thread could draw half a change

    def __enter__(self) -> Screen:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Give the terminal back, and print all messages whole, whatever became of the run."""
        if self._next_frame:
            self._next_frame.cancel()
        self._live.stop()
        for part in self._render_whole():
            self._console.print(part)

    def put(self, ref: MessageRef, message: Message) -> None:
        """Show a new message, or a new version of one."""
        if self.shows_input and (keys := describe_answers(message.controls)):
            message = replace(message, title=f"{message.title} · {keys}")
        before = self._messages.get(ref)
        if before != message:
            self._messages[ref] = message
            if before is None or before.text != message.text:
                self._bodies[ref] = _Body(message.text)
            self.redraw()

    def remove(self, ref: MessageRef) -> None:
        """Remove a message."""
        self._messages.pop(ref, None)
        self.redraw()

    def number_seats(self, seats: Sequence[str]) -> None:
        """Show the numbers by which seats are typed, counted from 1."""
        self._numbers = {seat: number for number, seat in enumerate(seats, 1)}
        self.redraw()

    def set_status(self, text: str) -> None:
        """Set what can be typed, or what came of it, as Markdown."""
        if text != self._status:
            self._status = text
            self.redraw()

    def set_typed(self, text: str) -> None:
        """Set the line that is being typed."""
        self._typed = text
        self.redraw()

    def move(self, move: Move) -> None:
        """Move through the texts; whoever moves on at their end has all messages share the screen again."""
        options = self._console.options
        page = self._count_text_rows(options)
        bottom = max(0, len(self._layout_document(options)) - page)
        step = {"up": -1, "down": 1, "page up": 1 - page, "page down": page - 1, "start": -bottom, "end": bottom}[move]
        if self._top is None and move != "start":
            self._top = bottom if step < 0 else None
        elif step > 0 and self._top is not None and self._top >= bottom:
            self._top = None
        else:
            self._top = min(bottom, max(0, (self._top or 0) + step))
        self.redraw()

    def redraw(self) -> None:
        """Draw the next frame soon."""
        if self._next_frame is None:
            self._next_frame = asyncio.get_running_loop().call_later(1 / FRAMES_PER_S, self._draw)

    def _draw(self) -> None:
        self._next_frame = None
        self._live.refresh()

    def render_frame(self) -> RenderableType:
        """Render the board, the messages and the lines at the bottom, within the size of the terminal."""
        options = self._console.options
        rows = self._count_text_rows(options)
        lines = self._layout_shared(options, rows) if self._top is None else self._layout_document(options)[self._top :]
        lines = lines[:rows] + [[]] * (rows - len(lines))
        return _Lines([*self._layout_board(options), *lines, *self._layout_bottom(options)])

    def _count_text_rows(self, options: ConsoleOptions) -> int:
        taken = len(self._layout_board(options)) + len(self._layout_bottom(options))
        return max(1, options.size.height - taken)

    def _list_texts(self) -> list[MessageRef]:
        return [ref for ref, message in self._messages.items() if message.kind != "board" or not message.brief]

    def _layout_shared(self, options: ConsoleOptions, rows: int) -> list[Line]:
        """Lay out all messages that there is room for: of a turn that is being written the newest lines."""
        refs = self._list_texts()
        bodies = [self._bodies[ref].layout(self._console, options) for ref in refs]
        lines: list[Line] = []
        bodies = [[line for line in body if _has_words(line)] for body in bodies]  # room is scarce
        shares = share_rows([Wish(len(b), self._is_done(ref)) for ref, b in zip(refs, bodies, strict=True)], rows)
        for ref, body, share in zip(refs, bodies, shares, strict=True):
            if share is not None:
                newest = not self._is_done(ref)
                lines.append(self._layout_heading(ref, options))
                lines += body[max(0, len(body) - share) :] if newest else body[:share]
        return lines

    def _layout_document(self, options: ConsoleOptions) -> list[Line]:
        """Lay out all messages whole."""
        lines: list[Line] = []
        for ref in self._list_texts():
            body = self._bodies[ref].layout(self._console, options)
            lines += [self._layout_heading(ref, options), *body, []]
        return lines[:-1]

    def _is_done(self, ref: MessageRef) -> bool:
        return self._messages[ref].final or self._messages[ref].kind != "turn"

    def _layout_heading(self, ref: MessageRef, options: ConsoleOptions) -> Line:
        message = self._messages[ref]
        number = self._numbers.get(message.lane.seat) if message.kind == "turn" else None
        title = " ".join(part for part in (str(number or ""), message.title) if part)
        style = SPEAKING if message.kind == "turn" and not message.final else DIM
        line = _crop_line([Segment(f"── {title}" if title else "─", style)], options.max_width - 1)
        rule = "─" * (options.max_width - Segment.get_line_length(line) - 1)
        return [*line, Segment(f" {rule}" if title else f"─{rule}", style)]

    def _layout_board(self, options: ConsoleOptions) -> list[Line]:
        """Lay out the board: its first line, and the newest of the others."""
        briefs = [m.brief.splitlines() for m in self._messages.values() if m.kind == "board"]
        lines = [line for brief in briefs for line in brief if line]
        shown = lines[:1] if _is_low(options) else [*lines[:1], *lines[1:][-(BOARD_ROWS - 1) :]]
        return [_crop_line(self._layout_line(line, options), options.max_width) for line in shown]

    def _layout_line(self, line: str, options: ConsoleOptions) -> Line:
        """Lay out a line of Markdown on a row, however long that is."""
        wide = options.update(width=max(options.max_width, 4 * len(line) + 4), height=None)
        lines = _strip_lines(self._console.render_lines(Markdown(line), wide, pad=False))
        return lines[0] if lines else []

    def _layout_bottom(self, options: ConsoleOptions) -> list[Line]:
        typed = [self._layout_typed(options.max_width)] if self.shows_input else []
        return [*self._layout_status(options), *typed]

    def _layout_status(self, options: ConsoleOptions) -> list[Line]:
        words, width = options.update(height=None), options.max_width
        most = 1 if _is_low(options) else STATUS_ROWS
        status = Markdown(_break_between_keys(self._status, width, most), style=DIM)
        lines = _strip_lines(self._console.render_lines(status, words, pad=False))
        if len(lines) <= most:
            return lines
        return [*lines[: most - 1], _crop_line([*_trim_line(lines[most - 1]), Segment(" …")], width)]

    def _layout_typed(self, width: int) -> Line:
        """Lay out the end of what is typed, which is where one types."""
        typed = self._typed[-width:]
        while typed and cell_len(f"{PROMPT}{typed}{CURSOR}") > width:
            typed = typed[1:]
        return [Segment(f"{PROMPT}{typed}{CURSOR}")]

    def _render_whole(self) -> Iterator[RenderableType]:
        """Render all messages whole, the board last."""
        yield from map(self._make_panel, self._list_texts())
        boards = [message for message in self._messages.values() if message.kind == "board" and message.brief]
        yield from (Markdown(message.text) for message in boards)

    def _make_panel(self, ref: MessageRef) -> Panel:
        title = self._messages[ref].title
        return Panel(self._bodies[ref], title=Text(title) if title else None, title_align="left", padding=(0, 1))


@dataclass(frozen=True, slots=True)
class _Lines:
    """Lines that are laid out already."""

    lines: Sequence[Line]

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from _join_lines(self.lines)


def _break_between_keys(status: str, width: int, most: int) -> str:
    """Break a status into rows, as Markdown, so that none ends inside a key; keys that have no room are left out."""
    first, *others = status.split(BETWEEN)
    rows = [first]
    for key in others:
        if cell_len(grown := f"{rows[-1]}{BETWEEN}{key}") <= width:
            rows[-1] = grown
        else:
            rows.append(key)
    if len(rows) > most:
        *above, last = rows[:most]
        while cell_len(f"{last} …") > width and BETWEEN in last:
            last = last.rpartition(BETWEEN)[0]
        rows = [*above, f"{last} …"]
    return "  \n".join(rows)


def _is_low(options: ConsoleOptions) -> bool:
    return options.size.height < LOW_ROWS


def _join_lines(lines: Iterable[Line]) -> Iterator[Segment]:
    for line in lines:
        yield from line
        yield Segment.line()


def _strip_lines(lines: Sequence[Line]) -> list[Line]:
    """Return the lines without empty ones at both ends."""
    said = [n for n, line in enumerate(lines) if _has_words(line)]
    return list(lines[said[0] : said[-1] + 1]) if said else []


def _has_words(line: Line) -> bool:
    return any(segment.text.strip() for segment in line)


def _trim_line(line: Line) -> Line:
    """Return the line without the spaces that rich fills it up with."""
    words = [*line]
    while words and not words[-1].text.strip():
        words.pop()
    return [*words[:-1], Segment(words[-1].text.rstrip(), words[-1].style)] if words else []


def _crop_line(line: Line, width: int) -> Line:
    """Return the line as far as it fits; an omission is marked."""
    line = _trim_line(line)
    if Segment.get_line_length(line) <= width:
        return line
    return [*Segment.adjust_line_length(line, width - 1, pad=False), Segment("…")]
