"""One lane in one view: the pages that it shows, and the next request for them.

What is known of each of its messages stands in `bot.live.shown_pages`. At most one request of a lane is in flight.

The view of the lane as a whole has three states. It is `showing` until the end of the lane is shown or the view is
left: then it is `over` and asks for nothing. A lane that is removed or asked again brings it back to `showing`
(`revive`). It is `given up` for good when its message was deleted twice, when too many tries failed in a row, or when
the platform does not let us write there. Others call methods; none of this state is written from outside.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import AbstractContextManager
from enum import Enum
from functools import partial

from bot.domain.controls import Control
from bot.live.changes import Change, LaneMark, make_message, make_read_on, message_digest
from bot.live.demand import Ahead
from bot.live.lane_host import LaneHost
from bot.live.lanes import Lane
from bot.live.reader import PageReader
from bot.live.schedule import BACKGROUND_RATE, END, FIRST, FIRST_WEIGHT, TEXT, Bid, SurfaceCall, background_value
from bot.live.shown_pages import PageEvent, ShownPage, ShownPages, WantedPage
from bot.ports.store import PostedPage
from bot.ports.surface import Forbidden, Gone, MessageRef, Method, Page, RateLimited, SurfaceError


class ViewState(Enum):
    """Whether the lane is still shown here."""

    SHOWING = "showing"
    OVER = "over"
    GIVEN_UP = "given up"


TRIES = 6  # failures in a row after which a surface is no longer asked to show a lane
AWAY_TRIES = 36  # the same where the platform is away, with the back-off a quarter of an hour: most come back sooner
BACK_OFF_S = 0.5  # after a first failure; doubled with each one that follows
BACK_OFF_CAP_S = 30.0  # the longest back-off
NO_TEXT = "…"  # shown for a lane that ended without a word or a footer
LINE_CHARS = 60  # first words are a line, so that people have something to read until the next showing
LINE_WITHIN_S = 1.2  # or as much of it as there is by then
END_WITHIN_S = 10.0  # for so long the card that notifies waits until all that it speaks of can be read


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
        self._pages = ShownPages(posted)
        self._flying: Change | None = None
        self._version = 0  # of the lane, as last shown or now in flight
        self._more = False
        self._chars = 0  # of the lane, as last shown or now in flight; so are its moments
        self._moments = 0.0
        self._taken_at = self._opened_at = host.now()  # the board of a run that goes on waits its turn
        self._failures = 0
        self._retry_at = -math.inf
        self._posted_again = False
        self._missing: Sequence[str] = ()  # what the end card said is still to come
        self._set_next_method(self._pages.next_method(0))

    @property
    def draws(self) -> Sequence[str]:
        """The names of the budgets that the next request spends from."""
        return self._draws

    @property
    def ahead(self) -> Ahead | None:
        """Return what its run still holds; None where nobody has said."""
        return self._host.ahead

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
        return self._pages.is_posted

    @property
    def is_whole(self) -> bool:
        """Return whether all that its lane reads can be read here, but for a footer."""
        if self.is_over:
            return True
        is_shown = self.is_posted and self.lane.chars == self._chars and not self._more
        return is_shown and (self.visible_chars > 0 or not self.lane.closed)

    @property
    def is_open(self) -> bool:
        """Return whether it may grow yet."""
        return self.lane.kind in ("turn", "board") and not self.lane.closed and not self.is_over

    @property
    def visible_chars(self) -> int:
        """Source code points that can be read now, all pages."""
        return self._pages.visible_chars

    def bid(self, now: float) -> Bid | None:
        """Return what the lane offers for a request; None where there is nothing to show, or not now."""
        lane = self.lane
        if self.is_over or self._flying or self._is_reading or now < self._retry_at:
            return None
        if not self.is_posted:
            if not self.has_content or not self._host.is_next_to_post(self) or self._is_held(now):
                return None
            return Bid(FIRST if self._host.has_waiting_words else END, math.inf, 1)
        if lane.version == self._version and not self._more and not self._is_outdated:
            return None
        unseen = lane.chars - self._chars
        if self._is_background and not lane.closed:
            return Bid(TEXT, background_value(now - self._taken_at), unseen)
        if lane.closed and not unseen and not self._more and self.visible_chars:
            return Bid(TEXT, background_value(now - lane.ended), 0)  # only a footer is missing
        waited = unseen * now - (lane.moments - self._moments)
        if lane.closed or lane.kind in ("card", "end"):
            return Bid(END, waited, unseen)
        shown = self.visible_chars
        if (
            lane.length < shown and not lane.withdrawn
        ):  # begun again: what is shown stays until the new text has outgrown it
            lane.settle()
            return None
        if shown:
            return Bid(TEXT, waited, unseen)
        if self._is_held(now):
            return None
        return Bid(FIRST, FIRST_WEIGHT * waited, unseen, breaks_silence=self._host.is_silent)

    def _is_held(self, now: float) -> bool:
        """Return whether it is too early to show it: no word or one, or an end before all that it speaks of."""
        is_held = now < self._held_until()
        if is_held:
            self.lane.settle()  # the next delta may make it a line
        return is_held

    def _held_until(self) -> float:
        lane = self.lane
        if lane.kind == "end" and not self.is_posted and self._host.list_missing(self):
            return self._opened_at + END_WITHIN_S
        if lane.kind != "turn" or lane.closed or self.visible_chars:
            return -math.inf
        if not lane.length:
            return -math.inf if self.is_posted else self._opened_at + self._surface.placeholder_after_s
        return lane.began + LINE_WITHIN_S if lane.length < LINE_CHARS else -math.inf

    @property
    def _is_outdated(self) -> bool:
        """Return whether what it said is still to come has come."""
        return bool(self._missing) and not self._host.list_missing(self)

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
        """Return when it may be shown after a failure, or after it was held; infinity when it waits for no time."""
        at = max(self._retry_at, self._held_until())
        return at if at > now and not self.is_over else math.inf

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
            self._pages.begin_post(change.page)
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
                self._pages.drop_last()
            case "find":
                self._note_search(change.page, ref)
                return
            case "post" | "edit":
                self._note_shown(change, ref)
        self._version, self._more = change.mark.version, change.more
        if not change.more:
            self._trace_wait(change.mark)
            self._chars, self._moments = change.mark.chars, change.mark.moments
        self._set_next_method("edit")
        events, chars = self._host.events, self.visible_chars
        events.trace.record_shown(self._surface.name, self.lane.key, change.page, chars, change.is_final)
        if self.lane.kind == "turn" and chars:
            events.on_shown(self.lane.key, change.mark.text[:chars])
        # a button may have changed while this was on its way: then the version differs
        if change.is_final and change.mark.version == self.lane.version and not self._missing:
            self.leave()

    def on_failure(self, call: SurfaceCall, error: SurfaceError, duration_s: float) -> None:
        """Decide what follows from a failed request: another try, another request, or none any more."""
        change = self._finish_request(error.status, duration_s)
        is_away = error.status == 0 or error.status >= 500
        if change.method == "post":
            self._pages.move(change.page, PageEvent.UNANSWERED if is_away else PageEvent.REFUSED)
        match error:
            case RateLimited():
                self._set_next_method(self._method)  # its budget pauses; the next bid takes the text of then
            case Forbidden():
                self._host.forbid(self.lane, str(error) or "it is not allowed to")
            case Gone() if change.method == "delete":
                self._pages.drop_last()
            case Gone() if change.method == "edit" and not self._posted_again:
                self._posted_again = True
                self._pages.move(change.page, PageEvent.MISSING)
                self._set_next_method("post")
            case Gone():
                self._fail("its message was deleted")
            case _:
                if change.method == "post" and is_away:
                    self._set_next_method("find")
                self._failures += 1
                if self._failures >= (AWAY_TRIES if is_away else TRIES):
                    self._fail(f"{self._failures} tries failed, the last one with: {error}")
                self._retry_at = self._host.now() + min(BACK_OFF_S * 2 ** (self._failures - 1), BACK_OFF_CAP_S)

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

    def _mark_text(self) -> LaneMark | None:
        """Return the text to show; None while a thread reads it.

        Of a text that goes on growing while it is read, what was read is shown; of any other, only what it reads now.
        """
        lane = self.lane
        may_miss = lane.kind == "end" and (self._missing or not self.is_posted)  # what comes later is read already
        self._missing = self._host.list_missing(self) if may_miss else ()
        text = f"{lane.text}\n\nStill to come here: {', '.join(self._missing)}." if self._missing else lane.text
        mark = LaneMark(text, lane.version, lane.chars, lane.moments)
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
        wanted = [WantedPage(page.text, page.chars, self._controls(page)) for page in pages] or [
            WantedPage(lane.footer or NO_TEXT if lane.closed else lane.placeholder, 0, lane.controls)
        ]
        wanted = wanted if mark.text or lane.kind != "card" else []  # a card that has come to nothing goes
        wanted[:-1] = [page._replace(controls=()) for page in wanted[:-1]]  # buttons stand under the last page
        # asked again after a restart: what was shown stays until there is something new
        keeps_unknown = not lane.closed and not lane.length
        return self._pages.find_change(wanted, mark, closed=lane.closed, keeps_unknown=keeps_unknown)

    def _controls(self, page: Page) -> tuple[Control, ...]:
        return (*self.lane.controls, make_read_on(self.lane, page)) if page.goes_on else self.lane.controls

    def _note_search(self, number: int, ref: MessageRef | None) -> None:
        """Note whether a lost message stands there; what it reads is not known."""
        self._pages.move(number, PageEvent.MISSING if ref is None else PageEvent.FOUND, ShownPage(ref=ref))
        self._set_next_method(self._pages.next_method(number))
        if ref is not None:
            self._report_page(number)

    def _note_shown(self, change: Change, ref: MessageRef | None) -> None:
        """Note what a page's message reads. It is reported when it is new, and when it reads something lasting."""
        before = self._pages[change.page]
        is_lasting = change.closed or self.lane.kind in ("card", "end")
        reads = message_digest(change.text, change.controls) if is_lasting else ""
        known = ShownPage(before.state, ref or before.ref, change.text, change.covers, change.controls, reads)
        self._pages.move(change.page, PageEvent.SHOWN_CLOSED if change.closed else PageEvent.SHOWN, known)
        if ref is not None or reads != before.reads:
            self._report_page(change.page)

    def _report_page(self, number: int) -> None:
        page = self._pages[number]
        assert page.ref is not None  # it has just been posted, edited or found
        self._host.events.on_posted(PostedPage(self._surface.address, self.lane.key, number, page.ref, page.reads))

    async def _send(self, change: Change) -> MessageRef | None:
        key, number = self.lane.key, change.page
        message = make_message(self.lane, change, notifies=self._host.notifies)
        match change.method:
            case "post":
                await self._host.events.before_post(PostedPage(self._surface.address, key, number, ""))
                return await self._surface.post(message)
            case "find":
                return await self._surface.find(key, number)
        ref = self._pages[number].ref
        assert ref is not None  # a page without a message is posted or looked for
        if change.method == "edit":
            await self._surface.edit(ref, message)
        else:
            await self._surface.delete(ref)
        return None

    def _finish_request(self, status: int, duration_s: float) -> Change:
        """Return the change whose request was answered, or never will be."""
        change, self._flying = self._flying, None
        assert change is not None  # one request at a time, and this one was taken
        trace, bucket = self._host.events.trace, next(iter(self._draws), "")
        trace.record_request(self._surface.name, change.method, bucket, self.lane.key, status, duration_s)
        return change

    def _trace_wait(self, mark: LaneMark) -> None:
        """Trace how long the characters that have just become visible had waited."""
        unseen = mark.chars - self._chars
        if self.lane.kind == "turn" and unseen:
            waited_s = unseen * self._host.now() - (mark.moments - self._moments)
            self._host.events.trace.record_wait(self._surface.name, unseen, waited_s)

    def _set_next_method(self, method: Method) -> None:
        self._method: Method = method
        self._draws = tuple(self._surface.draws(method, self.lane.key))
