"""The runs that this process conducts, and where they are shown."""

from __future__ import annotations

import asyncio
from types import TracebackType

from bot.conductor import Conductor, Speaks
from bot.formats.plan import Format
from bot.live.schedule import Scheduler
from bot.live.view import Display
from bot.ports import Clock, Store, Surface, Trace
from bot.tasks import Tasks
from bot.transcript import Transcript


class Hall:
    """An async context manager: leaving it waits for the runs; leaving it by an error or a cancel cancels them."""

    def __init__(
        self, *, store: Store, speaker: Speaks, scheduler: Scheduler, clock: Clock, trace: Trace, owner: str
    ) -> None:
        self._store = store
        self._speaker = speaker
        self._scheduler = scheduler
        self._clock = clock
        self._trace = trace
        self._owner = owner
        self._tasks = Tasks()
        self._conductors: dict[str, Conductor] = {}
        self._running: dict[str, asyncio.Task[Transcript]] = {}

    async def __aenter__(self) -> Hall:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self._tasks.__aexit__(kind, error, tb)

    async def begin(self, run: str, form: Format, surface: Surface) -> None:
        """Conduct the run, whose start is stored, and show it on `surface`."""
        conductor = Conductor(
            run, form, store=self._store, speaker=self._speaker, clock=self._clock, trace=self._trace, owner=self._owner
        )
        await conductor.claim()
        display = Display(self._scheduler, trace=self._trace, on_shown=conductor.shown, on_note=conductor.note)
        display.attach(surface)
        self._conductors[run] = conductor
        self._running[run] = self._tasks.create_task(self._conduct(conductor, display), name=run)

    async def _conduct(self, conductor: Conductor, display: Display) -> Transcript:
        """Finished is not shown: a run is over for this process once its lanes have caught up."""
        try:
            transcript = await conductor.conduct(display)
            await display.caught_up()
            return transcript
        finally:
            display.close()
            del self._conductors[conductor.run], self._running[conductor.run]

    def wake(self, run: str) -> None:
        """Tell the run's conductor that a fact was stored."""
        if run in self._conductors:
            self._conductors[run].wake()

    def transcript(self, run: str) -> Transcript | None:
        """What has happened in a run that goes on here; None when none of that name does."""
        return self._conductors[run].transcript if run in self._conductors else None

    async def finished(self, run: str) -> Transcript:
        """Waits until a run that was begun here is over and shown."""
        return await asyncio.shield(self._running[run])
