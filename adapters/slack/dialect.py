"""Slack's two dialects of Markdown: nearly CommonMark in `markdown` blocks, its own mrkdwn in `text` and sections."""

from __future__ import annotations

import re

from bot.live.dialect import (
    CommonMark,
    Piece,
    Table,
    draw_table,
    hang_indent,
    has_false_label,
    without_fences,
    without_mentions,
)

TABLE_ROWS, TABLE_COLUMNS = 100, 20

_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]{0,30}:")
_FORMATS = re.compile(r"(?<![\w`])[*_~](?=\S)|`")


class SlackMarkdown(CommonMark):
    """Markdown of `markdown` blocks (https://docs.slack.dev/reference/block-kit/blocks/markdown-block)."""

    def text(self, text: str) -> str:
        return without_mentions(super().text(text))

    def code(self, text: str) -> str:
        return without_mentions(super().code(text))

    def link(self, inner: str, url: str) -> str:
        return f"{inner} ({self.text(url)})" if has_false_label(inner, url) else super().link(inner, url)

    def fence(self, code: str, language: str) -> Piece:
        return super().fence(without_mentions(code), language)

    def table(self, table: Table) -> Piece:
        """Write a table that Slack draws, within its limits, else code or a list.

        https://docs.slack.dev/reference/block-kit/blocks/table-block
        """
        if len(table.rows) <= TABLE_ROWS and len(table.rows[0]) <= TABLE_COLUMNS:
            return super().table(table)
        return draw_table(table, self, lambda code: without_mentions(without_fences(code)))


class SlackMrkdwn(CommonMark):
    """mrkdwn, for `text` and sections (https://docs.slack.dev/messaging/formatting-message-text).

    mrkdwn has no escape for its own marks. They format only at a word's start, so a word joiner goes before each.
    """

    def text(self, text: str) -> str:
        return _FORMATS.sub("\u2060\\g<0>", escape_entities(text))

    def label(self, text: str) -> str:
        return self.text(text)

    def strong(self, inner: str) -> str:
        return f"*{inner}*"

    def emphasis(self, inner: str) -> str:
        return f"_{inner}_"

    def strike(self, inner: str) -> str:
        return f"~{inner}~"

    def code(self, text: str) -> str:
        return f"`{escape_entities(text).replace('`', 'ˋ')}`"

    def link(self, inner: str, url: str) -> str:
        if not _SCHEME.match(url):  # behind "<", "!channel" and "@U1" are mentions
            return f"{inner} ({self.text(url)})" if inner else self.text(url)
        target = escape_entities(url.replace("|", "%7C").replace(">", "%3E"))
        if has_false_label(inner, url):
            return f"{inner} (<{target}>)"
        return f"<{target}>" if inner in ("", self.label(url)) else f"<{target}|{inner}>"

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
        return Piece(escape_entities(without_fences(code)), "```\n", "\n```")

    def table(self, table: Table) -> Piece:
        return draw_table(table, self, lambda code: escape_entities(without_fences(code)))

    def footer(self, text: str) -> str:
        return f"\n_{self.text(text)}_"


def escape_entities(text: str) -> str:
    """Escape Slack's three control characters, and nothing else, and make mentions harmless."""
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return without_mentions(escaped)
