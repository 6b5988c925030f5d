"""What models write otherwise than CommonMark has it, as Discord shows it."""

from __future__ import annotations

import pytest

from adapters.discord.dialect import DiscordDialect
from bot.live.pages import Pages
from bot.live.rules import split_row


def shown(text: str) -> str:
    return Pages(DiscordDialect(), 100_000).update(text, final=True)[0].text


@pytest.mark.parametrize(
    "text",
    [
        "これは**「重要」**です",
        "这是**“重要”**的",
        "**重点：**内容",
        "한국어 **(중요)**입니다",
        "これは*「重要」*です",
        "これは~~「古い」~~です",
        "**コード`x`**です",
        "**[リンク](https://a.b)**です",
        "**Note:**text",
        "the**“word”**s",
        "**5%**of it",
        "call**`f`**now",
    ],
)
def test_marks_that_discord_draws_stay_marks(text: str) -> None:
    assert shown(text) == text


@pytest.mark.parametrize(
    "text", ["f(a,**kw), g(b,**kw)", "(**kw), g(**kw)", "2 ** 3 ** 4", "2 * 3 * 4", "2*3*4", "2**10 and 2**20"]
)
def test_marks_of_programs_and_sums_are_text(text: str) -> None:
    assert shown(text) == text.replace("*", r"\*")


@pytest.mark.parametrize(
    ("text", "drawn"),
    [
        (r"as \(x_1*y_1\) is", r"as x₁\*y₁ is"),
        (r"so \[ \vec{x} \] is", r"so `\vec{x}` is"),
        ("$$a$$ and $$b$$", "a and b"),
        ("$$a$$ $$b$$", "a b"),
        ("$$x$$.", "```\nx.\n```"),
        ("So:\n\\[\n\\vec{x}\n+ y\n\\]\nEnd", "So:\n\n```latex\n\\vec{x}\n+ y\n```\n\nEnd"),
        ("> $$\n> x_1\n> $$", "> ```\n> x₁\n> ```"),
        ("$$\nx\n$$ where x", "x where x"),
        ("$$\nx\n\nmore", "$$\nx\n\nmore"),
        ("$$ is money", "$$ is money"),
        ("$$$ cheap", "$$$ cheap"),
        ("$`x^2`$", "x²"),
        (r"see \[1\]", r"see \[1]"),
        (r"- \[ \] to do", r"- \[ ] to do"),
        (r"`\(x\)`", r"`\(x\)`"),
        ("```\n\\[x=1\\]\n```", "```\n\\[x=1\\]\n```"),
    ],
)
def test_formulas_are_code_or_unicode(text: str, drawn: str) -> None:
    assert shown(text) == drawn


@pytest.mark.parametrize(
    ("row", "columns", "cells"),
    [
        ("| a | b |", 2, ["a", "b"]),
        ("a | b", 2, ["a", "b"]),
        ("| `a|b` | c |", 2, ["`a|b`", "c"]),
        ("| ``a`|`` | c |", 2, ["``a`|``", "c"]),
        (r"| `a\|b` | \| |", 2, ["`a|b`", "|"]),
        ("| $|x|$ | c |", 2, ["$|x|$", "c"]),
        (r"| \(|x|\) | c |", 2, [r"\(|x|\)", "c"]),
        ("| ` | tick | ` |", 3, ["`", "tick", "`"]),
        ("| `a | b |", 2, ["`a", "b"]),
        ("| | b |", 2, ["", "b"]),
        ("||", 1, [""]),
        ("| $5 | $10 |", 2, ["$5", "$10"]),
    ],
)
def test_pipes_in_code_and_formulas_are_no_borders(row: str, columns: int, cells: list[str]) -> None:
    assert split_row(row, columns) == cells


@pytest.mark.parametrize(
    ("table", "last"),
    [
        ("| a | b |\n|--|--|\n| 1 | 2 | 3 |", "1  2 | 3"),
        ("| a | b |\n|--|--|\n| x | |y| |", "x  y"),
        ("| a |\n|--|--|\n| 1 | 2 |", "1  2"),
        ("| a | b |\n|--|--|\n| 1 |", "1"),
        ("a | b\n--|--\n1 | 2", "1  2"),
    ],
)
def test_no_cell_vanishes(table: str, last: str) -> None:
    assert shown(table).split("\n")[-2] == last


@pytest.mark.parametrize("text", ["a | b\n---", "| a | b |\n|---|", "a\n|--|--|", "| a | b |\n- - -"])
def test_what_only_resembles_a_table_is_text(text: str) -> None:
    assert "```" not in shown(text)
