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
    """What is printed for good, then what is drawn still."""

    person = "you"

    def __init__(self) -> None:
        self._printed = _console()
        self._screen = Screen(self._printed)
        self.surface: Surface = make_screen_surface(self._screen)

    async def open_another(self) -> Surface:
        raise NotImplementedError("a terminal shows one run")

    async def read_messages(self) -> list[SeenMessage]:
        frame = _console()
        frame.print(self._screen.render_frame())  # as it would be drawn next
        board = _text(frame).partition("╭")[0].strip()
        panels = [*_panels(_text(self._printed)), *_panels(_text(frame))]
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


def _console() -> Console:
    """No terminal: what is printed stands there, without what draws over it."""
    return Console(file=io.StringIO(), width=WIDTH, height=HEIGHT, color_system=None, force_terminal=False)


def _text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def _panels(text: str) -> Iterator[str]:
    """What stands in each, without its frame."""
    for found in _PANEL.finditer(text):
        yield "\n".join(line.strip("│ ").rstrip() for line in found[1].strip("\n").splitlines())


@asynccontextmanager
async def terminal() -> AsyncIterator[TerminalStage]:
    yield TerminalStage()


CASES = (SurfaceCase("terminal", frozenset({"whole"}), terminal),)
