"""The note of the run that is worked on, in a small file beside the database.

It is written thousands of times a second, so it is mapped into memory: the system keeps it when the process dies.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.errors import Misconfigured

SIZE = 64  # bytes; the id of a run has 8
EMPTY = bytes(SIZE)


class MappedNote:
    """A `RunningNote` in a file."""

    def __init__(self, memory: mmap.mmap) -> None:
        self.found = memory[:].rstrip(b"\0").decode("utf-8", "replace")
        self._memory = memory

    def write(self, run: str) -> None:
        self._memory[:] = run.encode()[:SIZE].ljust(SIZE, b"\0") if run else EMPTY


@contextmanager
def open_note(database: Path) -> Iterator[MappedNote]:
    """Open the note beside a database that this process holds. Raises Misconfigured."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    path = database.with_name(f"{database.name}.running")
    try:
        number = os.open(path, flags, 0o600)
    except OSError as error:
        raise Misconfigured(f"{path} cannot be written: {error.strerror}. Change its rights, or remove it.") from error
    try:
        os.ftruncate(number, SIZE)
        with mmap.mmap(number, SIZE) as memory:
            yield MappedNote(memory)
    finally:
        os.close(number)
