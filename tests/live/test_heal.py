"""Half-written Markdown never shows its marks, and the text at its end is what it was."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings

from adapters.terminal.dialect import TerminalDialect
from bot.live.heal import PATIENCE, count_held_back, heal, scan
from bot.live.pages import Pages
from tests.support.markdown_strategies import lines


@pytest.mark.parametrize(
    ("growing", "healed"),
    [
        ("a **bo", "a **bo**"),
        ("a **bold ", "a **bold**"),
        ("a **bold*", "a **bold**"),
        ("a **", "a"),
        ("a *it and **both", "a *it and **both***"),
        ("a ~~gone", "a ~~gone~~"),
        ("a **_text", "a **_text_**"),
        ("a **_text_", "a **_text_**"),
        ("a **_text_*", "a **_text_**"),
        ("a ~~**text", "a ~~**text**~~"),
        ("a _**text", "a _**text**_"),
        ("a ***text", "a ***text***"),
        ("これは**「重", "これは**「重**"),
        ("an _em", "an _em_"),
        ("snake_case", "snake_case"),
        ("2 * 3", "2 * 3"),
        ("run `co", "run `co`"),
        ("run `", "run"),
        ("run ``a`b", "run ``a`b``"),
        ("see [the la", "see the la"),
        ("see [the label]", "see the label"),
        ("see [the label](https://exa", "see the label"),
        ("see ![alt](https://exa", "see alt"),
        ("**see [the la", "**see the la**"),
        ("see <https://exa", "see https://exa"),
        ("x is $\\frac{a}", "x is $\\frac{a}$"),
        ("it costs $5 and", "it costs $5 and"),
        ("x is $$a", "x is $$a$$"),
        ("x is $$a$", "x is $$a$$"),
        ("x is $", "x is"),
        ("x is \\(", "x is"),
        ("x is \\(x_1", "x is \\(x_1\\)"),
        ("x is \\(x_1\\", "x is \\(x_1\\)"),
        ("x is \\[", "x is"),
        ("x is \\[x = 1", "x is \\[x = 1\\]"),
        ("as \\[1\\] and", "as \\[1\\] and"),
        ("if a <b then", "if a <b then"),
        ("a [done](https://a.b) **b", "a [done](https://a.b) **b**"),
        ("Tom &am", "Tom"),
        ("a\\", "a"),
        ("an escaped \\*", "an escaped \\*"),
    ],
)
def test_what_is_open_is_closed(growing: str, healed: str) -> None:
    assert heal(growing) == healed


def test_an_opener_without_a_partner_is_text_in_the_end() -> None:
    assert scan("a ` b" + " c" * PATIENCE).open_atom is None
    assert scan("a [b" + " c" * PATIENCE).open_atom is None


@pytest.mark.parametrize(
    "last",
    ["-", "- [", "- [x]", "#", "###", "12", "12.", "> ", "---", "==", "|--|:", "```", "```py", "$$", "\\[", "\\"],
)
def test_a_line_of_markers_alone_waits(last: str) -> None:
    assert count_held_back(f"Before\n{last}") == len(last)


@pytest.mark.parametrize("last", ["a", "- a", "# a", "1. a", "| a", "```a`"])
def test_a_line_with_text_does_not_wait(last: str) -> None:
    assert count_held_back(f"Before\n{last}") == 0


@pytest.mark.parametrize(
    ("growing", "shown"),
    [
        ("| a | b", "| a | b |\n|---|---|"),
        ("| a | b |\n|--", "| a | b |\n|---|---|"),
        ("- x\n\n  | a | b", "- x\n\n  | a | b |\n  |---|---|"),
        ("> | a", "> | a |\n> |---|"),
        ("$$\nx = 1", "```\nx = 1\n```"),
        ("$$\nx\n+ y", "```\nx\n+ y\n```"),
        ("$$x$", "```\nx\n```"),
        ("So:\n\\[\n", "So:"),
        ("So:\n\\[\nx = 1\n\\", "So:\n\n```\nx = 1\n```"),
        ("- So:\n  \\[\n  x = 1", "- So:\n\n  ```\n  x = 1\n  ```"),
        ("Para\n--", "Para"),
        ("Para\n---\n", "## Para"),
        ("- a\n  ```py\n  x", "- a\n  ```py\n  x\n  ```"),
        ("text\n```py\n", "text"),
    ],
)
def test_half_a_block_is_shown_as_the_block_it_becomes(growing: str, shown: str) -> None:
    assert Pages(TerminalDialect(), 1000).update(growing)[0].text == shown


@settings(max_examples=200, deadline=None)
@given(lines(chaos=False).filter(lambda line: "x*y" not in line))
def test_what_is_whole_stays_as_it_is(line: str) -> None:
    assert heal(line).rstrip() == re.sub(r"&\w*$", "", line).rstrip()


@settings(max_examples=200, deadline=None)
@given(lines())
def test_healing_leaves_nothing_open(line: str) -> None:
    healed = scan(heal(line))
    assert healed.open_atom is None or len(line) > PATIENCE
    assert not healed.marks
