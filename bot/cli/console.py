"""The console that all commands print on: it cleans what it prints, and says when nothing could be printed."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment

from bot.live.markdown import clean


class NotShown(OSError):
    """A failure to print; its text says why, and is "" where whoever read the output has left."""


class CleanConsole(Console):
    """A console that prints no control character, escape or bidirectional override of people's and models' texts.

    `failure` is why something could not be printed, "" while all could.
    """

    failure = ""

    def __init__(self, **options: Any) -> None:
        """Take the options of rich's console; ":x:" in a text stays as it was written."""
        super().__init__(**{"emoji": False, **options})

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        """Render what is printed; every way to print takes this one."""
        for segment in super().render(renderable, options):
            yield segment if segment.control else Segment(clean(segment.text), segment.style)

    def print(self, *objects: Any, **options: Any) -> None:
        """Print, or raise NotShown: the disk is full, the file is closed, whoever read it has left."""
        try:
            if sys.stdout is None and self._file is None:
                raise OSError(errno.EBADF, "it is closed")
            super().print(*objects, **options)
        except BrokenPipeError as error:
            self.failure = "whoever read it has left"
            raise NotShown("") from error
        except (OSError, ValueError) as error:
            self.failure = getattr(error, "strerror", None) or type(error).__name__
            raise NotShown(f"The output cannot be written: {self.failure}.") from error

    def on_broken_pipe(self) -> None:
        """Let `print` tell of it; rich would end the process at once, with a run in the midst."""
        raise BrokenPipeError(errno.EPIPE, os.strerror(errno.EPIPE))


def print_plain(text: str) -> None:
    """Print a text as it is, however long its lines are. Raises NotShown."""
    CleanConsole(soft_wrap=True, highlight=False, markup=False).print(text)


def give_up_output() -> None:
    """Drop what waits for an output that takes nothing, or Python would fail once more at the end of the process."""
    if sys.stdout is not None:
        with open(os.devnull, "w") as nothing:
            os.dup2(nothing.fileno(), sys.stdout.fileno())
