"""Names in a sentence."""

from __future__ import annotations

import pytest

from bot.text import join_names


@pytest.mark.parametrize(
    ("names", "told"),
    [(["Ada"], "Ada"), (["Ada", "Bob"], "Ada and Bob"), (["Ada", "Bob", "3 more"], "Ada, Bob and 3 more")],
)
def test_names_are_listed_as_people_write_them(names: list[str], told: str) -> None:
    assert join_names(names) == told
    assert join_names(names, "or") == told.replace(" and ", " or ")
