"""How Slack writes Markdown: in `markdown` blocks nearly CommonMark, in `text` and sections its own mrkdwn."""

from __future__ import annotations

import re

from bot.live.dialect import (
    CommonMark,
    Inline,
    Piece,
    Plain,
    Table,
    draw_grid,
    hang_indent,
    without_fences,
    without_mentions,
)

TABLE_ROWS, TABLE_COLUMNS = 100, 20

_FORMATS = re.compile(r"(?<![\w`])[*_~](?=\S)|`")


class SlackMarkdown(CommonMark):
    """For `markdown` blocks, 12,000 characters (https://docs.slack.dev/reference/block-kit/blocks/markdown-block)."""

    def text(self, text: str) -> str:
        return without_mentions(super().text(text))

    def code(self, text: str) -> str:
        return without_mentions(super().code(text))

    def fence(self, code: str, language: str) -> Piece:
        return super().fence(without_mentions(code), language)

    def table(self, table: Table) -> Piece:
        """Native as far as Slack draws them (docs.slack.dev/reference/block-kit/blocks/table-block), else as code."""
        if len(table.rows) <= TABLE_ROWS and len(table.rows[0]) <= TABLE_COLUMNS:
            return super().table(table)
        drawn = draw_grid(table)
        return Piece(without_mentions(without_fences(drawn.body)), f"```\n{without_fences(drawn.head)}", "\n```")


class SlackMrkdwn(CommonMark):
    """For `text` and sections (https://docs.slack.dev/messaging/formatting-message-text).

    mrkdwn has no escape for its own marks: a word joiner before one keeps it from standing at a word's start.
    """

    def cells(self) -> Inline:
        return Plain()

    def text(self, text: str) -> str:
        return _FORMATS.sub("\u2060\\g<0>", entities(text))

    def strong(self, inner: str) -> str:
        return f"*{inner}*"

    def emphasis(self, inner: str) -> str:
        return f"_{inner}_"

    def strike(self, inner: str) -> str:
        return f"~{inner}~"

    def code(self, text: str) -> str:
        return f"`{entities(text).replace('`', 'ˋ')}`"

    def link(self, inner: str, url: str) -> str:
        target = entities(url.replace("|", "%7C").replace(">", "%3E"))
        return f"<{target}>" if inner in ("", self.text(url)) else f"<{target}|{inner}>"

    def line_break(self) -> str:
        return "\n"

    def paragraph(self, inner: str) -> str:
        return inner

    def heading(self, level: int, inner: str) -> str:
        return self.strong(inner.replace("*", ""))

    def rule(self) -> str:
        return "─" * 20

    def item(self, number: int | None, inner: str) -> str:
        return hang_indent("• " if number is None else f"{number}. ", inner)

    def fence(self, code: str, language: str) -> Piece:
        return Piece(entities(without_fences(code)), "```\n", "\n```")

    def table(self, table: Table) -> Piece:
        drawn = draw_grid(table)
        return Piece(entities(without_fences(drawn.body)), f"```\n{entities(without_fences(drawn.head))}", "\n```")

    def footer(self, text: str) -> str:
        return f"\n_{self.text(text)}_"


def entities(text: str) -> str:
    """Slack's three control characters as entities, and nothing else; and no mention alive."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return without_mentions(escaped)
