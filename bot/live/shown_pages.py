"""The pages of one lane in one view: what is known of each message, and which request comes next.

A lane is shown as pages, one message each. The state of a page is what we know of its message, and it decides the next
request for it:

    state      what is known                                  next request
    unposted   no message stands there                        post
    posting    a post is on its way                           none until it is answered
    lost       a post got no answer, so it may stand there    find
    posted     the message stands there                       edit, if it reads something else
    closed     it was sent when its lane had ended            edit, if the lane has changed since

    unposted → posting → posted → closed    as long as all goes well
    posting → unposted                      the platform refused the post
    posting → lost → posted or unposted     a search tells what became of it
    closed → posted                         the lane was opened again, and is shown so
    posted, closed → unposted               someone has deleted the message

`TRANSITIONS` holds these lines; `ShownPages.move` is the only code that changes a page's state. Pages at the end that
are unposted are forgotten.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum
from typing import NamedTuple

from bot.domain.controls import Control
from bot.live.changes import Change, LaneMark, message_digest
from bot.ports.store import PostedPage
from bot.ports.surface import MessageRef, Method


class PageState(Enum):
    """The knowledge of a page's message."""

    UNPOSTED = "unposted"
    POSTING = "posting"
    LOST = "lost"
    POSTED = "posted"
    CLOSED = "closed"


class PageEvent(Enum):
    """An event of a page's message."""

    SENT = "its post is on its way"
    REFUSED = "the platform refused the post"
    UNANSWERED = "the post got no answer"
    SHOWN = "it reads what its lane read while it was open"
    SHOWN_CLOSED = "it reads what its lane read at its end"
    FOUND = "a search found it"
    MISSING = "it does not stand there"


_STANDING = {
    PageEvent.SHOWN: PageState.POSTED,
    PageEvent.SHOWN_CLOSED: PageState.CLOSED,
    PageEvent.MISSING: PageState.UNPOSTED,
}
TRANSITIONS: Mapping[PageState, Mapping[PageEvent, PageState]] = {
    PageState.UNPOSTED: {PageEvent.SENT: PageState.POSTING},
    PageState.POSTING: {
        PageEvent.SHOWN: PageState.POSTED,
        PageEvent.SHOWN_CLOSED: PageState.CLOSED,
        PageEvent.REFUSED: PageState.UNPOSTED,
        PageEvent.UNANSWERED: PageState.LOST,
    },
    PageState.LOST: {PageEvent.FOUND: PageState.POSTED, PageEvent.MISSING: PageState.UNPOSTED},
    PageState.POSTED: _STANDING,
    PageState.CLOSED: _STANDING,
}
NEXT_METHOD: Mapping[PageState, Method] = {
    PageState.UNPOSTED: "post",
    PageState.LOST: "find",
    PageState.POSTED: "edit",
    PageState.CLOSED: "edit",
}


@dataclass(frozen=True, slots=True)
class ShownPage:
    """One page of a lane in one view.

    What its message reads: `text` and `controls`; or all that is known is their digest `reads`; or nothing is known
    (`text` None and `reads` "").
    """

    state: PageState = PageState.UNPOSTED
    ref: MessageRef | None = None
    text: str | None = None
    chars: int = 0  # source code points that it shows
    controls: tuple[Control, ...] = ()
    reads: str = ""

    def has_content(self, wanted: WantedPage) -> bool:
        """Return whether its message is known to read so."""
        if self.text is None:
            return self.reads == message_digest(wanted.text, wanted.controls)
        return self.text == wanted.text and self.controls == wanted.controls


NO_MESSAGE = ShownPage()


class WantedPage(NamedTuple):
    """What one message shall read, and the source code points that it shows."""

    text: str
    chars: int
    controls: tuple[Control, ...]


class ShownPages:
    """The pages of a lane in one view, in order.

    `is_posted`: a message of any page is there. `visible_chars`: source code points that can be read now. Each
    decision asks every lane for both, so they are counted when a page changes.
    """

    def __init__(self, posted: Sequence[PostedPage] = ()) -> None:
        """Take over the pages that an earlier process has posted, or was about to post, in order."""
        self._pages = [ShownPage(_stored_state(page), page.ref or None, reads=page.reads) for page in posted]
        self._count()

    def __getitem__(self, number: int) -> ShownPage:
        return self._pages[number]

    def move(self, number: int, event: PageEvent, known: ShownPage = NO_MESSAGE) -> None:
        """Change a page's state as the table says. `known`: what is now known of its message, apart from the state."""
        self._pages[number] = replace(known, state=TRANSITIONS[self._pages[number].state][event])
        self._forget_unposted()

    def begin_post(self, number: int) -> None:
        """Note that the post of a page, perhaps a new one at the end, is on its way."""
        if number == len(self._pages):
            self._pages.append(NO_MESSAGE)
        self.move(number, PageEvent.SENT)

    def drop_last(self) -> None:
        """Forget the last page, whose message is gone."""
        self._pages.pop()
        self._forget_unposted()

    def next_method(self, number: int) -> Method:
        """Return the next request for a page."""
        return NEXT_METHOD[self._pages[number].state if number < len(self._pages) else PageState.UNPOSTED]

    def find_change(
        self, wanted: Sequence[WantedPage], mark: LaneMark, *, closed: bool, keeps_unknown: bool
    ) -> Change | None:
        """Return the next request that makes the messages read as wanted; None when all of them do.

        `closed`: the lane has ended, and its last message must have been sent since.
        `keeps_unknown`: a message of which nothing is known may stay as it is.
        """
        last = len(wanted) - 1

        def is_right(number: int) -> bool:
            if number >= len(self._pages) or self._pages[number].ref is None:
                return False
            page = self._pages[number]
            if page.text is None and not page.reads and keeps_unknown:
                return True
            is_sent_since = page.state is PageState.CLOSED or not (closed and number == last)
            return is_sent_since and page.has_content(wanted[number])

        wrong = [number for number in range(len(wanted)) if not is_right(number)]
        surplus = len(self._pages) - len(wanted)
        if wrong:
            number, more = wrong[0], len(wrong) > 1 or surplus > 0
            return Change(self.next_method(number), number, *wanted[number], mark, closed=closed, more=more)
        if surplus > 0:
            number = len(self._pages) - 1
            method = self.next_method(number)  # a lost message is looked for first
            method = "delete" if method == "edit" else method
            return Change(method, number, "", 0, (), mark, closed=closed, more=surplus > 1)
        return None

    def _forget_unposted(self) -> None:
        while self._pages and self._pages[-1].state is PageState.UNPOSTED:
            self._pages.pop()
        self._count()

    def _count(self) -> None:
        self.is_posted = any(page.ref is not None for page in self._pages)
        self.visible_chars = sum(page.chars for page in self._pages)


def _stored_state(page: PostedPage) -> PageState:
    """Return the state of a page that an earlier process has posted, or was about to post."""
    if not page.ref:
        return PageState.LOST
    return PageState.CLOSED if page.reads else PageState.POSTED
