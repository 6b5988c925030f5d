"""What the core needs of the process that it runs in: its clock, its bound on work, its note and who measures it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from typing import Protocol

from bot.domain.run import LaneId, TurnId
from bot.domain.transcript import Entry

Clock = Callable[[], float]  # wall time in seconds, for facts; waiting is the event loop's, whose time tests replace
Hold = Callable[[], Awaitable[None]]  # returns while the process surely holds its runs; SurfaceError: it lost them


async def hold_alone() -> None:
    """Return at once: no other process can have taken the runs of one that is alone."""


_hold: ContextVar[Hold] = ContextVar("hold", default=hold_alone)


async def hold_run() -> None:
    """Return while the process surely holds the run that it is about to show something of. Raises SurfaceError."""
    await _hold.get()()


@contextmanager
def holding(hold: Hold) -> Iterator[None]:
    """Let `hold_run` wait for this in the meantime."""
    token = _hold.set(hold)
    try:
        yield
    finally:
        _hold.reset(token)


class RunningNote(Protocol):
    """A note of the runs that are worked on at this moment, which outlives the process.

    There are several where threads work beside each other. `found`: those that an earlier process died in; `report`:
    what the system wrote as that process crashed, "" where it was killed.
    """

    found: Sequence[str]
    report: str

    def write(self, runs: Iterable[str]) -> None: ...


class Trace(Protocol):
    """A listener to everything that speed is measured by, as it happens. Times `at` are loop time in seconds."""

    def for_run(self, run: str) -> Trace:
        """Return the listener to one run, which hears nothing of others."""
        ...

    def record_fact(self, entry: Entry) -> None: ...

    def record_delta(self, turn: TurnId, at: float, chars: int, thinking: int) -> None:
        """Record code points of visible text and of thinking that left the model's client at `at`."""
        ...

    def record_shown(self, surface: str, lane: LaneId, page: int, chars: int, final: bool) -> None:
        """Record a success of the platform: `chars` source code points of the lane are now visible, on all pages."""
        ...

    def record_wait(self, surface: str, chars: int, waited_s: float) -> None:
        """Record that so many characters of a turn became visible, after waits of `waited_s` together."""
        ...

    def record_request(
        self, surface: str, method: str, bucket: str, lane: LaneId, status: int, duration_s: float
    ) -> None: ...


Watch = Callable[[], AbstractContextManager[None]]  # bounds the time of work that holds the event loop
