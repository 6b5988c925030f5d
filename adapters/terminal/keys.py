"""What is typed while a run is shown: short keys act after a pause, and any other line once Enter is pressed."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from adapters.terminal.screen import Move
from bot.domain.facts import RoundWish

GUESS = re.compile(r"[gG](\d{1,2}) +(\S.*)")
PAUSE_S = 0.5  # tells "s", which stops, from the beginning of "so what", which is a remark
# a sequence that a key sends, or one character
KEY = re.compile(r"\x1b\[[0-9;]{0,8}[A-Za-z~]|\x1bO[A-Z]|.", re.DOTALL)
MOVES: dict[str, Move] = {
    **{f"\x1b{kind}A": "up" for kind in "[O"},
    **{f"\x1b{kind}B": "down" for kind in "[O"},
    **dict.fromkeys(("\x1b[H", "\x1bOH", "\x1b[1~", "\x1b[7~"), "start"),
    **dict.fromkeys(("\x1b[F", "\x1bOF", "\x1b[4~", "\x1b[8~"), "end"),
    "\x1b[5~": "page up",
    "\x1b[6~": "page down",
}


@dataclass(frozen=True, slots=True)
class SkipKey:
    number: int


@dataclass(frozen=True, slots=True)
class VoteKey:
    """A vote for a seat; `is_early`: one from before it has spoken."""

    number: int
    is_early: bool = False


@dataclass(frozen=True, slots=True)
class GuessLine:
    number: int
    name: str


@dataclass(frozen=True, slots=True)
class RoundVoteKey:
    """A vote on whether a debate goes on after this round."""

    wish: RoundWish


@dataclass(frozen=True, slots=True)
class RevealKey:
    pass


@dataclass(frozen=True, slots=True)
class StopKey:
    pass


@dataclass(frozen=True, slots=True)
class LeaveKey:
    pass


@dataclass(frozen=True, slots=True)
class RemarkLine:
    text: str


@dataclass(frozen=True, slots=True)
class CommandLine:
    """A command of `/moot`, without that word, such as "add claude"."""

    text: str


Input = SkipKey | VoteKey | RoundVoteKey | GuessLine | RevealKey | StopKey | LeaveKey | RemarkLine | CommandLine
LETTERS: dict[str, Input] = {
    "y": RoundVoteKey("go on"),
    "n": RoundVoteKey("end"),
    "r": RevealKey(),
    "s": StopKey(),
    "q": LeaveKey(),
}


def read_input(text: str, *, entered: bool) -> Input | None:
    """Read a line: "2" skips, "v2" votes, "b2" votes before it begins, "r" reveals, "s" stops, "q" leaves.

    "y" and "n" vote on whether the debate goes on. Once it is `entered`, "g2 Claude" guesses, "/pause" is a command and
    any other text is a remark. Return None where the line has no meaning yet.
    """
    line = text.strip()
    if re.fullmatch(r"\d{1,2}", line):
        return SkipKey(int(line))
    if re.fullmatch(r"[vVbB] ?\d{1,2}", line):
        return VoteKey(int(line[1:]), is_early=line[0] in "bB")
    if line.lower() in LETTERS:
        return LETTERS[line.lower()]
    if not entered or not line:
        return None
    if found := GUESS.fullmatch(line):
        return GuessLine(int(found[1]), found[2])
    return CommandLine(line[1:]) if line.startswith("/") else RemarkLine(line)


class LineEditor:
    """The line that is being typed.

    Calls `on_input` for each input, `on_move` for each key that moves through the texts, and `on_change` with the line
    so far.
    """

    def __init__(
        self, on_input: Callable[[Input], None], on_move: Callable[[Move], None], on_change: Callable[[str], None]
    ) -> None:
        self._on_input = on_input
        self._on_move = on_move
        self._on_change = on_change
        self._line = ""
        self._pause: asyncio.TimerHandle | None = None

    def feed(self, text: str) -> None:
        """Add characters as they are typed, control characters included."""
        for key in KEY.findall(text):
            if key in MOVES:
                self._on_move(MOVES[key])
            elif key in "\r\n":
                self._act(entered=True)
                self._line = ""
            elif key in "\x7f\b":
                self._line = self._line[:-1]
            elif key == "\x15":  # Ctrl-U
                self._line = ""
            elif key.isprintable():
                self._line += key
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
def read_keyboard(editor: LineEditor, on_gone: Callable[[], None]) -> Iterator[None]:
    """Feed what is typed on standard input to `editor`, key by key and without echo.

    `on_gone` is called once nothing more can be typed: the terminal is closed.
    """
    fd = sys.stdin.fileno()
    loop = asyncio.get_running_loop()
    before = termios.tcgetattr(fd)

    def read() -> None:
        try:
            typed = os.read(fd, 4096)
        except OSError:
            typed = b""
        if typed:
            editor.feed(typed.decode("utf-8", "replace"))
        else:
            loop.remove_reader(fd)
            on_gone()

    tty.setcbreak(fd)
    loop.add_reader(fd, read)
    try:
        yield
    finally:
        loop.remove_reader(fd)
        editor.close()
        with suppress(termios.error):  # the terminal is closed
            termios.tcsetattr(fd, termios.TCSADRAIN, before)
