"""The place in which one lane is shown, as its view needs it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.domain.run import LaneId
from bot.live.demand import Ahead
from bot.live.lanes import Lane
from bot.live.schedule import Job
from bot.ports.process import Trace, Watch
from bot.ports.store import PostedPage
from bot.ports.surface import Surface

OnShown = Callable[[LaneId, str], None]
OnPosted = Callable[[PostedPage], None]
OnNote = Callable[[str], None]
OnBroken = Callable[[Exception], None]
BeforePost = Callable[[PostedPage], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class LaneEvents:
    """The listeners to what becomes visible.

    `on_shown` takes the part of a turn's text that has just become visible (for snapshots), `on_posted` where a message
    stands and what it lastingly reads, `on_note` one sentence for people when a view or one of its lanes is given up.
    `before_post` is awaited before a message is posted (the `ref` of its page is ""). `on_broken` takes a bug in
    the making of a message; `watch` bounds the time that making one may take.
    """

    trace: Trace
    on_shown: OnShown
    on_posted: OnPosted
    on_note: OnNote
    before_post: BeforePost
    on_broken: OnBroken
    watch: Watch


class LaneHost(Protocol):
    """The view of a run, as one of its lanes sees it."""

    @property
    def surface(self) -> Surface: ...

    @property
    def events(self) -> LaneEvents: ...

    @property
    def notifies(self) -> bool:
        """Return whether people are notified here when the run is over."""
        ...

    @property
    def ahead(self) -> Ahead | None:
        """Return what the run still holds; None where nobody has said."""
        ...

    @property
    def is_silent(self) -> bool:
        """Return whether no seat's words have been sent here yet."""
        ...

    @property
    def has_waiting_words(self) -> bool:
        """Return whether a seat has spoken and has no message yet."""
        ...

    def now(self) -> float:
        """Return the loop time in seconds."""
        ...

    def is_next_to_post(self, job: Job) -> bool:
        """Return whether it is this lane's turn to be posted: messages appear in the order of their lanes."""
        ...

    def list_missing(self, job: Job) -> Sequence[str]:
        """Return the titles of the turns before this lane that cannot be read to their end here."""
        ...

    def break_silence(self) -> None:
        """Note that a seat's words are sent here."""
        ...

    def wake(self) -> None:
        """Have the scheduler look again."""
        ...

    def remove(self, job: Job) -> None:
        """Take the lane off the schedule."""
        ...

    def read_aside(self, job: Job, read: Callable[[], object], then: Callable[[], None]) -> None:
        """Have a thread read the lane's text, `then` go on in the loop."""
        ...

    def settle(self) -> None:
        """Note that this view may have caught up."""
        ...

    def forbid(self, lane: Lane, why: str) -> None:
        """Stop showing what the platform does not let us show."""
        ...
