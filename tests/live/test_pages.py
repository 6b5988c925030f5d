"""The page engine: every word, in order, within the limit, and never a change to a page that is closed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from adapters.discord.dialect import DiscordDialect
from adapters.slack.dialect import SlackMarkdown, SlackMrkdwn
from adapters.terminal.dialect import TerminalDialect
from bot.live import heal
from bot.live import pages as live_pages
from bot.live.dialect import Dialect, Plain
from bot.live.markdown import Document, clean, parse
from bot.live.pages import LONG, Pages
from bot.live.render import render_block, render_inline
from bot.ports.surface import Page
from tests.support.markdown_strategies import markdown, prefixes

DIALECTS: list[Dialect] = [TerminalDialect(), DiscordDialect(), SlackMarkdown(), SlackMrkdwn()]
bounded = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
dialects = st.sampled_from(DIALECTS)


def letters(text: str) -> str:
    """The word characters of a text, without numbers that may head items, and without what escaping adds."""
    text = text.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">")
    return "".join(unicodedata.normalize("NFKC", c) for c in text if c.isalpha() and c != "\ufffd")  # xⁿ is xn


def visible_letters(source: str, *, headers: bool = False) -> str:
    """The word characters of the parsed text: of paragraphs, headings, cells and code; not of targets or fence info.

    Those of tables' headers stand apart: a table that is drawn as a list names each column before its cell.
    """
    parts: list[str] = []
    for block in parse(clean(source)).blocks:
        before = ""
        for token in block.tokens:
            if token.type == "inline" and (before == "th_open") is headers:
                parts.append(render_inline(token, NoTargets()))
            elif token.type in ("fence", "code_block") and not headers:
                parts.append(token.content)
            elif token.type == "math_block" and not headers:
                parts.append(render_block([token], TerminalDialect()).body)
            before = token.type
    return letters("".join(parts))


def has_every_word(pages: Sequence[Page], source: str) -> bool:
    return all(is_subsequence(visible_letters(source, headers=headers), shown(pages)) for headers in (False, True))


class NoTargets(Plain):
    def link(self, inner: str, url: str) -> str:
        return inner


def is_subsequence(needle: str, hay: str) -> bool:
    rest = iter(hay)
    return all(char in rest for char in needle)


def shown(pages: Sequence[Page]) -> str:
    return letters("".join(page.text for page in pages))


def streamed(pages: Pages, prefixes: Sequence[str]) -> Sequence[Page]:
    for prefix in prefixes:
        pages.update(prefix)
    return pages.update(prefixes[-1], final=True)


@bounded
@given(markdown(), dialects, st.integers(120, 2000))
def test_pages_cover_the_text_in_order(text: str, dialect: Dialect, limit: int) -> None:
    pages = Pages(dialect, limit).update(text, final=True)
    assert has_every_word(pages, text)
    assert sum(page.chars for page in pages) == len(text)


@bounded
@given(markdown(max_blocks=3), dialects, st.integers(1, 60))
@example("` alpha ![alpha](/i.png) `alpha`\n", SlackMrkdwn(), 14)
def test_pages_of_any_size_end_and_lose_no_word(text: str, dialect: Dialect, limit: int) -> None:
    pages = Pages(dialect, limit).update(text, final=True)
    assert all(dialect.measure(page.text) <= limit for page in pages)
    if limit > 1:  # a letter beyond the basic plane is two units on Discord
        assert has_every_word(pages, text)


@bounded
@given(prefixes(markdown()), dialects, st.integers(1, 600), st.sampled_from(["", "▌", "6.1 s · 412 tokens · $0.004"]))
def test_a_closed_page_never_changes_while_its_text_streams(
    prefixes: list[str], dialect: Dialect, limit: int, footer: str
) -> None:
    pages = Pages(dialect, limit)
    closed: list[Page] = []
    for prefix in prefixes:
        now = pages.update(prefix, footer=footer)
        assert list(now[: len(closed)]) == closed
        assert all(page.closed for page in now[:-1])
        assert not now[-1].closed
        assert all(dialect.measure(page.text) <= limit for page in now)
        assert sum(page.chars for page in now) <= len(prefix)
        closed = list(now[:-1])
    final = pages.update(prefixes[-1], final=True, footer=footer)
    assert list(final[: len(closed)]) == closed
    assert final[-1].closed
    assert all(dialect.measure(page.text) <= limit for page in final)
    assert sum(page.chars for page in final) == len(prefixes[-1])


@bounded
@given(prefixes(markdown()), dialects, st.integers(60, 600))
def test_a_streamed_text_ends_with_all_its_words(prefixes: list[str], dialect: Dialect, limit: int) -> None:
    pages = streamed(Pages(dialect, limit), prefixes)
    assert has_every_word(pages, prefixes[-1])


@bounded
@given(prefixes(markdown(chaos=False).filter(lambda text: len(text) < LONG)), dialects)
def test_on_one_page_a_streamed_text_ends_as_if_it_had_come_at_once(prefixes: list[str], dialect: Dialect) -> None:
    at_once = Pages(dialect, 100_000).update(prefixes[-1], final=True)
    assert [p.text for p in streamed(Pages(dialect, 100_000), prefixes)] == [p.text for p in at_once]


@bounded
@given(prefixes(markdown()), st.sampled_from(DIALECTS[:3]), st.integers(30, 600))
def test_no_page_has_an_open_fence(prefixes: list[str], dialect: Dialect, limit: int) -> None:
    pages = Pages(dialect, limit)
    for prefix in prefixes:
        assert not any(open_fence(page.text) for page in pages.update(prefix))
    assert not any(open_fence(page.text) for page in pages.update(prefixes[-1], final=True))


def open_fence(text: str) -> bool:
    """Whether a parser that knows nothing of us finds a fence that its page does not close."""
    for block in parse(text).blocks:
        for token in block.tokens:
            if token.type == "fence" and token.map:
                last = text.split("\n")[token.map[1] - 1]
                if (
                    not re.fullmatch(r"[\s>]*(?:[-+*]\s+|\d+\.\s+)*[`~]{3,}\s*", last)
                    or token.map[1] - token.map[0] < 2
                ):
                    return True
    return False


def texts(source: str, limit: int, dialect: Dialect = DIALECTS[0]) -> list[str]:
    return [page.text for page in Pages(dialect, limit).update(source, final=True)]


def test_a_fence_closes_at_the_page_and_reopens_with_its_language() -> None:
    assert texts("```py\n" + "x = 1\n" * 6 + "```", 30) == ["```py\nx = 1\nx = 1\nx = 1\n```"] * 2


@pytest.mark.parametrize("around", ["- item\n\n  ```py\n{}  ```\n", "> ```py\n{}> ```\n", "1. > ```py\n{}   > ```\n"])
@pytest.mark.parametrize("dialect", DIALECTS[:3])
def test_code_inside_an_item_or_a_quote_stays_whole_where_the_page_has_room(around: str, dialect: Dialect) -> None:
    prefix = around[: around.index("`")].rsplit("\n", 1)[-1].replace("1.", "  ")
    source = around.format("".join(f"{prefix}x = {n}\n" for n in range(300)))
    pages = Pages(dialect, 12_000)
    for end in range(0, len(source), 500):
        pages.update(source[:end])
    (page,) = pages.update(source, final=True)
    assert page.text.count("```") == 2
    assert page.text == texts(source, 12_000, dialect)[0]


def test_a_long_formula_that_goes_on_is_a_formula_on_each_page() -> None:
    source = "$$\n" + "\\vec{x} + y\n" * 8 + "$$"
    assert texts(source, 60) == ["```latex\n" + "\n".join(["\\vec{x} + y"] * 4) + "\n```"] * 2


def test_a_table_that_becomes_a_list_leaves_no_code_open() -> None:
    rows = "| a | b |\n" * 1_500 + f"| {'wide ' * 12} | b |\n" * 200
    text = texts(f"| h | i |\n|--|--|\n{rows}", 100_000, DiscordDialect())[0]
    assert text.count("```") == 2
    assert text.index("a  b\n```\n\n- **h** a") < text.index("- **h** wide")


def test_a_tables_header_stands_on_every_page() -> None:
    pages = texts("| a |\n|---|\n" + "| row |\n" * 6, 40)
    assert len(pages) > 1
    assert all(page.startswith("| a |\n|---|\n| row |") for page in pages)


def test_a_list_goes_on_counting_on_the_next_page() -> None:
    assert texts("1. aaaa\n" * 6, 25) == ["1. aaaa\n2. aaaa\n3. aaaa", "4. aaaa\n5. aaaa\n6. aaaa"]


def test_a_quote_an_item_and_bold_text_go_on() -> None:
    assert texts("> **one two three four**", 20) == ["> **one two three**", "> **four**"]
    assert texts("- item one\n  - two\n  - three", 20) == ["- item one\n  - two", "- three"]


def test_a_link_and_code_are_kept_whole() -> None:
    assert texts("some words [a label](https://a.b/c) more", 34) == ["some words", "[a label](https://a.b/c) more"]
    assert texts("some words and `code with words` here", 25) == ["some words and", "`code with words` here"]


def test_a_footer_stays_within_the_limit_on_the_last_page() -> None:
    pages = Pages(DIALECTS[1], 40, reserve=12)
    assert [p.text for p in pages.update("word " * 12, final=True, footer="6.1 s")][-1].endswith("\n-# 6.1 s")
    assert all(len(p.text) <= 40 for p in pages.update("word " * 12, final=True, footer="6.1 s"))
    assert pages.update("word " * 12, final=True, footer="x" * 60)[-1].text.endswith("word")


def test_a_text_that_does_not_go_on_starts_again() -> None:
    pages = Pages(DIALECTS[0], 20)
    pages.update("a first text of many words")
    assert [p.text for p in pages.update("another")] == ["another"]


def test_no_text_is_one_empty_page() -> None:
    assert Pages(DIALECTS[0], 20).update("") == [Page("", 0, False)]
    assert Pages(DIALECTS[0], 20).update(" \n\n ", final=True) == [Page("", 4, True)]


@pytest.mark.parametrize("reserve", [-1, 20, 30])
def test_a_page_must_have_room(reserve: int) -> None:
    with pytest.raises(ValueError, match="cannot keep"):
        Pages(DIALECTS[0], 20, reserve=reserve)


@pytest.mark.parametrize("unit", ["\n", " ", " \n", "_", "word\n\n\n\n"])
def test_what_cannot_be_settled_is_not_read_again_with_each_step(monkeypatch: pytest.MonkeyPatch, unit: str) -> None:
    read: list[int] = []

    def count(source: str, *, growing: bool = False) -> Document:
        read.append(len(source))
        return parse(source, growing=growing)

    monkeypatch.setattr(heal, "parse", count)
    monkeypatch.setattr(live_pages, "parse", count)
    source = (unit * 200_000)[:200_000]
    made = Pages(DiscordDialect(), 500_000)
    for end in (100_000, 200_000):
        made.update(source[:end])
    *_, page = made.update(source + "End", final=True)
    assert sum(read) < 30 * len(source)
    assert "End" in page.text


AMBIGUOUS = "$$"  # a formula in a formula: where it ends depends on what stands before


@bounded
@given(markdown(chaos=False).filter(lambda text: AMBIGUOUS not in text), dialects, st.integers(200, 2000))
def test_what_begins_behind_a_page_is_the_pages_after_it(text: str, dialect: Dialect, limit: int) -> None:
    pages = Pages(dialect, limit).update(text, final=True)
    for n in range(1, len(pages)):
        rest = Pages(dialect, limit)
        rest.begin_after(text, sum(page.chars for page in pages[:n]))
        assert list(rest.update(text, final=True)) == list(pages[n:])


@bounded
@given(prefixes(markdown()), dialects, st.integers(120, 2000))
def test_what_begins_behind_the_first_page_of_a_streamed_text_loses_no_word(
    prefixes: list[str], dialect: Dialect, limit: int
) -> None:
    text, rest = prefixes[-1], Pages(dialect, limit)
    first = streamed(Pages(dialect, limit), prefixes)[0]
    rest.begin_after(text, first.chars)
    both = [first, *rest.update(text, final=True)]
    assert has_every_word(both, text)
    assert sum(page.chars for page in both) == len(text)


@pytest.mark.parametrize(
    ("text", "begins"),
    [
        ("".join(f"{n}. item number {n}\n" for n in range(1, 20)), r"(\d+)\. item number \1\n"),
        ("```py\n" + "".join(f"line_{n} = {n}\n" for n in range(40)) + "```\n", r"```py\nline_(\d+) = \1\n"),
        (
            "| n | m |\n|---|---|\n" + "".join(f"| {n} | b{n} |\n" for n in range(40)),
            r"\| n \| m \|\n.*\n\| (\d+) \| b\1",
        ),
    ],
)
def test_what_begins_inside_a_list_code_or_a_table_goes_on_as_such(text: str, begins: str) -> None:
    first, rest = Pages(DIALECTS[0], 200).update(text, final=True)[0], Pages(DIALECTS[0], 200)
    rest.begin_after(text, first.chars)
    found = re.match(begins, rest.update(text, final=True)[0].text)
    assert found
    assert str(int(found[1]) - 1) in first.text.splitlines()[-1 - text.startswith("`")]


@bounded
@given(prefixes(markdown(chaos=False, max_blocks=10)), st.sampled_from(DIALECTS[:2]), st.integers(1000, 2000))
def test_no_page_but_the_last_ends_with_a_heading(prefixes: list[str], dialect: Dialect, limit: int) -> None:
    for page in streamed(Pages(dialect, limit), prefixes)[:-1]:
        assert parse(page.text).blocks[-1].tokens[0].type != "heading_open"


def test_a_heading_goes_to_the_page_of_what_it_stands_above() -> None:
    first, second = texts(f"{'word ' * 30}\n\n## Title\n\n### Below\n\n{'other ' * 30}", 200)
    assert first == ("word " * 30).strip()
    assert second.startswith("## Title\n\n### Below\n\nother")
