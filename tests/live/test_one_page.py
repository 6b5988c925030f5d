from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.discord.dialect import DiscordDialect
from adapters.slack.dialect import SlackMarkdown
from adapters.terminal.dialect import TerminalDialect
from bot.live.dialect import Dialect
from bot.live.one_page import GOES_ON, OnePage

DIALECTS = [DiscordDialect(), SlackMarkdown(), TerminalDialect()]
LONG = "A sentence that is repeated until it fits no more. " * 200


def test_a_short_turn_is_whole() -> None:
    [page] = OnePage(DiscordDialect(), 4000).update("Short.", final=True, footer="1.0 s · 5 tokens")
    assert page.text == "Short.\n-# 1.0 s · 5 tokens"
    assert page.chars == 6


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda d: type(d).__name__)
def test_a_long_turn_is_its_first_page_and_says_so(dialect: Dialect) -> None:
    pages = OnePage(dialect, 4000)
    for end in range(0, len(LONG), 997):
        [page] = pages.update(LONG[:end], footer="▌")
        assert dialect.measure(page.text) <= 4000
    [page] = pages.update(LONG, final=True, footer="6.1 s · 412 tokens")
    assert GOES_ON in page.text
    assert "6.1 s · 412 tokens" in page.text
    assert 3000 < page.chars < len(LONG)


def test_what_is_shown_stays_once_the_page_is_full() -> None:
    pages = OnePage(DiscordDialect(), 2000)
    [first] = pages.update(LONG[:5000])
    [later] = pages.update(LONG)
    assert later == first


class Counted(DiscordDialect):
    read = 0

    def text(self, text: str) -> str:
        self.read += len(text)
        return super().text(text)


def test_what_stands_behind_the_page_is_not_even_read() -> None:
    counted = []
    for more in (1, 20):
        dialect = Counted()
        [page] = OnePage(dialect, 4000).update(LONG * more, final=True)
        assert GOES_ON in page.text
        counted.append(dialect.read)
    assert counted[0] == counted[1]


@pytest.mark.parametrize("dialect", DIALECTS, ids=lambda d: type(d).__name__)
@given(text=st.text(max_size=300), footer=st.text(max_size=500), limit=st.integers(2, 120))
def test_it_fits_any_limit(dialect: Dialect, text: str, footer: str, limit: int) -> None:
    [page] = OnePage(dialect, limit).update(text, final=True, footer=footer)
    assert dialect.measure(page.text) <= limit
