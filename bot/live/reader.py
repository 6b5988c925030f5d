"""The reading of a lane's text into pages: once for each text, and of what would hold the event loop in a thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from bot.concurrency import run_in_thread
from bot.live.pages import LONG_WHOLE
from bot.ports.process import Watch
from bot.ports.surface import Page, Paginator

HEAVY = 8192  # code points of plain words, or what costs as much: they take 10 ms or less
MARK = 8  # code points of plain words that cost the parser as much as one mark
READING_S = 60.0  # a thread that has not read a text by then, and was not interrupted, is left alone
_MARKS = "*_~[<`$&\\|>\n"


class PageReader:
    """The pages of one lane, as its text reads now.

    A thread may read ahead for the loop, as long as the loop does not read meanwhile.
    """

    def __init__(self, paginator: Paginator) -> None:
        self._paginator = paginator
        self._pages: Sequence[Page] = ()
        self._text, self._final, self._footer = "", False, ""

    def read(self, text: str, final: bool, footer: str) -> Sequence[Page]:
        """Return the pages as `Paginator.update` makes them."""
        if not self._pages or (text, final, footer) != (self._text, self._final, self._footer):
            self._pages = self._paginator.update(text, final=final, footer=footer)
            self._text, self._final, self._footer = text, final, footer
        return self._pages

    def is_heavy(self, text: str, final: bool, footer: str) -> bool:
        """Return whether to read so would hold the loop: much text is new, or what a page is made of is hard to parse.

        The line that goes on counts whole, since a word list looks through all of it.
        """
        if (text, final, footer) == (self._text, self._final, self._footer):
            return False
        known = len(self._text) if text.startswith(self._text) and not self._final else 0
        new = len(text) - (text.rfind("\n", 0, known) + 1)
        return new > HEAVY or new + MARK * _count_marks(text[max(0, known - LONG_WHOLE) :]) > HEAVY


def _count_marks(text: str) -> int:
    return sum(map(text.count, _MARKS))


class ReadingThread:
    """The thread that reads beside the loop: one at a time, since the loop must share the interpreter with it."""

    def __init__(self, wake: Callable[[], None]) -> None:
        """Take what is called after each reading."""
        self._wake = wake
        self._free = asyncio.Semaphore(1)

    async def run(
        self,
        read: Callable[[], object],
        watch: Watch,
        then: Callable[[], None],
        on_error: Callable[[Exception], None],
    ) -> None:
        """Read in a thread inside `watch`, then call `then` in the loop, or `on_error` with what was raised."""
        try:
            async with self._free, asyncio.timeout(READING_S):
                await run_in_thread(watch, read)
        except Exception as error:
            on_error(error)
        else:
            then()
        self._wake()
