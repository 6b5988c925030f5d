"""How a run is shown: its lanes in order, and on each surface one view of them at that surface's own pace."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from types import MappingProxyType

from bot.domain.run import LaneId
from bot.live.lane_view import BeforePost, LaneView, OnNote, OnPosted, OnShown
from bot.live.lanes import Lane
from bot.live.schedule import Scheduler
from bot.ports import Kind, PostedPage, Surface, Trace


async def _store_nothing(placed: PostedPage) -> None:
    """Nothing is stored before a post."""


NOTHING_AWAITED: Mapping[str, Sequence[PostedPage]] = MappingProxyType({})


class Display:
    """What one run shows. Give it to the conductor; attach surfaces to it, now or later."""

    def __init__(
        self,
        scheduler: Scheduler,
        *,
        trace: Trace,
        on_shown: OnShown = lambda lane, text: None,
        on_posted: OnPosted = lambda placed: None,
        on_note: OnNote = lambda text: None,
        before_post: BeforePost = _store_nothing,
        awaited: Mapping[str, Sequence[PostedPage]] = NOTHING_AWAITED,
    ) -> None:
        """`on_shown` is told the part of a turn's text that has just become visible somewhere (for snapshots),
        `on_placed` where each new message stands and what it lastingly reads, `on_note` one sentence for people when a
        view or one of its lanes is given up. `before_post` is waited for before a message is posted (its `ref` is "").
        `awaited`: addresses of surfaces that are to be attached before the run can have caught up, with its messages
        there.
        """
        self.lanes: dict[LaneId, Lane] = {}
        self.views: list[View] = []
        self.awaited = dict(awaited)
        self.trace = trace
        self.on_shown = on_shown
        self.on_posted = on_posted
        self.on_note = on_note
        self.before_post = before_post
        self.scheduler = scheduler
        self.time = asyncio.get_running_loop().time
        self._settled = asyncio.Event()

    def open(self, key: LaneId, title: str, *, kind: Kind, placeholder: str = "", to: str = "", face: str = "") -> Lane:
        """A new lane, posted behind those opened before it. Without a placeholder it waits for its first text."""
        lane = Lane(key, title, kind, placeholder, to=to, face=face, time=self.time, on_change=self._on_change)
        self.lanes[key] = lane
        for view in self.views:
            view.show(lane)
        return lane

    def attach(self, surface: Surface, placed: Sequence[PostedPage] = ()) -> View:
        """Show the run on one more surface, beginning with what is there; `placed`: its messages of an earlier time."""
        view = View(self, surface, placed, tells=not self.views)
        self.views.append(view)
        self.awaited.pop(surface.address, None)
        for lane in self.lanes.values():
            view.show(lane)
        return view

    def detach(self, view: View) -> None:
        if view in self.views:
            self.views.remove(view)
            view.leave()
            self.settle()

    def stop_awaiting(self, addresses: Collection[str]) -> None:
        """There are no surfaces at these addresses any more."""
        for address in addresses:
            del self.awaited[address]
        self.settle()

    async def wait_until_caught_up(self) -> None:
        """Returns once no surface is awaited, and every view shows the end of every lane that is closed, or has given
        it up."""
        while self.awaited or any(view.is_behind for view in self.views):
            self._settled.clear()
            await self._settled.wait()

    def settle(self) -> None:
        """A view may have caught up."""
        self._settled.set()

    def close(self) -> None:
        """Nothing more is sent for this run."""
        for view in list(self.views):
            self.detach(view)

    def _on_change(self, lane: Lane) -> None:
        if lane.closed and lane.kind == "turn" and lane.chars:
            self.scheduler.learn_length(self.time() - lane.began)
        for view in self.views:
            view.revive(lane)
        self.scheduler.wake()


class View:
    """One surface showing one run."""

    def __init__(self, display: Display, surface: Surface, placed: Sequence[PostedPage], *, tells: bool) -> None:
        """`tells`: whether people are told here that the run is over; a mirror tells nobody once more."""
        self.display = display
        self.surface = surface
        self.notifies = tells
        self.is_silent = True  # no seat's words have been sent here
        self._placed = placed
        self._strips: list[LaneView] = []
        self._thread_lost = False

    @property
    def is_behind(self) -> bool:
        return any(strip.lane.closed and not strip.over for strip in self._strips)

    def show(self, lane: Lane) -> None:
        if self._thread_lost:
            return
        pages = sorted((p for p in self._placed if p.lane == lane.key), key=lambda p: p.page)
        strip = LaneView(self, lane, pages)
        self._strips.append(strip)
        self.display.scheduler.add(strip)

    def revive(self, lane: Lane) -> None:
        """A lane whose end was shown reads differently now: it was removed, or is asked again."""
        for strip in self._strips:
            if strip.lane is lane and strip.over and not strip.given_up:
                strip.over = False
                self.display.scheduler.add(strip)

    def next_to_post(self) -> LaneView | None:
        """Messages appear in the order of their lanes; one that has nothing to say yet holds nobody up."""
        return next((s for s in self._strips if not s.is_posted and not s.over and s.is_sayable), None)

    @property
    def has_waiting_words(self) -> bool:
        """Whether a seat has spoken and has no message yet."""
        return any(s.lane.kind == "turn" and s.lane.length and not s.is_posted and not s.over for s in self._strips)

    def leave(self) -> None:
        for strip in self._strips:
            strip.leave()

    def forbid(self, lane: Lane, why: str) -> None:
        """We may not write there. What is forbidden in a thread leaves the board, which says so; else the view ends."""
        boards = [strip for strip in self._strips if strip.lane.kind == "board"]
        if lane.kind != "board" and boards:
            for strip in self._strips:
                if strip not in boards and not strip.over:
                    strip.give_up()
            self._thread_lost = True
        else:
            self.display.detach(self)
        self.display.on_note(f"{self.surface.name} no longer shows this run: {why}")
