"""How the rows of a screen are shared by its messages. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

WRITING_ROWS = 3  # at least these of a text that is being written, or nobody could follow it
FOLDED_ROWS = (2, 1)  # of a complete one: as many of its first lines as there is room for


class Wish(NamedTuple):
    """A message that wants rows: how many lines its text has, and whether it is complete."""

    lines: int
    is_done: bool


def share_rows(wishes: Sequence[Wish], rows: int) -> list[int | None]:
    """Return the rows of text of each message, to which its heading adds one; None hides the message.

    Complete texts fold to their first lines, and those that are being written share the rest alike; where nothing is
    being written, the last message is shown whole. What is left unfolds complete texts, the last one first. Where there
    is no room for all, the oldest complete ones hide.
    """
    done = [n for n, wish in enumerate(wishes) if wish.is_done]
    writing = [n for n, wish in enumerate(wishes) if not wish.is_done]
    if not writing and done:
        least = wishes[done[-1]].lines
        writing, done = done[-1:], done[:-1]
    else:
        least = max(1, min(WRITING_ROWS, rows // max(1, len(writing)) - 1))
    given: list[int | None] = []
    for folded in FOLDED_ROWS:
        given = [min(wish.lines, folded if n in done else least) for n, wish in enumerate(wishes)]
        if _count_rows(given) <= rows:
            break
    for n in [*done, *writing[:-1]]:
        if _count_rows(given) <= rows:
            break
        given[n] = None
    for chosen in (writing, *([n] for n in reversed(done))):
        _grow(given, wishes, chosen, rows)
    return given


def _count_rows(given: Iterable[int | None]) -> int:
    return sum(1 + got for got in given if got is not None)


def _grow(given: list[int | None], wishes: Sequence[Wish], chosen: Sequence[int], rows: int) -> None:
    """Give the messages chosen a row each in turn, until they have all of their lines or the rows are used up."""
    left = rows - _count_rows(given)
    while hungry := [n for n in chosen if (got := given[n]) is not None and got < wishes[n].lines][: max(0, left)]:
        for n in hungry:
            given[n] = (given[n] or 0) + 1
        left -= len(hungry)
