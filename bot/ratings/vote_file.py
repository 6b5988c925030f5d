"""Votes that were cast elsewhere, as a file of comma-separated values and as a document of the store. Pure.

Who has cast them is not kept: a leaderboard needs only which answers were compared and which was preferred.
"""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import StringIO
from typing import Any

from bot.domain.codec import Unreadable
from bot.ratings.comparisons import Vote

COLUMNS = ("left", "right", "winner")  # others may stand beside them
PREFERRED: Mapping[str, int | None] = {"left": 0, "right": 1, "tie": None}
NAME_CHARS = 200
MAX_VOTES = 1_000_000


def read_vote_file(text: str) -> list[Vote]:
    """Return the votes of a file, a line each below a header. Raises Unreadable; its text names the line."""
    if not text.endswith("\n"):
        raise Unreadable(f"line {text.count(chr(10)) + 1} is cut off: no end of line stands behind it")
    lines = csv.reader(StringIO(text, newline=""), strict=True)
    try:
        header = next(lines)
        if missing := [name for name in COLUMNS if name not in header]:
            raise Unreadable(f"line 1 names no column {', '.join(missing)}")
        votes = list(_read_rows(lines, header))
    except csv.Error as error:
        raise Unreadable(f"line {lines.line_num} is no line of comma-separated values ({error})") from error
    if not votes:
        raise Unreadable("line 1 is all there is: it has no votes")
    return votes


def _read_rows(lines: Any, header: Sequence[str]) -> Iterator[Vote]:
    for count, row in enumerate(lines, 1):
        where = f"line {lines.line_num}"
        if count > MAX_VOTES:
            raise Unreadable(f"{where} goes beyond {MAX_VOTES:,} votes")
        if len(row) != len(header):
            raise Unreadable(f"{where} has {len(row)} fields, where line 1 names {len(header)}")
        yield _read_row(dict(zip(header, row, strict=True)), where)


def _read_row(row: Mapping[str, str], where: str) -> Vote:
    left, right, winner = (row[name].strip() for name in COLUMNS)
    if winner not in PREFERRED:
        raise Unreadable(f"{where} says neither left nor right nor tie as its winner")
    for name in (left, right):
        if not (name.isprintable() and 0 < len(name) <= NAME_CHARS):
            raise Unreadable(f"{where} has no name of a model of 1 to {NAME_CHARS} characters on each side")
    if left == right:
        raise Unreadable(f"{where} compares a model with itself")
    return Vote((left, right), PREFERRED[winner])


def pack_votes(votes: Iterable[Vote]) -> list[list[Any]]:
    """Return votes for two answers as they are stored: each distinct one with its number."""
    return [[*vote.models, vote.preferred, count] for vote, count in Counter(votes).items()]


def unpack_votes(rows: Iterable[Sequence[Any]]) -> list[Vote]:
    """Return the votes that `pack_votes` was given, in another order."""
    return [vote for left, right, preferred, n in rows for vote in [Vote((left, right), preferred)] * n]
