"""One message a turn: a longer text stands behind Read on."""

from __future__ import annotations

from collections.abc import Sequence

from bot.live.dialect import Dialect
from bot.live.pages import Pages
from bot.ports.surface import Page

GOES_ON = "more under “Read on”"
NOTE = 200  # kept free for the footer, as the dialect measures; a longer footer is cut


class OnePage:
    """The first page of `Pages`, with the footer of the whole.

    The other way to show a long turn is `Pages` itself.
    """

    def __init__(self, dialect: Dialect, limit: int) -> None:
        self._dialect = dialect
        self._pages = Pages(dialect, limit, reserve=min(NOTE, limit // 2), most=1)
        self._room = min(NOTE, limit // 2)

    def update(self, text: str, *, final: bool = False, footer: str = "") -> Sequence[Page]:
        """Return one page, always; its `chars` tell how much of the source it shows."""
        first, *more = self._pages.update(text, final=final)
        note = " · ".join(part for part in (GOES_ON if more else "", footer) if part)
        return [Page((first.text + self._line(note)).lstrip("\n"), first.chars, final, bool(more))]

    def _line(self, note: str) -> str:
        while note and self._dialect.measure(line := self._dialect.footer(note)) > self._room:
            note = note[:-2].rstrip(" ·…") + "…" if len(note) > 2 else ""
        return line if note else ""
