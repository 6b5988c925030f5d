"""A key that is planted in the settings of every bot that tests serve, and looked for in all that they have written."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

PLANTED = "Zq7-planted-in-every-bot-f3Qz81Lk0w"
WRITTEN = (".db", ".db-wal", ".db-journal", ".jsonl", ".crash", ".md", ".log")  # how names of files of Moot's own end


def find_planted_files(folder: Path) -> Iterator[Path]:
    """Yield the files of Moot's own below a folder that hold the planted key."""
    for path in folder.rglob("*"):
        if path.name.endswith(WRITTEN) and path.is_file() and PLANTED.encode() in path.read_bytes():
            yield path
