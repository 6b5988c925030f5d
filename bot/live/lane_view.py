"""One lane in one view: the pages that it shows, and the next request for them.

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

`TRANSITIONS` holds these lines; `LaneView._move` is the only code that changes a page's state. At most one
request of a lane is in flight. Pages at the end that are unposted are forgotten.

The view of the lane as a whole has three states. It is `showing` until the end of the lane is shown or the view is
left: then it is `over` and asks for nothing. A lane that is removed or asked again brings it back to `showing`
(`revive`). It is `given up` for good when its message was deleted twice, when too many tries failed in a row, or when
the platform does not let us write there. Others call methods; none of this state is written from outside.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from enum import Enum
from functools import partial

from bot.domain.controls import Control
from bot.domain.run import TurnId
from bot.live.changes import Change, LaneMark, message_digest
from bot.live.lane_host import LaneHost
from bot.live.lanes import Lane
from bot.live.reader import PageReader
from bot.live.schedule import END, FIRST, FIRST_WEIGHT, FIRST_WITHIN_S, TEXT, Bid, SurfaceCall
from bot.ports import (
    Forbidden,
    Gone,
    Message,
    MessageRef,
    Method,
    Page,
    PostedPage,
    RateLimited,
    SurfaceError,
)


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


class ViewState(Enum):
    """Whether the lane is still shown here."""

    SHOWING = "showing"
    OVER = "over"
    GIVEN_UP = "given up"


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

TRIES = 6  # failures in a row after which a surface is no longer asked to show a lane
BACK_OFF_S = 0.5  # after a first failure; doubled with each one that follows
BACK_OFF_CAP_S = 30.0  # the longest back-off
NO_TEXT = "…"  # shown for a lane that ended without a word or a footer
BACKGROUND_RATE = 1.0  # the board, footers and progress lines are scheduled like text at 1 code point a second


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


NO_MESSAGE = ShownPage()


class LaneView:
    """One lane in one view: what has been shown of it, and the one request that may be in flight."""

    def __init__(self, host: LaneHost, lane: Lane, posted: Sequence[PostedPage] = ()) -> None:
        """Take over the pages that an earlier process has posted, in order."""
        self.lane = lane
        self._host = host
        self._surface = host.surface
        self._reader = PageReader(host.surface.pages(lane.kind))
        self._is_reading = False  # in a thread
        self._read_ahead: LaneMark | None = None  # what the thread has read, until it is taken
        self._state = ViewState.SHOWING
        self._pages = [ShownPage(_stored_state(page), page.ref or None, reads=page.reads) for page in posted]
        self._flying: Change | None = None
        self._version = 0  # of the lane, as last shown or now in flight
        self._more = False
        self._chars = 0  # of the lane, as last shown or now in flight; so are its moments
        self._moments = 0.0
        self._taken_at = host.now()  # the board of a run that goes on waits its turn
        self._failures = 0
        self._retry_at = -math.inf
        self._posted_again = False
        self._set_next_method(self._method_for(0))

    @property
    def draws(self) -> Sequence[str]:
        """The names of the budgets that the next request spends from."""
        return self._draws

    @property
    def is_over(self) -> bool:
        """Return whether nothing more is asked for: the end is shown, the view was left, or the lane was given up."""
        return self._state is not ViewState.SHOWING

    @property
    def has_content(self) -> bool:
        """Return whether there is anything that a message could read."""
        return bool(self.lane.placeholder or self.lane.length or self.lane.closed)

    @property
    def is_posted(self) -> bool:
        """Return whether a message of it is there."""
        return any(page.ref is not None for page in self._pages)

    @property
    def is_open(self) -> bool:
        """Return whether it may grow yet."""
        return self.lane.kind in ("turn", "board") and not self.lane.closed and not self.is_over

    @property
    def visible_chars(self) -> int:
        """Source code points that can be read now, all pages."""
        return sum(page.chars for page in self._pages)

    def bid(self, now: float) -> Bid | None:
        """Return what the lane offers for a request; None where there is nothing to show, or not now."""
        lane = self.lane
        if self.is_over or self._flying or self._is_reading or now < self._retry_at:
            return None
        if not self.is_posted:
            if not self.has_content or not self._host.is_next_to_post(self):
                return None
            return Bid(FIRST if self._host.has_waiting_words else END, math.inf, 1)
        if lane.version == self._version and not self._more:
            return None
        unseen = lane.chars - self._chars
        if self._is_background and not lane.closed:
            return Bid(TEXT, _background_value(now - self._taken_at), unseen)
        if lane.closed and not unseen and not self._more and self.visible_chars:
            return Bid(TEXT, _background_value(now - lane.ended), 0)  # only a footer is missing
        if lane.closed or lane.kind in ("card", "end"):
            return Bid(END, math.inf, unseen)
        shown = self.visible_chars
        if (
            lane.length < shown and not lane.withdrawn
        ):  # begun again: what is shown stays until the new text has outgrown it
            lane.settle()
            return None
        waited = unseen * now - (lane.moments - self._moments)
        if shown:
            return Bid(TEXT, waited, unseen)
        rank = FIRST if now - lane.began < FIRST_WITHIN_S else END
        return Bid(rank, FIRST_WEIGHT * waited, unseen, breaks_silence=self._host.is_silent)

    @property
    def _is_background(self) -> bool:
        """Return whether nobody waits for its words: the board, or a lane that shows only how far it is."""
        return self.lane.kind == "board" or (self.lane.shows_progress and not self.lane.chars)

    def speed(self, now: float) -> float:
        """Return code points a second."""
        return BACKGROUND_RATE if self._is_background else self.lane.speed(now)

    def age(self, now: float) -> float:
        """Return the seconds since the lane's first character."""
        return now - self.lane.began if self.lane.chars else 0.0

    def ready_at(self, now: float) -> float:
        """Return when it may be tried again after a failure; infinity when it waits for no time."""
        return self._retry_at if self._retry_at > now and not self.is_over else math.inf

    def take(self) -> SurfaceCall | None:
        """Return the request that shows the lane's text of this moment; None when there is nothing to send.

        A text that is long to read is read in a thread first; the lane bids again once that is done.
        """
        mark = self._mark_text()
        if mark is None:
            return None
        with self.watch():  # it goes through the whole text
            change = self._next_change(mark)
        if change is None:
            self._version, self._more = mark.version, False
            self.lane.settle()
            if self.lane.closed:
                self.leave()
            return None
        draws = tuple(self._surface.draws(change.method, self.lane.key))
        if change.method != self._method or draws != self._draws:  # another budget may be asked: bid again
            self._set_next_method(change.method)
            self._host.wake()
            return None
        self._flying = change
        if change.method == "post":
            if change.page == len(self._pages):
                self._pages.append(NO_MESSAGE)
            self._move(change.page, PageEvent.SENT)
        if self.lane.kind == "turn" and change.covers:
            self._host.break_silence()
        self._taken_at = self._host.now()
        self.lane.settle()
        return SurfaceCall(change.method, lambda: self._send(change))

    def on_success(self, call: SurfaceCall, ref: MessageRef | None, duration_s: float) -> None:
        """Note what the answered request has shown, or found."""
        change = self._finish_request(200, duration_s)
        self._failures = 0
        match change.method:
            case "delete":
                self._drop_last_page()
            case "find":
                self._note_search(change.page, ref)
                return
            case "post" | "edit":
                self._note_shown(change, ref)
        self._version, self._more = change.mark.version, change.more
        if not change.more:
            self._chars, self._moments = change.mark.chars, change.mark.moments
        self._set_next_method("edit")
        events, chars = self._host.events, self.visible_chars
        events.trace.record_shown(self._surface.name, self.lane.key, change.page, chars, change.is_final)
        if self.lane.kind == "turn" and chars:
            events.on_shown(self.lane.key, change.mark.text[:chars])
        # a button may have changed while this was on its way: then the version differs
        if change.is_final and change.mark.version == self.lane.version:
            self.leave()

    def on_failure(self, call: SurfaceCall, error: SurfaceError, duration_s: float) -> None:
        """Decide what follows from a failed request: another try, another request, or none any more."""
        change = self._finish_request(error.status, duration_s)
        is_lost = change.method == "post" and (error.status == 0 or error.status >= 500)
        if change.method == "post":
            self._move(change.page, PageEvent.UNANSWERED if is_lost else PageEvent.REFUSED)
        match error:
            case RateLimited():
                self._set_next_method(self._method)  # its budget pauses; the next bid takes the text of then
            case Forbidden():
                self._host.forbid(self.lane, str(error) or "it is not allowed to")
            case Gone() if change.method == "delete":
                self._drop_last_page()
            case Gone() if change.method == "edit" and not self._posted_again:
                self._posted_again = True
                self._move(change.page, PageEvent.MISSING)
                self._set_next_method("post")
            case Gone():
                self._fail("its message was deleted")
            case _:
                if is_lost:
                    self._set_next_method("find")
                self._failures += 1
                if self._failures >= TRIES:
                    self._fail(f"{TRIES} tries failed, the last one with: {error}")
                pause_s = min(BACK_OFF_S * 2 ** (self._failures - 1), BACK_OFF_CAP_S)
                self._retry_at = self._host.now() + pause_s

    def revive(self) -> bool:
        """Show the lane again when it was over; return whether it was."""
        if self._state is not ViewState.OVER:
            return False
        self._state = ViewState.SHOWING
        return True

    def leave(self) -> None:
        """Ask for nothing more until the lane is revived."""
        if self._state is ViewState.SHOWING:
            self._state = ViewState.OVER
        self._host.remove(self)
        self._host.settle()

    def give_up(self) -> None:
        """Ask for nothing more, whatever comes."""
        self._state = ViewState.GIVEN_UP
        self.leave()

    def watch(self) -> AbstractContextManager[None]:
        """Bound the time of work on this lane, in the event loop or in a thread."""
        return self._host.events.watch()

    def break_off(self, error: Exception) -> None:
        """Give the lane up, as there is a bug in how it is shown."""
        self._flying = None
        self.give_up()
        self._host.events.on_broken(error)

    def _fail(self, why: str) -> None:
        self.give_up()
        self._host.events.on_note(f"{self._surface.name} no longer shows {self.lane.title or self.lane.key}: {why}")

    def _move(self, number: int, event: PageEvent, known: ShownPage = NO_MESSAGE) -> None:
        """Change a page's state as the table says. `known`: what is now known of its message, apart from the state."""
        self._pages[number] = replace(known, state=TRANSITIONS[self._pages[number].state][event])
        self._forget_unposted()

    def _drop_last_page(self) -> None:
        self._pages.pop()
        self._forget_unposted()

    def _forget_unposted(self) -> None:
        while self._pages and self._pages[-1].state is PageState.UNPOSTED:
            self._pages.pop()

    def _mark_text(self) -> LaneMark | None:
        """Return the text to show; None while a thread reads it.

        Of a text that goes on growing while it is read, what was read is shown; of any other, only what it reads now.
        """
        lane = self.lane
        mark = LaneMark(lane.text, lane.version, lane.chars, lane.moments)
        read, self._read_ahead = self._read_ahead, None
        if not self._reader.is_heavy(mark.text, lane.closed, lane.footer):
            return mark
        if read and not lane.closed and mark.text.startswith(read.text):
            return read
        self._is_reading = True
        work = partial(self._reader.read, mark.text, lane.closed, lane.footer)
        self._host.read_aside(self, work, partial(self._note_read, mark))
        return None

    def _note_read(self, mark: LaneMark) -> None:
        self._is_reading, self._read_ahead = False, mark

    def _next_change(self, mark: LaneMark) -> Change | None:
        """Return the next request for a text of the lane; None when everything reads as it should."""
        lane = self.lane
        pages: Sequence[Page] = ()
        if mark.text or lane.closed:
            pages = self._reader.read(mark.text, lane.closed, lane.footer)
        wanted = [(page.text, page.chars, self._controls(page)) for page in pages] or [
            (lane.footer or NO_TEXT if lane.closed else lane.placeholder, 0, lane.controls)
        ]
        last = len(wanted) - 1
        wanted[:last] = [(text, chars, ()) for text, chars, _ in wanted[:last]]  # buttons stand under the last page
        wrong = [k for k, (read, _, offer) in enumerate(wanted) if not self._reads(k, read, offer, k == last)]
        surplus = len(self._pages) - len(wanted)
        if wrong:
            k, more = wrong[0], len(wrong) > 1 or surplus > 0
            return Change(self._method_for(k), k, *wanted[k], mark, closed=lane.closed, more=more)
        if surplus > 0:
            page = len(self._pages) - 1
            method = self._method_for(page)  # a lost message is looked for first
            method = "delete" if method == "edit" else method
            return Change(method, page, "", 0, (), mark, closed=lane.closed, more=surplus > 1)
        return None

    def _controls(self, page: Page) -> tuple[Control, ...]:
        read_on = Control("read_on", "Read on", TurnId(*self.lane.key))
        return (*self.lane.controls, read_on) if page.goes_on else self.lane.controls

    def _reads(self, number: int, text: str, controls: tuple[Control, ...], is_last: bool) -> bool:
        """Return whether a page reads so: of a closed lane, the last one must have been sent since."""
        if number >= len(self._pages):
            return False
        page = self._pages[number]
        if page.ref is None:
            return False
        if page.text is None and not page.reads and not self.lane.closed and not self.lane.length:
            return True  # asked again after a restart: what was shown stays until there is something new
        same = page.reads == message_digest(text, controls) if page.text is None else page.text == text
        if not same or (page.text is not None and page.controls != controls):
            return False
        return page.state is PageState.CLOSED or not (is_last and self.lane.closed)

    def _method_for(self, number: int) -> Method:
        return NEXT_METHOD[self._pages[number].state if number < len(self._pages) else PageState.UNPOSTED]

    def _note_search(self, number: int, ref: MessageRef | None) -> None:
        """Note whether a lost message stands there; what it reads is not known."""
        self._move(number, PageEvent.MISSING if ref is None else PageEvent.FOUND, ShownPage(ref=ref))
        self._set_next_method(self._method_for(number))
        if ref is not None:
            self._report_page(number)

    def _note_shown(self, change: Change, ref: MessageRef | None) -> None:
        """Note what a page's message reads. It is reported when it is new, and when it reads something lasting."""
        before = self._pages[change.page]
        is_lasting = change.closed or self.lane.kind in ("card", "end")
        reads = message_digest(change.text, change.controls) if is_lasting else ""
        known = ShownPage(before.state, ref or before.ref, change.text, change.covers, change.controls, reads)
        self._move(change.page, PageEvent.SHOWN_CLOSED if change.closed else PageEvent.SHOWN, known)
        if ref is not None or reads != before.reads:
            self._report_page(change.page)

    def _report_page(self, number: int) -> None:
        page = self._pages[number]
        assert page.ref is not None  # it has just been posted, edited or found
        self._host.events.on_posted(PostedPage(self._surface.address, self.lane.key, number, page.ref, page.reads))

    async def _send(self, change: Change) -> MessageRef | None:
        key, number = self.lane.key, change.page
        match change.method:
            case "post":
                await self._host.events.before_post(PostedPage(self._surface.address, key, number, ""))
                return await self._surface.post(self._message(change))
            case "find":
                return await self._surface.find(key, number)
        ref = self._pages[number].ref
        assert ref is not None  # a page without a message is posted or looked for
        if change.method == "edit":
            await self._surface.edit(ref, self._message(change))
        else:
            await self._surface.delete(ref)
        return None

    def _message(self, change: Change) -> Message:
        lane = self.lane
        return Message(
            lane.key,
            change.page,
            lane.kind,
            lane.title,
            change.text,
            change.closed,
            change.controls,
            lane.to if self._host.notifies else "",
            lane.face,
        )

    def _finish_request(self, status: int, duration_s: float) -> Change:
        """Return the change whose request was answered, or never will be."""
        change, self._flying = self._flying, None
        assert change is not None  # one request at a time, and this one was taken
        trace, bucket = self._host.events.trace, next(iter(self._draws), "")
        trace.record_request(self._surface.name, change.method, bucket, self.lane.key, status, duration_s)
        return change

    def _set_next_method(self, method: Method) -> None:
        self._method: Method = method
        self._draws = tuple(self._surface.draws(method, self.lane.key))


def _stored_state(page: PostedPage) -> PageState:
    """Return the state of a page that an earlier process has posted, or was about to post."""
    if not page.ref:
        return PageState.LOST
    return PageState.CLOSED if page.reads else PageState.POSTED


def _background_value(age_s: float) -> float:
    """Return the value of showing what people can wait for, in character-seconds."""
    return BACKGROUND_RATE * age_s * age_s / 2
