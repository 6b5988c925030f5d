"""What each surface's Markdown looks like, and that what a model wrote mentions nobody."""

from __future__ import annotations

import io
import re
import unicodedata

import pytest
import wcwidth
from hypothesis import given, settings
from rich.console import Console
from rich.markdown import Markdown

from adapters.discord.dialect import DiscordDialect
from adapters.slack.dialect import SlackMarkdown, SlackMrkdwn
from adapters.terminal.dialect import TerminalDialect
from bot.live.dialect import Dialect
from bot.live.markdown import clean
from bot.live.pages import Pages
from tests.support.markdown_strategies import lines


def write(dialect: Dialect, text: str, footer: str = "") -> str:
    return Pages(dialect, 100_000).update(text, final=True, footer=footer)[0].text


TABLE = "| Name | 漢字 | n |\n|:--|:-:|--:|\n| a | 良 | 1 |\n| **bb** | [x](https://a.b) | 22 |"


@pytest.mark.parametrize(
    ("source", "discord", "markdown", "mrkdwn"),
    [
        ("**b** *i* ~~s~~ `c`", "**b** *i* ~~s~~ `c`", "**b** *i* ~~s~~ `c`", "*b* _i_ ~s~ `c`"),
        ("[a](https://b.c/d_e)", "[a](https://b.c/d_e)", "[a](https://b.c/d_e)", "<https://b.c/d_e|a>"),
        ("![a](https://b.c/d)", "[a](https://b.c/d)", "[a](https://b.c/d)", "<https://b.c/d|a>"),
        ("<https://b.c/d_e>", "https://b.c/d_e", "https://b.c/d_e", "<https://b.c/d_e>"),
        ("https://b.c/d_e_", "https://b.c/d_e_", "https://b.c/d_e_", "https://b.c/d_e_"),
        ("## h", "## h", "## h", "*h*"),
        ("#### h **b**", "**h b**", "#### h **b**", "*h b*"),
        ("---", "─" * 20, "---", "─" * 20),
        ("a & b < c", "a & b < c", "a & b < c", "a &amp; b &lt; c"),
        ("- [x] a\n- b", "- ☑ a\n- b", "- ☑ a\n- b", "• ☑ a\n• b"),
        ("3. a\n4. b", "3. a\n4. b", "3. a\n4. b", "3. a\n4. b"),
        ("> a\n> > b", "> a\n>\n> > b", "> a\n>\n> > b", "> a\n>\n> > b"),
        ("```py\nx\n```", "```py\nx\n```", "```py\nx\n```", "```\nx\n```"),
        (r"\*not\* snake_case", r"\*not\* snake_case", r"\*not\* snake_case", "\u2060*not* snake_case"),
        (r"\# a", r"\# a", r"\# a", "# a"),
        (r"1\. a", r"1\. a", r"1\. a", "1. a"),
        ("$x^2$", "x²", "x²", "x²"),
        (r"$\vec{x}$", r"`\vec{x}`", r"`\vec{x}`", r"`\vec{x}`"),
    ],
)
def test_the_same_text_on_each_surface(source: str, discord: str, markdown: str, mrkdwn: str) -> None:
    assert write(DiscordDialect(), source) == discord
    assert write(SlackMarkdown(), source) == markdown
    assert write(SlackMrkdwn(), source) == mrkdwn


def test_a_table_is_drawn_with_wide_characters_counted_twice() -> None:
    rows = write(DiscordDialect(), TABLE).split("\n")
    assert rows[0] == rows[-1] == "```"
    assert len({wcwidth.wcswidth(row) for row in rows[1:-1]}) == 1
    assert "x (https://a.b)" in rows[-2]


WIDE = f"| Name | Why \\| how |\n|--|--|\n| **a** | {'many words ' * 5}|\n| [x](https://a.b) | |"


def test_a_table_wider_than_a_phone_is_a_list() -> None:
    words = "many words " * 5
    first = f"- **Name** **a**\n  **Why \\| how** {words.strip()}"
    assert write(DiscordDialect(), WIDE) == f"{first}\n- **Name** [x](https://a.b)\n  **Why \\| how** –"
    assert write(SlackMrkdwn(), WIDE).startswith("• *Name* *a*\n  *Why | how* many words")
    for dialect in (SlackMarkdown(), TerminalDialect()):  # both draw tables
        assert write(dialect, WIDE).startswith("| Name | Why \\| how |")


@pytest.mark.parametrize(
    ("cell", "is_list"), [("x" * 42, False), ("x" * 43, True), ("漢" * 21, False), ("漢" * 22, True)]
)
def test_a_table_is_drawn_up_to_the_width_of_a_phone(cell: str, is_list: bool) -> None:
    drawn = write(DiscordDialect(), f"| a | b |\n|--|--|\n| 22 | {cell} |")
    assert drawn.startswith("- **a** 22" if is_list else "```\n")


def test_a_wide_header_alone_is_a_line() -> None:
    assert write(DiscordDialect(), f"| {'a' * 30} | {'b' * 30} |\n|--|--|") == f"**{'a' * 30}** · **{'b' * 30}**"


def test_a_table_stays_markdown_where_it_is_drawn() -> None:
    assert write(TerminalDialect(), TABLE).startswith("| Name | 漢字 | n |\n|:--|:-:|--:|\n| a | 良 | 1 |\n")
    assert write(TerminalDialect(), "| a |\n|--|\n| `x\\|y` |").endswith("| `x\\|y` |")


def test_a_fence_of_three_backticks_cannot_be_closed_from_inside() -> None:
    source = "````\n```\nx\n````"
    assert write(TerminalDialect(), source) == source
    for dialect in (DiscordDialect(), SlackMrkdwn()):
        assert write(dialect, source).count("```") == 2


MENTIONS = [
    "@everyone",
    "@here",
    "<@123>",
    "<@!123>",
    "<@&123>",
    "<#123>",
    "<@U1>",
    "<!channel>",
    "<!here>",
    "</cmd:1>",
]


@pytest.mark.parametrize(
    "frame", ["{}", "**{}**", "`{}`", "```\n{}\n```", "| {} |\n|--|\n| {} |", "[{}](https://a.b/{})", "# {}"]
)
@pytest.mark.parametrize("mention", MENTIONS)
def test_nobody_is_mentioned(mention: str, frame: str) -> None:
    for dialect in (DiscordDialect(), SlackMarkdown(), SlackMrkdwn()):
        assert mention not in write(dialect, frame.replace("{}", mention))


@pytest.mark.parametrize("target", ["!channel", "!here", "!everyone", "@U1", "#C1", "!subteam^S1"])
@pytest.mark.parametrize("frame", ["[{}]({})", "![{}]({})", "[{}](<{}>)", "**[{}]({})**", "# [{}]({})"])
def test_the_target_of_a_link_mentions_nobody(target: str, frame: str) -> None:
    assert "<" not in write(SlackMrkdwn(), frame.format("see", target))


def test_footers_are_small_and_stand_alone() -> None:
    footer = "6.1 s · 412 tokens · $0.004"
    assert write(DiscordDialect(), "a", footer) == f"a\n-# {footer}"
    assert write(SlackMarkdown(), "a", footer) == f"a\n\n_{footer}_"
    assert write(SlackMrkdwn(), "a", footer) == f"a\n_{footer}_"
    assert write(DiscordDialect(), "", footer) == f"-# {footer}"


def test_discord_counts_utf16_units() -> None:
    assert DiscordDialect().measure("a👩‍💻") == 6
    assert SlackMarkdown().measure("a👩‍💻") == 4


@settings(max_examples=150, deadline=None)
@given(lines())
def test_written_again_it_stays_the_same(line: str) -> None:
    once = write(TerminalDialect(), line)
    assert write(TerminalDialect(), once) == once


@settings(max_examples=80, deadline=None)
@given(lines())
def test_rich_draws_every_letter(line: str) -> None:
    out = io.StringIO()
    Console(file=out, width=10_000, color_system=None).print(Markdown(write(TerminalDialect(), line), hyperlinks=False))
    wanted = re.sub(r"https?://\S+|\]\([^)]*\)|<[^>]*>|&\w+;", "", clean(line))
    hay = iter(unicodedata.normalize("NFKC", out.getvalue()))  # x² is x2
    wanted = unicodedata.normalize("NFKC", wanted)
    assert all(char in hay for char in wanted if char.isalpha())
