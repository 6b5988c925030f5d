"""The order in which each reviewer is shown the answers, and their letters.

Judges favour a place in the list, each another one, so places are counterbalanced over the reviewers rather than
shuffled: the rows of a Williams design (E. J. Williams, "Experimental designs balanced for the estimation of
residual effects of treatments", 1949) put every answer in every place equally often, and every answer right after
every other equally often, as far as the number of reviewers allows.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from itertools import chain, cycle, islice
from random import Random
from string import ascii_uppercase


@cache
def letter_labels(n: int) -> tuple[str, ...]:
    """Return the first `n` letters: A … Z, AA, AB and so on."""
    return tuple(_label(i) for i in range(n))


def review_orders(
    candidates: Sequence[str], reviewers: Sequence[str], seed: int, *, without_own: bool = False
) -> dict[str, tuple[str, ...]]:
    """Return each reviewer's own order of the candidates; its first is that reviewer's A, and so on.

    Over the reviewers no candidate is in a place more than once more often than another. With `without_own` a
    reviewer that is a candidate is not shown itself, which keeps that balance. The same arguments always give
    the same orders. Raises ValueError when a candidate or a reviewer is given twice.
    """
    if len(set(candidates)) < len(candidates) or len(set(reviewers)) < len(reviewers):
        raise ValueError("candidates and reviewers must each be distinct")
    rng = Random(seed)
    names = rng.sample(list(candidates), len(candidates))
    rows = (tuple(names[i] for i in row) for row in _rows(len(names), rng))
    if not without_own:
        return dict(zip(reviewers, rows, strict=False))
    # The last column of a Latin square names everyone once: whoever gets the row that ends on itself loses that
    # end, and what is left of the columns stays balanced. Reviewers that are no candidates get whole rows.
    ending_on = {row[-1]: row for row in islice(rows, len(names))}
    own = {reviewer: ending_on.pop(reviewer)[:-1] for reviewer in reviewers if reviewer in ending_on}
    whole = chain(ending_on.values(), rows)
    return {reviewer: own[reviewer] if reviewer in own else next(whole) for reviewer in reviewers}


def name_tiers(tiers: Sequence[Sequence[str]], order: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Return a ballot's tiers with names for letters, given the order that its reviewer was shown."""
    names = dict(zip(letter_labels(len(order)), order, strict=True))
    return tuple(tuple(names[label] for label in tier) for tier in tiers)


def _label(i: int) -> str:
    head, letter = divmod(i, len(ascii_uppercase))
    return (_label(head - 1) if head else "") + ascii_uppercase[letter]


def _rows(n: int, rng: Random) -> Iterator[tuple[int, ...]]:
    """Yield rows of the design for `n` without end: a Latin square at a time, its rows in random order."""
    for square in cycle(_squares(n)):
        yield from rng.sample(square, len(square))


def _squares(n: int) -> list[list[tuple[int, ...]]]:
    """Return Williams' design: for an even `n` one Latin square, for an odd one two, each the mirror of the other."""
    if n == 0:
        return [[()]]
    first = [(i + 1) // 2 if i % 2 else -(i // 2) for i in range(n)]  # 0, 1, -1, 2, -2, …: every step once
    square = [tuple((start + step) % n for step in first) for start in range(n)]
    return [square, [row[::-1] for row in square]] if n % 2 else [square]
