"""The display of a run: its lanes in order, and on each surface a view of them at that surface's own pace."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import nullcontext
from itertools import takewhile
from types import MappingProxyType

from bot.domain.run import LaneId
from bot.live.demand import Ahead
from bot.live.lane_host import BeforePost, LaneEvents, OnBroken, OnNote, OnPosted, OnShown
from bot.live.lane_view import LaneView
from bot.live.lanes import Lane
from bot.live.schedule import Job, Scheduler
from bot.ports.process import Trace, Watch
from bot.ports.store import PostedPage
from bot.ports.surface import Kind, Surface


async def _store_nothing(page: PostedPage) -> None:
    """Store nothing before a post."""


NOTHING_AWAITED: Mapping[str, Sequence[PostedPage]] = MappingProxyType({})


class Display:
    """Everything that one run shows. Give it to the conductor; attach surfaces to it, now or later."""

    def __init__(
        self,
        scheduler: Scheduler,
        *,
        trace: Trace,
        on_shown: OnShown = lambda lane, text: None,
        on_posted: OnPosted = lambda page: None,
        on_note: OnNote = lambda text: None,
        before_post: BeforePost = _store_nothing,
        on_broken: OnBroken = lambda error: None,
        watch: Watch = nullcontext,
        awaited: Mapping[str, Sequence[PostedPage]] = NOTHING_AWAITED,
    ) -> None:
        """Take the listeners (`LaneEvents`) and what is awaited.

        `awaited`: addresses of surfaces that are to be attached before the run can have caught up, with its messages
        there.
        """
        self.lanes: dict[LaneId, Lane] = {}
        self.views: list[View] = []
        self.awaited = dict(awaited)
        self.ahead: Ahead | None = None
        self.events = LaneEvents(trace, on_shown, on_posted, on_note, before_post, on_broken, watch)
        self.scheduler = scheduler
        self.now = asyncio.get_running_loop().time
        self._settled = asyncio.Event()

    def open(self, key: LaneId, title: str, *, kind: Kind, placeholder: str = "", to: str = "", face: str = "") -> Lane:
        """Open a lane, posted behind those opened before it. Without a placeholder it waits for its first text."""
        lane = Lane(key, title, kind, placeholder, to=to, face=face, time=self.now, on_change=self._on_change)
        self.lanes[key] = lane
        for view in self.views:
            view.show(lane)
        return lane

    def foresee(self, stages: float, seats: int) -> None:
        """Tell what the plan still holds: the stages after this one, and the seats of each."""
        self.ahead = Ahead(id(self), stages, seats)

    def attach(self, surface: Surface, posted: Sequence[PostedPage] = ()) -> View:
        """Show the run on one more surface, beginning with what is there. `posted`: its messages of an earlier time."""
        view = View(self, surface, posted, notifies=not self.views)
        self.views.append(view)
        self.awaited.pop(surface.address, None)
        for lane in self.lanes.values():
            view.show(lane)
        return view

    def detach(self, view: View) -> None:
        """Show the run no longer on a view's surface."""
        if view in self.views:
            self.views.remove(view)
            view.leave()
            self.settle()

    def stop_awaiting(self, addresses: Collection[str]) -> None:
        """Await no surfaces at these addresses any more: there are none."""
        for address in addresses:
            del self.awaited[address]
        self.settle()

    async def wait_until_caught_up(self) -> None:
        """Wait until no surface is awaited, and every view shows or has given up the end of every closed lane."""
        while self.awaited or any(view.is_behind for view in self.views):
            self._settled.clear()
            await self._settled.wait()

    def settle(self) -> None:
        """Note that a view may have caught up."""
        self._settled.set()

    def close(self) -> None:
        """Detach every view, so that nothing more is sent for this run."""
        for view in list(self.views):
            self.detach(view)

    def _on_change(self, lane: Lane) -> None:
        if lane.closed and lane.kind == "turn" and lane.chars:
            self.scheduler.learn_length(self.now() - lane.began)
        for view in self.views:
            view.revive(lane)
        self.scheduler.wake()


class View:
    """One surface showing one run: the `LaneHost` of its lanes."""

    def __init__(self, display: Display, surface: Surface, posted: Sequence[PostedPage], *, notifies: bool) -> None:
        """Take over the messages that stand on the surface. `notifies`: not for a mirror, which tells nobody again."""
        self.surface = surface
        self.events = display.events
        self.notifies = notifies
        self.is_silent = True
        self._display = display
        self._posted = posted
        self._lane_views: list[LaneView] = []
        self._thread_lost = False

    @property
    def ahead(self) -> Ahead | None:
        """Return what the run still holds; None where nobody has said."""
        return self._display.ahead

    @property
    def is_behind(self) -> bool:
        """Return whether the end of a closed lane is still to be shown here."""
        return any(shown.lane.closed and not shown.is_over for shown in self._lane_views)

    @property
    def has_waiting_words(self) -> bool:
        """Return whether a seat has spoken and has no message yet."""
        unposted = (shown for shown in self._lane_views if not shown.is_posted and not shown.is_over)
        return any(shown.lane.kind == "turn" and shown.lane.length for shown in unposted)

    def show(self, lane: Lane) -> None:
        """Show one more lane, unless the thread is lost."""
        if self._thread_lost:
            return
        pages = sorted((page for page in self._posted if page.lane == lane.key), key=lambda page: page.page)
        shown = LaneView(self, lane, pages)
        self._lane_views.append(shown)
        self._display.scheduler.add(shown)

    def revive(self, lane: Lane) -> None:
        """Show again a lane whose end was shown: it was removed, or is asked again."""
        for shown in self._lane_views:
            if shown.lane is lane and shown.revive():
                self._display.scheduler.add(shown)

    def is_next_to_post(self, job: Job) -> bool:
        """Return whether it is this lane's turn to be posted; one that has nothing to say yet holds nobody up."""
        waiting = (shown for shown in self._lane_views if not shown.is_posted and not shown.is_over)
        return next((shown for shown in waiting if shown.has_content), None) is job

    def list_missing(self, job: Job) -> Sequence[str]:
        """Return the titles of the turns before this lane that cannot be read to their end here."""
        before = takewhile(lambda shown: shown is not job, self._lane_views)
        return [shown.lane.title for shown in before if shown.lane.kind == "turn" and not shown.is_whole]

    def break_silence(self) -> None:
        """Note that a seat's words are sent here."""
        self.is_silent = False

    def now(self) -> float:
        """Return the loop time in seconds."""
        return self._display.now()

    def wake(self) -> None:
        """Have the scheduler look again."""
        self._display.scheduler.wake()

    def remove(self, job: Job) -> None:
        """Take a lane off the schedule."""
        self._display.scheduler.remove(job)

    def read_aside(self, job: Job, read: Callable[[], object], then: Callable[[], None]) -> None:
        """Have a thread read a lane's text, `then` go on in the loop."""
        self._display.scheduler.read_aside(job, read, then)

    def settle(self) -> None:
        """Note that this view may have caught up."""
        self._display.settle()

    def leave(self) -> None:
        """Ask for nothing more on this surface."""
        for shown in self._lane_views:
            shown.leave()

    def forbid(self, lane: Lane, why: str) -> None:
        """Stop showing what the platform does not let us show.

        What is forbidden in a thread leaves the board, which says so; where the board is forbidden the view ends.
        """
        boards = [shown for shown in self._lane_views if shown.lane.kind == "board"]
        if lane.kind != "board" and boards:
            for shown in self._lane_views:
                if shown not in boards and not shown.is_over:
                    shown.give_up()
            self._thread_lost = True
        else:
            self._display.detach(self)
        self.events.on_note(f"{self.surface.name} no longer shows this run: {why}")
