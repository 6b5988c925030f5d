"""Pages of a text without listed words: they are blanked before any page is made, so no message shows them."""

from __future__ import annotations

from collections.abc import Sequence

from bot.domain.word_filter import WordFilter
from bot.ports.surface import Page, Paginator


class FilteredPages:
    """The inner pages of the censored text; positions in it are those of the text itself.

    While a text grows, its last word waits as long as it may be the beginning of a listed one. Otherwise people would
    read half of a word before it is blanked, and “ham” that goes on as “hamlet” would be blanked and come back. What
    waits is no longer than a listed word or phrase, and `final` shows it.
    """

    def __init__(self, pages: Paginator, words: WordFilter) -> None:
        self._pages = pages
        self._words = words
        self._lines = ""  # whole lines as they came; no word goes beyond one, so they are read once
        self._censored = ""  # those lines as they are shown

    def update(self, text: str, *, final: bool = False, footer: str = "") -> Sequence[Page]:
        """Return the pages as `Pages.update` does; none as long as nothing can be shown."""
        if not text.startswith(self._lines):
            self._lines = self._censored = ""
        rest = text[len(self._lines) :]
        censored = self._words.censor(rest)
        settled = len(rest) if final else self._words.stable_length(rest)
        shown = self._censored + censored[:settled]
        lines = rest.rfind("\n", 0, settled) + 1
        self._lines += rest[:lines]
        self._censored += censored[:lines]
        return self._pages.update(shown, final=final, footer=footer) if shown or final else ()
