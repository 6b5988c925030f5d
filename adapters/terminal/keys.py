"""What is typed while a run goes on: short keys act after a pause, and any other line once Enter is pressed."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

GUESS = re.compile(r"[gG](\d{1,2}) +(\S.*)")
PAUSE_S = 0.5  # tells "s", which stops, from the beginning of "so what", which is a remark


@dataclass(frozen=True, slots=True)
class SkipKey:
    number: int


@dataclass(frozen=True, slots=True)
class VoteKey:
    number: int


@dataclass(frozen=True, slots=True)
class GuessLine:
    number: int
    name: str


@dataclass(frozen=True, slots=True)
class RevealKey:
    pass


@dataclass(frozen=True, slots=True)
class StopKey:
    pass


@dataclass(frozen=True, slots=True)
class RemarkLine:
    text: str


@dataclass(frozen=True, slots=True)
class CommandLine:
    """A command of `/moot`, without that word, such as "add claude"."""

    text: str


Input = SkipKey | VoteKey | GuessLine | RevealKey | StopKey | RemarkLine | CommandLine


def read_input(text: str, *, entered: bool) -> Input | None:
    """Read a line: "2" skips, "v2" votes, "r" reveals, "s" stops.

    Once it is `entered`, "g2 Claude" guesses, "/pause" is a command and any other text is a remark. Return None where
    the line has no meaning yet.
    """
    line = text.strip()
    if re.fullmatch(r"\d{1,2}", line):
        return SkipKey(int(line))
    if re.fullmatch(r"[vV] ?\d{1,2}", line):
        return VoteKey(int(line[1:]))
    if line in ("r", "R"):
        return RevealKey()
    if line in ("s", "S"):
        return StopKey()
    if not entered or not line:
        return None
    if found := GUESS.fullmatch(line):
        return GuessLine(int(found[1]), found[2])
    return CommandLine(line[1:]) if line.startswith("/") else RemarkLine(line)


class LineEditor:
    """The line that is being typed: calls `on_input` for each input and `on_change` with the line so far."""

    def __init__(self, on_input: Callable[[Input], None], on_change: Callable[[str], None]) -> None:
        self._on_input = on_input
        self._on_change = on_change
        self._line = ""
        self._pause: asyncio.TimerHandle | None = None

    def feed(self, text: str) -> None:
        """Add characters as they are typed, control characters included."""
        for char in text:
            if char in "\r\n":
                self._act(entered=True)
                self._line = ""
            elif char in "\x7f\b":
                self._line = self._line[:-1]
            elif char == "\x15":  # Ctrl-U
                self._line = ""
            elif char.isprintable():
                self._line += char
        self._on_change(self._line)
        if self._pause:
            self._pause.cancel()
        self._pause = asyncio.get_running_loop().call_later(PAUSE_S, self._act_after_pause) if self._line else None

    def close(self) -> None:
        """Stop waiting for a pause."""
        if self._pause:
            self._pause.cancel()

    def _act_after_pause(self) -> None:
        if self._act(entered=False):
            self._line = ""
            self._on_change("")

    def _act(self, *, entered: bool) -> bool:
        found = read_input(self._line, entered=entered)
        if found is not None:
            self._on_input(found)
        return found is not None


@contextmanager
def read_keyboard(editor: LineEditor) -> Iterator[None]:
    """Feed what is typed on standard input to `editor`, key by key and without echo."""
    fd = sys.stdin.fileno()
    loop = asyncio.get_running_loop()
    before = termios.tcgetattr(fd)
    tty.setcbreak(fd)
    loop.add_reader(fd, lambda: editor.feed(os.read(fd, 4096).decode("utf-8", "replace")))
    try:
        yield
    finally:
        loop.remove_reader(fd)
        editor.close()
        termios.tcsetattr(fd, termios.TCSADRAIN, before)
