"""The runs of a process as actions see them: conducted here, or handed over to the processes that conduct them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from bot.domain.facts import Fact, RunStarted
from bot.domain.run import LaneId
from bot.domain.transcript import Transcript
from bot.formats.plan import Format
from bot.ports.store import PostedPage, Starter
from bot.ports.surface import Surface

MINUTE_S = 60.0
MAX_BEGUN = 5_000  # more than can begin within a minute; older ones do not count then

# finds a surface by its address, for a run, its transcript, and its messages there
Reopen = Callable[[str, str, Transcript, Sequence[PostedPage]], Awaitable[Surface | None]]


class Runs(Protocol):
    """Runs that go on, by their ids. `leaving`: this process stops, and no new run may begin."""

    @property
    def leaving(self) -> bool: ...

    async def refresh(self) -> None:
        """Look which runs go on, where other processes may have begun some."""
        ...

    async def begin(self, run: str, form: Format, surfaces: Sequence[Surface], facts: Sequence[Fact] = ()) -> None:
        """Store these facts of a run, such as its start, have it conducted and shown; an earlier one goes on."""
        ...

    def attach(self, run: str, surface: Surface, pages: Sequence[PostedPage] = ()) -> None:
        """Show a run that goes on in one more place, which is stored as a fact."""
        ...

    async def resume_unfinished(self) -> None:
        """Have runs taken up that nobody conducts and that are not shown to their end."""
        ...

    def wake(self, run: str) -> None:
        """Tell the run's conductor that a fact was stored."""
        ...

    def note(self, run: str, text: str) -> None:
        """Put a sentence on the board of a run that goes on."""
        ...

    def transcript(self, run: str) -> Transcript | None:
        """Return the transcript of a run that goes on, as far as it is known here; None when none of that name does."""
        ...

    def transcripts(self) -> Iterable[Transcript]:
        """Return the transcripts of the runs that this process conducts."""
        ...

    def unfinished_starts(self) -> list[RunStarted]:
        """Return the starts of the runs that have no end yet and are not paused."""
        ...

    def paused_starts(self) -> list[RunStarted]:
        """Return the starts of the runs that are paused."""
        ...

    def begun_elsewhere(self) -> list[tuple[float, Starter]]:
        """Return whose runs other processes began within a minute, each with how many seconds ago."""
        ...

    def runs_of_server(self, server: str) -> list[str]:
        """Return the runs that go on for that server."""
        ...

    def watch(self, run: str) -> AbstractContextManager[None]:
        """Bound the work on a run that holds the event loop."""
        ...

    async def lane_text(self, run: str, lane: LaneId) -> str:
        """Return the text of a lane as it reads now, of a run that goes on; "" when there is none."""
        ...

    async def wait_until_begun(self, run: str) -> bool:
        """Return whether a run goes on; of one that is just being taken up, once that is known."""
        ...

    async def wait_until_finished(self, run: str) -> Transcript:
        """Wait until a run that goes on is over and shown."""
        ...
