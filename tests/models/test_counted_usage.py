"""What is counted of an answer while it comes, and at its end."""

from __future__ import annotations

from functools import partial

from hypothesis import given
from hypothesis import strategies as st

from bot.domain.run import Usage
from bot.models.deltas import Delta
from bot.models.errors import ProviderError
from bot.models.transforms import count_usage
from bot.models.usage import GrowingCount
from tests.support.answers import count_nothing, said, texts, through

BROKEN = ProviderError("broken_off", "the connection was lost")


def test_usage_is_estimated_where_none_is_reported() -> None:
    heard = through(
        partial(count_usage, count_prompt=count_nothing, count=len), [Delta(0.0, "four", "five5"), *texts(["!"])]
    )
    assert heard.usage == Usage(0, 10, 5, "estimated")


def test_pages_that_a_search_has_found_cost_no_tokens() -> None:
    found = [Delta(0.0, "a long page " * 50), Delta(0.0, usage=Usage(source="reported"), ending="done")]
    heard = through(partial(count_usage, count_prompt=count_nothing, count=len), found)
    assert heard.usage == Usage(source="reported")


async def count_seven() -> int:
    return 7


async def test_nothing_is_used_while_a_seat_waits() -> None:
    deltas = count_usage(said(Delta(0.0, notice="2nd"), Delta(0.0, "y" * 50)), count_seven, count=len)
    assert [delta.usage async for delta in deltas] == [None, None, Usage(7, 50, 0, "estimated")]


async def test_the_first_words_are_counted_at_once() -> None:
    deltas = count_usage(said(Delta(0.0, "So far, so good")), count_seven, count=len)
    assert [delta.usage async for delta in deltas] == [None, Usage(7, 15, 0, "estimated")]


@given(st.lists(st.text("ab ", max_size=150), max_size=20))
def test_a_growing_text_is_counted_as_a_whole_one(pieces: list[str]) -> None:
    growing, chars = GrowingCount(len), 0
    for piece in pieces:
        growing.add(piece)
        chars += len(piece)
        assert chars - 40 <= growing.total <= chars
    growing.catch_up()
    assert growing.total == len("".join(pieces))


def test_reported_usage_stands() -> None:
    told = Usage(3, 4, 0, "reported")
    heard = through(
        partial(count_usage, count_prompt=count_nothing, count=len),
        [Delta(0.0, "x"), Delta(0.0, usage=told, ending="done")],
    )
    assert heard.usage == told


def test_a_broken_answer_is_counted_as_well() -> None:
    heard = through(partial(count_usage, count_prompt=count_nothing, count=len), [Delta(0.0, "four")], BROKEN)
    assert heard.usage == Usage(0, 4, 0, "estimated")
    assert heard.error is BROKEN
