"""The dialect of the terminal: CommonMark that `rich.markdown.Markdown` draws.

Text is clean of control characters before it comes here (`bot.live.markdown.clean`).
"""

from __future__ import annotations

from bot.domain.lane_links import is_lane_link
from bot.live.dialect import CommonMark, has_false_label


class TerminalDialect(CommonMark):
    """CommonMark as it is: rich draws tables, rules and headings itself, and an image as its link."""

    def link(self, inner: str, url: str) -> str:
        if is_lane_link(url):  # all messages are on the same screen
            return inner
        return f"{inner} ({self.text(url)})" if has_false_label(inner, url) else super().link(inner, url)
