"""The terminal's screen, drawn in memory."""

from __future__ import annotations

import io
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from rich.console import Console

from adapters.terminal.screen import Screen
from adapters.terminal.surface import make_screen_surface
from bot.domain.run import LaneId
from bot.ports.surface import MessageRef, Surface
from tests.support.surface_stages.base import Refusal, SeenMessage, SurfaceCase

WIDTH, HEIGHT = 120, 2_000
_HEADING = re.compile(r"^──.*$", re.MULTILINE)


class TerminalStage:
    """A screen in memory, with room for all that its messages read."""

    person = "you"

    def __init__(self) -> None:
        self._screen = Screen(Console(file=io.StringIO(), width=WIDTH, height=HEIGHT))
        self.surface: Surface = make_screen_surface(self._screen)

    async def open_another(self) -> Surface:
        raise NotImplementedError("a terminal shows one run")

    async def read_messages(self) -> list[SeenMessage]:
        console = Console(file=io.StringIO(), width=WIDTH, height=HEIGHT, color_system=None, force_terminal=False)
        console.print(self._screen.render_frame())  # as it would be drawn next
        assert isinstance(console.file, io.StringIO)
        board, *texts = _HEADING.split(console.file.getvalue())
        texts = ["\n".join(line.rstrip() for line in text.strip().splitlines()) for text in (board, *texts)]
        return [SeenMessage(text) for text in texts if text]

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


@asynccontextmanager
async def open_terminal() -> AsyncIterator[TerminalStage]:
    yield TerminalStage()


CASES = (SurfaceCase("terminal", frozenset({"whole"}), open_terminal),)
