"""The note of the runs that are worked on, and the report of a crash, in small files beside the database.

The note is written thousands of times a second, so it is mapped into memory: the system keeps it when the process dies.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Literal

from bot.errors import Misconfigured

SIZE = 256  # bytes; the id of a run has 8, and threads are few
REPORT = 20_000  # bytes of a report that are read


class MappedNote:
    """A `RunningNote` in a file."""

    def __init__(self, memory: mmap.mmap, report: str) -> None:
        self.found: Sequence[str] = memory[:].rstrip(b"\0").decode("utf-8", "replace").split()
        self.report = report
        self._memory = memory

    def write(self, runs: Iterable[str]) -> None:
        self._memory[:] = " ".join(runs).encode()[:SIZE].ljust(SIZE, b"\0")


@contextmanager
def open_note(database: Path) -> Iterator[MappedNote]:
    """Open the note beside a database that this process holds. Raises Misconfigured."""
    report = _take_report(database)
    with _open_beside(database, "running", "r+b") as file:
        file.truncate(SIZE)
        with mmap.mmap(file.fileno(), SIZE) as memory:
            yield MappedNote(memory, report)


@contextmanager
def open_crash_report(database: Path) -> Iterator[BinaryIO]:
    """Open the file that a crash of this process is written to. Raises Misconfigured."""
    with _open_beside(database, "crash", "ab") as file:
        yield file


def _take_report(database: Path) -> str:
    """Return the report of the last crash, "" for none, and empty its file."""
    with _open_beside(database, "crash", "r+b") as file:
        report = file.read(REPORT).decode("utf-8", "replace")
        file.truncate(0)
        return report


def _open_beside(database: Path, name: str, mode: Literal["r+b", "ab"]) -> BinaryIO:
    path = database.with_name(f"{database.name}.{name}")
    try:
        return open(path, mode, opener=_open_own)
    except OSError as error:
        raise Misconfigured(f"{path} cannot be written: {error.strerror}. Change its rights, or remove it.") from error


def _open_own(path: str, flags: int) -> int:
    """Open a file for its owner alone, and made where it is missing; no link may lead elsewhere."""
    return os.open(path, flags | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0), 0o600)
