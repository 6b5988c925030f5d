"""Files that people bring and take: read within bounds, written or printed exactly."""

from __future__ import annotations

import sys
from pathlib import Path

from bot.cli.console import NotShown, print_plain
from bot.errors import Refused
from bot.live.markdown import clean
from bot.text import as_bytes


def read_bounded(path: Path, most_bytes: int, why: str) -> bytes:
    """Read a file of bounded length. `why`: the end of the sentence on a longer one. Raises Refused."""
    try:
        with path.open("rb") as file:
            data = file.read(most_bytes + 1)
    except OSError as error:
        raise Refused(f"{path} cannot be read: {error.strerror}.") from error
    if len(data) > most_bytes:
        raise Refused(f"{path} is longer than {most_bytes // 1_000_000} MB{why}.")
    return data


def write_out(text: str | bytes, out: Path | None, what: str) -> None:
    """Write a file, and say where `what` is now; without `out` print it. Raises Refused, NotShown."""
    if out is None:
        _print_exactly(text)
        return
    try:
        out.write_bytes(as_bytes(text))
    except OSError as error:
        raise Refused(f"{out} cannot be written: {error.strerror}.") from error
    print_plain(f"{what} is in {out}.")


def _print_exactly(text: str | bytes) -> None:
    """Print a file as it is, whatever the encoding of the terminal; on a screen without what could harm it."""
    shown = clean(text) if isinstance(text, str) and sys.stdout.isatty() else text
    try:
        sys.stdout.buffer.write(as_bytes(shown))
        sys.stdout.flush()
    except BrokenPipeError as error:
        raise NotShown("") from error
    except OSError as error:
        raise NotShown(f"The output cannot be written: {error.strerror}.") from error
