"""The surfaces of a terminal: a screen that is drawn, and plain lines for a pipe."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from rich.console import Console

from adapters.terminal.dialect import TerminalDialect
from adapters.terminal.screen import FRAMES_PER_S, Screen
from bot.domain.run import LaneId
from bot.live.budget import Budget, TokenBucket
from bot.live.pages import Pages
from bot.ports.surface import Kind, Message, MessageRef, Method

PAGE_CHARS = 200_000  # a terminal has no limit of its own; this bounds what one panel may hold
FRAMES = "terminal frames"  # the only budget, as nobody reads faster than the screen is drawn
CHANGES_PER_FRAME = 16  # edits and posts of lanes that one frame may show


def terminal_budget(name: str, started: float) -> Budget:
    """Make the budget of the terminal: as many changes as its frames can show."""
    return TokenBucket(CHANGES_PER_FRAME, CHANGES_PER_FRAME * FRAMES_PER_S)


class TerminalSurface:
    """A surface that leaves the drawing to `show` and `hide`; it refers to messages by lane and page."""

    name = "terminal"
    address = ""
    room_chars = None
    placeholder_after_s = 0.0

    def __init__(self, show: Callable[[MessageRef, Message], None], hide: Callable[[MessageRef], None]) -> None:
        self._show = show
        self._hide = hide

    def pages(self, kind: Kind) -> Pages:
        return Pages(TerminalDialect(), PAGE_CHARS)

    def draws(self, method: Method, lane: LaneId) -> Sequence[str]:
        return (FRAMES,)

    async def post(self, message: Message) -> MessageRef:
        ref = f"{message.lane}#{message.page}"
        self._show(ref, message)
        return ref

    async def find(self, lane: LaneId, page: int) -> MessageRef | None:
        return None  # nothing is ever lost here

    async def edit(self, ref: MessageRef, message: Message) -> None:
        self._show(ref, message)

    async def delete(self, ref: MessageRef) -> None:
        self._hide(ref)


def make_screen_surface(screen: Screen) -> TerminalSurface:
    """Make a surface that draws on the screen."""
    return TerminalSurface(screen.put, screen.remove)


def make_pipe_surface(console: Console) -> TerminalSurface:
    """Make a surface that prints each message once: a turn when it is final, a card in its place, the board last."""
    waiting: dict[MessageRef, Message] = {}
    printed: set[MessageRef] = set()

    def show(ref: MessageRef, message: Message) -> None:
        if ref not in printed:
            waiting[ref] = message
        for ready in _list_printable(waiting):
            printed.add(ready)
            _print(console, waiting.pop(ready))

    return TerminalSurface(show, lambda ref: None)


def _list_printable(waiting: Mapping[MessageRef, Message]) -> list[MessageRef]:
    """List the messages that can be printed now, in order.

    These are final and have no unfinished card before them; the end waits for all turns before it, the board for all.
    """
    ready: list[MessageRef] = []
    waits = speaking = False
    for ref, message in waiting.items():
        if message.kind != "board":
            waits = waits or (message.kind == "card" and not message.final) or (message.kind == "end" and speaking)
            speaking = speaking or not message.final
            if message.final and not waits:
                ready.append(ref)
    boards = [ref for ref, message in waiting.items() if message.kind == "board" and message.final]
    return ready + boards if len(ready) + len(boards) == len(waiting) else ready


def _print(console: Console, message: Message) -> None:
    head = f"== {message.title} ==\n" if message.title else ""
    with suppress(OSError):  # the run goes on; that it could not be shown is said at its end
        console.print(f"{head}{message.text.rstrip()}\n", markup=False, highlight=False, soft_wrap=True)
