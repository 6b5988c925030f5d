"""The runs that this process conducts, and where they are shown."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from types import TracebackType

import structlog

from bot.conductor import Conductor, Speaks
from bot.facts import Lane
from bot.formats.plan import Format
from bot.live.schedule import Scheduler
from bot.live.view import Display
from bot.ports import Clock, Fenced, Placed, Store, Surface, Trace
from bot.tasks import Tasks
from bot.transcript import Transcript, fold_all

log = structlog.get_logger()

OWED_S = 86_400.0  # for so long after its vote a run that was cut off is taken up to reveal what it hid
Reopen = Callable[[str, str, Transcript], Awaitable[Surface | None]]  # by its address, for a run and what it came to


class Hall:
    """An async context manager: leaving it waits for the runs; leaving it by an error or a cancel cancels them."""

    def __init__(
        self,
        *,
        store: Store,
        speaker: Speaks,
        scheduler: Scheduler,
        clock: Clock,
        trace: Trace,
        owner: str,
        tell_operator: Callable[[str], None] | None = None,
    ) -> None:
        self._store = store
        self._speaker = speaker
        self._scheduler = scheduler
        self._clock = clock
        self._trace = trace
        self._owner = owner
        self._tell_operator = tell_operator
        self._tasks = Tasks()
        self._conductors: dict[str, Conductor] = {}
        self._displays: dict[str, Display] = {}
        self._running: dict[str, asyncio.Task[Transcript]] = {}
        self._taken: set[str] = set()  # those that are being taken over now as well

    async def __aenter__(self) -> Hall:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self._tasks.__aexit__(kind, error, tb)

    async def begin(self, run: str, form: Format, surfaces: Sequence[Surface]) -> None:
        """Conduct the run, whose start is stored, and show it; a run begun earlier goes on in its messages."""
        self._taken.add(run)
        conductor = Conductor(
            run,
            form,
            store=self._store,
            speaker=self._speaker,
            clock=self._clock,
            trace=self._trace,
            owner=self._owner,
            tell_operator=self._tell_operator,
        )
        await conductor.claim()
        display = Display(
            self._scheduler,
            trace=self._trace,
            on_shown=conductor.shown,
            on_placed=conductor.placed,
            on_note=conductor.note,
        )
        placed = await self._store.placed(run)
        for surface in surfaces:
            display.attach(surface, [p for p in placed if p.address == surface.address])
        self._conductors[run] = conductor
        self._displays[run] = display
        self._running[run] = self._tasks.create_task(self._conduct(conductor, display), name=run)

    def attach(self, run: str, surface: Surface, placed: Sequence[Placed] = ()) -> None:
        """Show a run that goes on here in one more place; `placed`: its messages of an earlier time."""
        self._displays[run].attach(surface, placed)

    async def _conduct(self, conductor: Conductor, display: Display) -> Transcript:
        """Finished is not shown: a run is over for this process once its lanes have caught up."""
        try:
            transcript = await conductor.conduct(display)
            if not transcript.deleted:
                await display.caught_up()
            await conductor.save()
            return transcript
        except Fenced:
            log.warning("another process has taken the run over", run=conductor.run)
            return conductor.transcript
        finally:
            display.close()
            self._taken.discard(conductor.run)
            del self._conductors[conductor.run], self._displays[conductor.run], self._running[conductor.run]

    def wake(self, run: str) -> None:
        """Tell the run's conductor that a fact was stored."""
        if run in self._conductors:
            self._conductors[run].wake()

    def note(self, run: str, text: str) -> None:
        """One sentence for the board of a run that goes on here."""
        if run in self._conductors:
            self._conductors[run].note(text)

    def transcript(self, run: str) -> Transcript | None:
        """What has happened in a run that goes on here; None when none of that name does."""
        return self._conductors[run].transcript if run in self._conductors else None

    def runs(self, server: str) -> list[str]:
        """What goes on here for that server."""
        return [run for run, c in self._conductors.items() if c.transcript.started.server == server]

    async def resume(self, forms: Mapping[str, Format], reopen: Reopen, since: float) -> None:
        """Go on with every run that has no end, or in which something happened after `since` (wall seconds), in its
        messages. `reopen` finds a surface by its address; a run that can be shown nowhere any more stays as it is. One
        that ended before and still hides something is taken up to reveal it. Each platform asks once it is there; what
        another one has taken up is shown in its places as well.
        """
        for run in await self._store.unfinished(since - OWED_S):
            t = fold_all(Transcript(), await self._store.read(run))
            over = t.finished is not None and t.at <= since
            if over and not forms[t.started.format].plan(t, self._clock()).due:
                continue
            surfaces = [surface for view in t.views if (surface := await reopen(view.address, run, t))]
            placed = await self._store.placed(run)
            if run in self._displays:  # another platform was there first, or the run has just begun here
                for surface in self._not_shown(run, surfaces):
                    self.attach(run, surface, [p for p in placed if p.address == surface.address])
            elif surfaces and run not in self._taken:
                await self.begin(run, forms[t.started.format], surfaces)

    def _not_shown(self, run: str, surfaces: Sequence[Surface]) -> list[Surface]:
        shown = {view.surface.address for view in self._displays[run].views}
        return [surface for surface in surfaces if surface.address not in shown]

    def reads(self, run: str, lane: Lane) -> str:
        """What the lane of a run that goes on here reads now; "" when there is none."""
        return self._conductors[run].reads(lane) if run in self._conductors else ""

    async def finished(self, run: str) -> Transcript:
        """Waits until a run that goes on here is over and shown."""
        return await asyncio.shield(self._running[run])
