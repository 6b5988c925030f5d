"""Discord's dialect of Markdown: no tables, images, rules or deep headings, and mentions made harmless.

https://support.discord.com/hc/en-us/articles/210298617 lists what its clients draw.
"""

from __future__ import annotations

from bot.live.dialect import (
    CommonMark,
    Piece,
    Table,
    draw_table,
    has_false_label,
    utf16_length,
    without_fences,
    without_mentions,
)


class DiscordDialect(CommonMark):
    """Discord's Markdown: tables become code or lists, images links, rules a line, deep headings bold."""

    def measure(self, text: str) -> int:
        """Return the length in UTF-16 code units, as the client's JavaScript counts.

        The API's documents name no unit for "characters" (https://discord.com/developers/docs/resources/message);
        there are never fewer units than code points.
        """
        return utf16_length(text)

    def text(self, text: str) -> str:
        return without_mentions(super().text(text))

    def code(self, text: str) -> str:
        return without_mentions(super().code(text))

    def link(self, inner: str, url: str) -> str:
        if inner != self.text(url) and ("://" in inner or has_false_label(inner, url)):
            return f"{inner} ({self.text(url)})"  # Discord draws no masked link whose label looks like another link
        return super().link(inner, url)

    def line_break(self) -> str:
        return "\n"

    def heading(self, level: int, inner: str) -> str:
        return super().heading(level, inner) if level <= 3 else self.strong(inner.replace("**", ""))

    def rule(self) -> str:
        return "─" * 20

    def fence(self, code: str, language: str) -> Piece:
        return Piece(_escape(code), f"```{language}\n", "\n```")

    def table(self, table: Table) -> Piece:
        return draw_table(table, self, _escape)

    def footer(self, text: str) -> str:
        return f"\n-# {self.text(text)}"


def _escape(code: str) -> str:
    return without_mentions(without_fences(code))
