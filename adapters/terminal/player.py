"""A run that is over, shown in the terminal once more as it happened."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import ExitStack

from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from adapters.terminal.screen import Screen
from adapters.terminal.surface import TerminalSurface, make_pipe_surface, make_screen_surface
from bot.ports.surface import Message
from bot.records.replay import Frame

MAX_SILENCE_S = 5.0  # longer ones, such as the wait for people's votes, take no longer than this


async def play_frames(question: str, frames: Sequence[Frame], speed: float, console: Console, note: str = "") -> None:
    """Show the frames one after the other, `speed` times as quickly as they came, with a note on all of them."""
    console.print(Panel(Text(question), title="Question", title_align="left"))
    if note:
        console.print(note, markup=False, highlight=False)
    last = {frame.post.lane: number for number, frame in enumerate(frames)}
    with ExitStack() as stack:
        surface = _open_screen(stack, console, note) if console.is_terminal else make_pipe_surface(console)
        for number, frame in enumerate(frames):
            before = frames[number - 1].at if number else frame.at
            await asyncio.sleep(min(frame.at - before, MAX_SILENCE_S) / speed)
            await surface.post(show_frame(surface, frame, final=last[frame.post.lane] == number))


def _open_screen(stack: ExitStack, console: Console, note: str) -> TerminalSurface:
    screen = stack.enter_context(Screen(console))
    screen.set_status(note)
    return make_screen_surface(screen)


def show_frame(surface: TerminalSurface, frame: Frame, *, final: bool) -> Message:
    """Return the message of a frame; `final`: nothing more comes of it."""
    post = frame.post
    text = post.text or post.placeholder or "(never finished)"
    [page, *_] = surface.pages(post.kind).update(text, final=final, footer=post.footer)
    return Message(post.lane, 1, post.kind, post.title, page.text, final)
