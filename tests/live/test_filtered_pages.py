from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.discord.dialect import DiscordDialect
from bot.domain.word_filter import WordFilter
from bot.live.filtered_pages import FilteredPages
from bot.live.pages import Pages
from bot.ports.surface import Page
from tests.support.listed_words import texts
from tests.support.markdown_strategies import markdown, prefixes
from tests.support.surfaces import WholeText

WORDS = WordFilter(["alpha", "gamma delta", "snake*", "beta", "ham", "snark*", "foo bar", "bar baz", "バカ"])


def masked(limit: int = 400) -> FilteredPages:
    return FilteredPages(Pages(DiscordDialect(), limit), WORDS)


def chars(pages: Sequence[Page]) -> list[int]:
    return [page.chars for page in pages]


@given(prefixes(st.one_of(markdown(), texts)), st.integers(60, 600))
def test_pages_are_those_of_the_masked_text_and_cover_the_text_itself(prefixes: list[str], limit: int) -> None:
    growing, inner = masked(limit), Pages(DiscordDialect(), limit)
    whole, shown = WORDS.censor(prefixes[-1]), ""
    for prefix in prefixes:
        pages = growing.update(prefix, footer="6.1 s")
        before, shown = shown, WORDS.censor(prefix)[: WORDS.stable_length(prefix)]
        assert whole.startswith(shown)  # what was shown stays, and no listed word of it was ever seen
        assert shown.startswith(before)
        assert list(pages) == (list(inner.update(shown, footer="6.1 s")) if shown else [])
    final = growing.update(prefixes[-1], final=True)
    assert list(final) == list(inner.update(whole, final=True))
    assert sum(chars(final)) == len(prefixes[-1])


def test_a_word_cut_by_deltas_is_never_shown_by_half() -> None:
    pages, seen = masked(), []
    text = ""
    for delta in ("An al", "p", "ha", "", " male, alphabet, gam", "ma del", "ta", "!"):
        text += delta
        seen.append(pages.update(text)[0].text)
    assert seen[:4] == ["An"] * 4
    assert seen[4:7] == ["An █████ male, alphabet,"] * 3
    assert seen[7] == "An █████ male, alphabet, ███████████!"


def test_the_end_shows_what_waited() -> None:
    pages = masked()
    assert pages.update("ha") == ()
    assert pages.update("ha", final=True)[0].text == "ha"
    assert masked().update("ham", final=True, footer="6.1 s")[0].text.startswith("███\n")
    assert len(masked().update("", final=True)) == 1


def test_a_text_that_starts_again_is_read_again() -> None:
    pages = FilteredPages(WholeText(), WORDS)
    assert pages.update("one\nalpha\ntwo.")[0].text == "one\n█████\ntwo."
    assert pages.update("three\nalpha!")[0].text == "three\n█████!"


@pytest.mark.parametrize("lines", [1, 400])
def test_whole_lines_are_read_once(lines: int, monkeypatch: pytest.MonkeyPatch) -> None:
    read = 0

    def counting(self: WordFilter, text: str) -> str:
        nonlocal read
        read += len(text)
        return original(self, text)

    original = WordFilter.censor
    monkeypatch.setattr(WordFilter, "censor", counting)
    pages, text = FilteredPages(WholeText(), WORDS), "A line of text.\n" * lines
    pages.update(text)
    read = 0
    pages.update(text + "More")
    assert read == len("More")
