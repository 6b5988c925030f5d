"""The terminal's screen, drawn in memory."""

from __future__ import annotations

import io
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

from rich.console import Console

from adapters.terminal.screen import Screen
from adapters.terminal.surface import make_screen_surface
from bot.domain.run import LaneId
from bot.ports import MessageRef, Surface
from tests.support.surface_stages.base import Refusal, SeenMessage, SurfaceCase

WIDTH, HEIGHT = 120, 2_000
_PANEL = re.compile(r"^╭.*?╮$(.*?)^╰.*?╯$", re.DOTALL | re.MULTILINE)


class TerminalStage:
    """A screen in memory: first what is printed for good, then what is still drawn."""

    person = "you"

    def __init__(self) -> None:
        self._printed = _make_console()
        self._screen = Screen(self._printed)
        self.surface: Surface = make_screen_surface(self._screen)

    async def open_another(self) -> Surface:
        raise NotImplementedError("a terminal shows one run")

    async def read_messages(self) -> list[SeenMessage]:
        frame = _make_console()
        frame.print(self._screen.render_frame())  # as it would be drawn next
        board = _read_text(frame).partition("╭")[0].strip()
        panels = [*_read_panels(_read_text(self._printed)), *_read_panels(_read_text(frame))]
        return [*([SeenMessage(board)] if board else []), *map(SeenMessage, panels)]

    def list_pings(self) -> list[str]:
        return []

    async def delete_as_person(self, ref: MessageRef) -> None:
        raise NotImplementedError("nobody else writes there")

    async def refuse(self, how: Refusal) -> None:
        raise NotImplementedError("it takes whatever comes")

    async def heal(self) -> None:
        raise NotImplementedError("it takes whatever comes")

    def list_requests(self) -> list[str]:
        raise NotImplementedError("nobody counts")

    async def reopen(self, placed: dict[LaneId, MessageRef]) -> Surface | None:
        raise NotImplementedError("it ends with its process")


def _make_console() -> Console:
    """Return a console that is no terminal, so that its output holds no control codes."""
    return Console(file=io.StringIO(), width=WIDTH, height=HEIGHT, color_system=None, force_terminal=False)


def _read_text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def _read_panels(text: str) -> Iterator[str]:
    """Yield the text of each panel, without its frame."""
    for found in _PANEL.finditer(text):
        yield "\n".join(line.strip("│ ").rstrip() for line in found[1].strip("\n").splitlines())


@asynccontextmanager
async def open_terminal() -> AsyncIterator[TerminalStage]:
    yield TerminalStage()


CASES = (SurfaceCase("terminal", frozenset({"whole"}), open_terminal),)
