"""The console that all commands print on: it cleans what it prints, and says when nothing could be printed."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from bot.live.markdown import clean


class NotShown(Exception):
    """A failure to print; its text says why."""


class CleanConsole(Console):
    """A console that prints no control character, escape or bidirectional override of people's and models' texts.

    `failure` is why something could not be printed, "" while all could.
    """

    failure = ""

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render what is printed; every way to print takes this one."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(clean(segment.text), segment.style)

    def print(self, *objects: Any, **options: Any) -> None:
        """Print, or raise NotShown where the output takes nothing: a full disk, a closed file."""
        try:
            super().print(*objects, **options)
        except BrokenPipeError:
            raise
        except (OSError, ValueError) as error:
            self.failure = getattr(error, "strerror", None) or type(error).__name__
            raise NotShown(f"The output cannot be written: {self.failure}.") from error


def honour_encoding() -> None:
    """Print what the terminal's encoding has no sign for as a question mark, instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None and stream.errors == "strict":
            reconfigure(errors="replace")


def give_up_output() -> None:
    """Drop what waits for an output that takes nothing, or Python would fail once more at the end of the process."""
    with open(os.devnull, "w") as nothing:
        os.dup2(nothing.fileno(), sys.stdout.fileno())
