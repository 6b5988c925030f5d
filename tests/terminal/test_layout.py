"""How messages share the rows of a screen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.terminal.layout import Wish, share_rows

LONG_DONE, LONG_OPEN = Wish(50, True), Wish(50, False)


@pytest.mark.parametrize(
    ("wishes", "rows", "shares"),
    [
        ([LONG_OPEN] * 3, 18, [5, 5, 5]),
        ([LONG_OPEN] * 3, 20, [6, 6, 5]),
        ([LONG_DONE, LONG_OPEN, Wish(1, False)], 20, [2, 14, 1]),  # what is done leaves its room to the others
        ([LONG_DONE] * 3 + [Wish(4, True)], 20, [2, 2, 8, 4]),  # at the end the last one is whole
        ([LONG_DONE] * 9 + [LONG_OPEN], 17, [None] * 3 + [1] * 6 + [4]),  # the oldest hide
        ([LONG_OPEN] * 3, 7, [2, 1, 1]),
        ([LONG_DONE], 1, [50]),
        ([], 5, []),
    ],
)
def test_shares(wishes: list[Wish], rows: int, shares: list[int | None]) -> None:
    assert share_rows(wishes, rows) == shares


@given(st.lists(st.builds(Wish, st.integers(0, 60), st.booleans()), max_size=12), st.integers(1, 60))
def test_no_row_is_given_twice_or_wasted(wishes: list[Wish], rows: int) -> None:
    shares = share_rows(wishes, rows)
    shown = [(share, wish) for share, wish in zip(shares, wishes, strict=True) if share is not None]
    used = sum(1 + share for share, _ in shown)
    assert all(share <= wish.lines for share, wish in shown)
    assert used <= rows or len(shown) == 1
    if used < rows:
        assert all(share == wish.lines for share, wish in shown)
