"""One lane in one view: what has been shown of it, and which request comes next."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from bot.domain.controls import Control
from bot.domain.run import LaneId, TurnId
from bot.live.changes import Change, LaneMark, ShownPage, message_digest
from bot.live.lanes import Lane
from bot.live.schedule import END, FIRST, FIRST_WEIGHT, FIRST_WITHIN_S, TEXT, Bid, Scheduler, SurfaceCall
from bot.ports import (
    Forbidden,
    Gone,
    Message,
    MessageRef,
    Method,
    Page,
    PostedPage,
    RateLimited,
    Surface,
    SurfaceError,
    Trace,
)

TRIES = 6  # failures in a row after which a surface is no longer asked to show a lane
BACK_OFF_S = 0.5  # doubled with each failure in a row …
BACK_OFF_CAP_S = 30.0  # … up to this
NOTHING = "…"  # a lane that ended without a word or a footer
SLIGHT = 1.0  # code points a second that the board, footers and what is hidden count for

OnShown = Callable[[LaneId, str], None]
OnPosted = Callable[[PostedPage], None]
OnNote = Callable[[str], None]
BeforePost = Callable[[PostedPage], Awaitable[None]]


class Display(Protocol):
    """What a strip needs of what shows its run: to be given requests, and to tell what has come of them."""

    scheduler: Scheduler
    trace: Trace
    time: Callable[[], float]
    on_shown: OnShown
    on_posted: OnPosted
    on_note: OnNote
    before_post: BeforePost

    def settle(self) -> None: ...


class View(Protocol):
    """What a strip needs of the view that it is one of: where it stands, whose turn to be posted it is, and whether a
    seat's words have been sent there."""

    surface: Surface
    notifies: bool
    is_silent: bool

    @property
    def display(self) -> Display: ...
    @property
    def has_waiting_words(self) -> bool: ...

    def next_to_post(self) -> LaneView | None: ...
    def forbid(self, lane: Lane, why: str) -> None: ...


class LaneView:
    """One lane in one view: what has been shown of it, and the one request that may be in flight."""

    def __init__(self, view: View, lane: Lane, placed: Sequence[PostedPage] = ()) -> None:
        """`placed`: its pages of an earlier time, in order."""
        self.lane = lane
        self.messages = [ShownPage(p.ref or None, reads=p.reads, closed=bool(p.reads), lost=not p.ref) for p in placed]
        self.over = False  # the end is shown, or it was given up: no request any more
        self.given_up = False
        self._view = view
        self._surface = view.surface
        self._pages = view.surface.pages(lane.kind)
        self._flying: Change | None = None
        self._version = 0  # of the lane, as last shown or now in flight
        self._more = False
        self._chars = 0  # of the lane, as last shown or now in flight; so are its moments
        self._moments = 0.0
        self._taken_at = view.display.time()  # the board of a run that goes on waits its turn
        self._failures = 0
        self._retry_at = -math.inf
        self._posted_again = False
        self._expect(self._method_for(0))

    @property
    def draws(self) -> Sequence[str]:
        return self._draws

    @property
    def is_sayable(self) -> bool:
        return bool(self.lane.placeholder or self.lane.length or self.lane.closed)

    @property
    def is_posted(self) -> bool:
        """Whether a message of it is there."""
        return any(message.ref is not None for message in self.messages)

    @property
    def visible_chars(self) -> int:
        """Source code points that can be read now, all pages."""
        return sum(message.chars for message in self.messages)

    def bid(self, now: float) -> Bid | None:
        lane = self.lane
        if self.over or self._flying or now < self._retry_at:
            return None
        if not self.is_posted:
            if not self.is_sayable or self._view.next_to_post() is not self:
                return None
            return Bid(FIRST if self._view.has_waiting_words else END, math.inf, 1)
        if lane.version == self._version and not self._more:
            return None
        unseen = lane.chars - self._chars
        if self._tells_progress and not lane.closed:
            return Bid(TEXT, _slight(now - self._taken_at), unseen)
        if lane.closed and not unseen and not self._more and self.visible_chars:
            return Bid(TEXT, _slight(now - lane.ended), 0)  # only a footer is missing
        if lane.closed or lane.kind in ("card", "end"):
            return Bid(END, math.inf, unseen)
        shown = self.visible_chars
        if lane.length < shown:  # begun again: what is shown stays until the new text has outgrown it
            lane.settle()
            return None
        waited = unseen * now - (lane.moments - self._moments)
        if shown:
            return Bid(TEXT, waited, unseen)
        rank = FIRST if now - lane.began < FIRST_WITHIN_S else END
        return Bid(rank, FIRST_WEIGHT * waited, unseen, breaks_silence=self._view.is_silent)

    @property
    def _tells_progress(self) -> bool:
        """Whether nobody waits for its words: the board, or a lane that hides them."""
        return self.lane.kind == "board" or (self.lane.shows_progress and not self.lane.chars)

    @property
    def is_open(self) -> bool:
        return self.lane.kind in ("turn", "board") and not self.lane.closed and not self.over

    def speed(self, now: float) -> float:
        return SLIGHT if self._tells_progress else self.lane.speed(now)

    def age(self, now: float) -> float:
        return now - self.lane.began if self.lane.chars else 0.0

    def ready_at(self, now: float) -> float:
        return self._retry_at if self._retry_at > now and not self.over else math.inf

    def take(self) -> SurfaceCall | None:
        change = self._change()
        if change is None:
            self._version, self._more = self.lane.version, False
            self.lane.settle()
            if self.lane.closed:
                self.leave()
            return None
        draws = tuple(self._surface.draws(change.method, self.lane.key))
        if change.method != self._method or draws != self._draws:  # another budget may be asked: bid again
            self._expect(change.method)
            self._view.display.scheduler.wake()
            return None
        self._flying = change
        if self.lane.kind == "turn" and change.covers:
            self._view.is_silent = False
        self._taken_at = self._view.display.time()
        self.lane.settle()
        return SurfaceCall(change.method, lambda: self._send(change))

    def on_success(self, call: SurfaceCall, ref: MessageRef | None, duration_s: float) -> None:
        change = self._landed(200, duration_s)
        self._failures = 0
        match change.method:
            case "delete":
                self.messages.pop()
            case "find":
                self._found(change.page, ref)
                return
            case "post" | "edit":
                self._reads(change, ref)
        self._version, self._more = change.mark.version, change.more
        if not change.more:
            self._chars, self._moments = change.mark.chars, change.mark.moments
        self._expect("edit")
        display, chars = self._view.display, self.visible_chars
        display.trace.record_shown(self._surface.name, self.lane.key, change.page, chars, change.is_final)
        if self.lane.kind == "turn" and chars:
            display.on_shown(self.lane.key, change.mark.text[:chars])
        if (
            change.is_final and change.mark.version == self.lane.version
        ):  # else a button changed while this was on its way
            self.leave()

    def on_failure(self, call: SurfaceCall, error: SurfaceError, duration_s: float) -> None:
        change = self._landed(error.status, duration_s)
        match error:
            case RateLimited():
                self._expect(self._method)  # its budget pauses; the next bid takes the text of then
            case Forbidden():
                self._view.forbid(self.lane, str(error) or "it is not allowed to")
            case Gone() if change.method == "delete":
                self.messages.pop()
            case Gone() if change.method == "edit" and not self._posted_again:
                self._posted_again = True
                self.messages[change.page] = ShownPage(None)
                self._expect("post")
            case Gone():
                self._give_up("its message was deleted")
            case _:
                if change.method == "post" and (error.status == 0 or error.status >= 500):
                    self.messages[change.page : change.page + 1] = [ShownPage(None, lost=True)]
                    self._expect("find")
                self._failures += 1
                if self._failures >= TRIES:
                    self._give_up(f"{TRIES} tries failed, the last one with: {error}")
                pause_s = min(BACK_OFF_S * 2 ** (self._failures - 1), BACK_OFF_CAP_S)
                self._retry_at = self._view.display.time() + pause_s

    def leave(self) -> None:
        """No request for this lane any more."""
        self.over = True
        self._view.display.scheduler.remove(self)
        self._view.display.settle()

    def _change(self) -> Change | None:
        """What has to be sent next for the lane's text of now; None: everything reads as it should."""
        lane = self.lane
        text = lane.text
        pages: Sequence[Page] = ()
        if text or lane.closed:
            pages = self._pages.update(text, final=lane.closed, footer=lane.footer)
        reads = [(page.text, page.chars, self._controls(page)) for page in pages] or [
            (lane.footer or NOTHING if lane.closed else lane.placeholder, 0, lane.controls)
        ]
        last = len(reads) - 1
        reads[:last] = [(text, chars, ()) for text, chars, _ in reads[:last]]  # buttons stand under the last page
        wrong = [k for k, (read, _, offer) in enumerate(reads) if not self._stands(k, read, offer, last=k == last)]
        surplus = len(self.messages) - len(reads)
        mark = LaneMark(text, lane.version, lane.chars, lane.moments)
        if wrong:
            k, more = wrong[0], len(wrong) > 1 or surplus > 0
            return Change(self._method_for(k), k, *reads[k], mark, closed=lane.closed, more=more)
        if surplus > 0:
            more = surplus > 1
            return Change("delete", len(self.messages) - 1, "", 0, (), mark, closed=lane.closed, more=more)
        return None

    def _controls(self, page: Page) -> tuple[Control, ...]:
        read_on = Control("read_on", "Read on", TurnId(*self.lane.key))
        return (*self.lane.controls, read_on) if page.goes_on else self.lane.controls

    def _stands(self, page: int, text: str, controls: tuple[Control, ...], *, last: bool) -> bool:
        """Whether the message reads so; the last one must know as well when its lane is closed."""
        if page >= len(self.messages):
            return False
        posted = self.messages[page]
        if posted.ref is None:
            return False
        if posted.text is None and not posted.reads and not self.lane.closed and not self.lane.length:
            return True  # asked again after a restart: what was shown stays until there is something new
        same = posted.reads == message_digest(text, controls) if posted.text is None else posted.text == text
        if not same or (posted.text is not None and posted.controls != controls):
            return False
        return posted.closed or not (last and self.lane.closed)

    def _method_for(self, page: int) -> Method:
        known = self.messages[page] if page < len(self.messages) else ShownPage(None)
        if known.ref is not None:
            return "edit"
        return "find" if known.lost else "post"

    def _found(self, page: int, ref: MessageRef | None) -> None:
        """What became of a post is known: it stands there, whatever it reads, or it must be sent."""
        self.messages[page] = ShownPage(ref)
        self._expect(self._method_for(page))
        if ref is not None:
            self._place(page)

    def _reads(self, change: Change, ref: MessageRef | None) -> None:
        """The message of a page reads so; where it stands is stored, and what it reads where that lasts."""
        known = self.messages[change.page] if change.page < len(self.messages) else ShownPage(None)
        lasting = change.closed or self.lane.kind in ("card", "end")
        posted = ShownPage(ref or known.ref, change.text, change.covers, change.closed, change.controls)
        posted.reads = message_digest(change.text, change.controls) if lasting else ""
        self.messages[change.page : change.page + 1] = [posted]
        if ref is not None or posted.reads != known.reads:
            self._place(change.page)

    def _place(self, page: int) -> None:
        posted = self.messages[page]
        assert posted.ref is not None  # it has just been posted, edited or found
        place = PostedPage(self._surface.address, self.lane.key, page, posted.ref, posted.reads)
        self._view.display.on_posted(place)

    async def _send(self, change: Change) -> MessageRef | None:
        key, page = self.lane.key, change.page
        match change.method:
            case "post":
                await self._view.display.before_post(PostedPage(self._surface.address, key, page, ""))
                return await self._surface.post(self._message(change))
            case "find":
                return await self._surface.find(key, page)
        ref = self.messages[page].ref
        assert ref is not None  # `_change` posts what has no reference
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
            lane.to if self._view.notifies else "",
            lane.face,
        )

    def _landed(self, status: int, duration_s: float) -> Change:
        change, self._flying = self._flying, None
        assert change is not None  # one request at a time, and this one was taken
        bucket = next(iter(self._draws), "")
        self._view.display.trace.record_request(
            self._surface.name, change.method, bucket, self.lane.key, status, duration_s
        )
        return change

    def _expect(self, method: Method) -> None:
        self._method: Method = method
        self._draws = tuple(self._surface.draws(method, self.lane.key))

    def give_up(self) -> None:
        """No request for this lane any more, whatever comes."""
        self.given_up = True
        self.leave()

    def _give_up(self, why: str) -> None:
        self.give_up()
        self._view.display.on_note(f"{self._surface.name} no longer shows {self.lane.title or self.lane.key}: {why}")


def _slight(age_s: float) -> float:
    """The value of showing what people can wait for: as if one code point a second were written."""
    return SLIGHT * age_s * age_s / 2
