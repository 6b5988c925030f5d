"""The terminal as a screen: the board above, below it a panel a turn, in the order in which they were opened.

Final panels with no unfinished one before them are printed for good, so that what scrolls away is in order. The rest
share the height that is left, and each shows its newest lines.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from rich.columns import Columns
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.live import Live
from rich.markdown import Markdown
from rich.panel import Panel
from rich.segment import Segment
from rich.text import Text

from bot.ports import Message, MessageRef

FRAMES_PER_S = 8
SIDE_BY_SIDE = 110  # columns that two panels beside each other need
TOGETHER = ("original", "synthesis")  # stages that are printed together, beside each other where both fit
HEIGHT_LEFT = 4  # rows for the line at the bottom and for the shell's prompt below it


@dataclass(slots=True)
class _Body:
    """The text of a message, laid out.

    It shows at most `rows` lines: the newest of a turn, the first of a card; all of them where `rows` is None.
    """

    text: str
    is_turn: bool
    rows: int | None = None
    _lines: list[list[Segment]] = field(default_factory=list)
    _width: int = 0

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if self._width != options.max_width:  # laying out is costly
            self._lines = console.render_lines(Markdown(self.text), options.update(height=None), pad=False)
            self._width = options.max_width
        most = len(self._lines) if self.rows is None else self.rows
        for line in self._lines[-most:] if self.is_turn else self._lines[:most]:
            yield from line
            yield Segment.line()


class Screen:
    """Messages drawn on a console from entering to leaving, with one line at the bottom."""

    def __init__(self, console: Console) -> None:
        self._line = ""
        self._console = console
        self._messages: dict[MessageRef, Message] = {}
        self._bodies: dict[MessageRef, _Body] = {}
        self._live = Live(
            get_renderable=self.render_frame, console=console, auto_refresh=False, vertical_overflow="crop"
        )
        self._next_frame: asyncio.TimerHandle | None = None  # drawn by the loop, as a thread could draw half a change

    def __enter__(self) -> Screen:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Print all that is not printed for good yet, whatever became of the run."""
        if self._next_frame:
            self._next_frame.cancel()
        left, self._messages = self._messages, {}
        self._line = ""
        self._live.stop()
        board = [m for m in left.values() if m.kind == "board"]
        for part in [
            *self._render_whole([r for r, m in left.items() if m.kind != "board"], left),
            *map(self._render_board, board),
        ]:
            self._console.print(part)

    def put(self, ref: MessageRef, message: Message) -> None:
        """Show a new message, or a new version of one."""
        if self._messages.get(ref) != message:
            self._messages[ref] = message
            self._bodies[ref] = _Body(message.text, message.kind == "turn")
            self._print_final_turns()
            self._schedule_frame()

    def set_line(self, line: str) -> None:
        """Set the line at the bottom: a hint, the text that is being typed, or the reason of a refusal."""
        self._line = line
        self._schedule_frame()

    def remove(self, ref: MessageRef) -> None:
        """Remove a message that is not printed for good."""
        self._messages.pop(ref, None)
        self._schedule_frame()

    def _schedule_frame(self) -> None:
        if self._next_frame is None:
            self._next_frame = asyncio.get_running_loop().call_later(1 / FRAMES_PER_S, self._draw)

    def _draw(self) -> None:
        self._next_frame = None
        self._live.refresh()

    def _print_final_turns(self) -> None:
        """Print turns for good, in order, once they and all before them are final."""
        ready: list[MessageRef] = []
        for ref, message in self._messages.items():
            if message.kind == "board":
                continue
            if not (message.final and message.kind == "turn" and message.lane.stage not in TOGETHER):
                break
            ready.append(ref)
        if ready:
            whole = self._render_whole(ready, self._messages)
            for ref in ready:
                del self._messages[ref]
            self._live.refresh()  # printing draws the last frame again, and these were in it
            self._console.print(*whole)

    def render_frame(self) -> RenderableType:
        """Render what is not printed for good, within the height of the terminal."""
        boards = [self._render_board(m) for m in self._messages.values() if m.kind == "board"]
        refs = [r for r, m in self._messages.items() if m.kind != "board"]
        used = sum(len(self._console.render_lines(b)) for b in boards) + HEIGHT_LEFT
        each = max(1, (self._console.height - used) // max(1, len(refs)) - 2)  # a panel's frame takes two rows
        for ref in refs:
            self._bodies[ref].rows = each
        panels = [self._make_panel(self._messages[r], self._bodies[r]) for r in refs]
        return Group(*boards, *panels, Text(self._line, style="dim", no_wrap=True, overflow="ellipsis"))

    def _render_whole(self, refs: list[MessageRef], messages: dict[MessageRef, Message]) -> list[RenderableType]:
        """Render these messages whole, the synthesis beside the original where the terminal is wide enough."""
        parts: list[RenderableType] = []
        pair: list[Panel] = []
        for ref in refs:
            self._bodies[ref].rows = None
            panel = self._make_panel(messages[ref], self._bodies[ref])
            (pair if messages[ref].lane.stage in TOGETHER else parts).append(panel)
            if len(pair) == len(TOGETHER):
                parts += self._place_side_by_side(pair)
                pair = []
        return parts + list(pair)

    def _place_side_by_side(self, pair: list[Panel]) -> list[RenderableType]:
        if self._console.width < SIDE_BY_SIDE:
            return list(pair)
        return [Columns(pair, width=self._console.width // len(pair) - 1, equal=True)]

    def _make_panel(self, message: Message, body: _Body) -> Panel:
        return Panel(
            body,
            title=Text(message.title) if message.title else None,
            title_align="left",
            border_style="dim" if message.final else "cyan",
            padding=(0, 1),
        )

    def _render_board(self, message: Message) -> RenderableType:
        return Markdown(message.text)
