"""The parser: bad input ends, keeps its offsets, and loses no text."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from adapters.discord.dialect import DiscordDialect
from adapters.terminal.dialect import TerminalDialect
from bot.live.markdown import CONTINUED, clean, parse
from bot.live.pages import Pages
from tests.support.markdown_strategies import markdown


def test_what_could_harm_a_screen_is_replaced_one_for_one() -> None:
    bad = f"a\x00b\x1b[31mc\ud83d\u202ed\r\ne\x85f{CONTINUED}\tg"
    assert clean(bad) == "a\ufffdb\ufffd[31mc\ufffd\u2060d \ne f\ufffd\tg"
    assert len(clean(bad)) == len(bad)


def test_joined_and_combined_graphemes_are_left_alone() -> None:
    assert clean("👩‍💻 e\u0301 🇩🇪 \ufe0f") == "👩‍💻 e\u0301 🇩🇪 \ufe0f"


@settings(max_examples=100, deadline=None)
@given(markdown())
def test_blocks_cover_the_source_in_order(text: str) -> None:
    doc = parse(clean(text))
    for before, after in zip(doc.blocks, doc.blocks[1:], strict=False):
        assert before.start < before.end == after.start
    assert not doc.blocks or doc.blocks[-1].end == len(text)


@pytest.mark.parametrize(
    "deep",
    [
        "> " * 100 + "deep",
        "- " * 100 + "deep",
        "> - " * 60 + "deep",
        "".join("  " * n + "- a\n" for n in range(100)) + "deep",
    ],
)
def test_deep_nesting_ends_in_text(deep: str) -> None:
    assert "deep" in Pages(TerminalDialect(), 10_000).update(deep, final=True)[0].text


def test_deep_images_end_in_text() -> None:
    assert "deep" in Pages(TerminalDialect(), 100_000).update("![" * 500 + "deep" + "](a)" * 500, final=True)[0].text


BAD = {
    "backticks": "`" * 10_000,
    "a stray backtick": "a ` b " + "word " * 2_000,
    "one line": "word " * 10_000,
    "one word": "x" * 50_000,
    "one fence line": "```\n" + "x" * 50_000,
    "wide table": "|" + " a |" * 200 + "\n|" + "-|" * 200 + "\n" + ("|" + " b |" * 200 + "\n") * 3,
    "brackets": "[" * 5_000,
    "stars": "*a " * 3_000,
    "dollars": "$$ x " * 2_000,
    "surrogates": "\ud83d\ude00" * 500,
    "spaces": " \n\t\n" * 500,
    "one emoji": "👩‍💻" * 2_000,
    "combining": "e" + "\u0301" * 5_000,
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_makes_pages_within_the_limit(name: str) -> None:
    text, dialect = BAD[name], DiscordDialect()
    pages = Pages(dialect, 2000)
    for end in range(0, len(text), 5_000):
        assert all(dialect.measure(page.text) <= 2000 for page in pages.update(text[:end]))
    final = pages.update(text, final=True)
    assert all(dialect.measure(page.text) <= 2000 for page in final)
    assert sum(page.chars for page in final) == len(text)
    assert sum(page.text.count("x") + page.text.count("a") for page in final) >= text.count("x") + text.count("a")


def test_links_defined_elsewhere_and_html_are_text() -> None:
    page = Pages(TerminalDialect(), 1000).update("See [1].\n\n[1]: https://a.b\n\nList<String> <b>x</b>", final=True)[0]
    assert page.text == "See \\[1].\n\n\\[1]: https://a.b\n\nList\\<String> \\<b>x\\</b>"
