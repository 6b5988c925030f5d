"""The supervisor of the runs that this process conducts, and of the places where they are shown."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from functools import partial
from types import TracebackType

import structlog
from structlog.contextvars import bind_contextvars, bound_contextvars

from bot.concurrency import TaskGroup, Watched
from bot.domain.facts import CaughtUp, Fact, ProcessDied, RunStarted, SetAside, Stopped
from bot.domain.run import LaneId
from bot.domain.transcript import Transcript
from bot.engine.conductor import Conductor, TurnSpeaker
from bot.engine.journal import PATIENCE_S
from bot.engine.leaving import take_leave, wait_for_runs
from bot.engine.planner import Planner
from bot.engine.quarantine import BROKEN, read_run, set_aside
from bot.engine.runs import Reopen
from bot.engine.unfinished import for_each_unfinished
from bot.errors import MaybeStored, StoreFailed, UnknownFacts, behind_stored
from bot.formats.plan import Format
from bot.live.schedule import Scheduler
from bot.live.view import Display
from bot.ports.process import Clock, Trace
from bot.ports.store import Fenced, PostedPage, Starter, Store
from bot.ports.surface import Surface, platform_of
from bot.settings.operations import RestartSettings

log = structlog.get_logger()

STORED_WITHIN_S = 5.0  # how long one waits for a run to be set aside
TOO_OLD = "This had lain still for too long when Moot came back, so it was closed. Run again starts it anew."
USUAL = RestartSettings()
PagesByAddress = Mapping[str, Sequence[PostedPage]]  # address → the messages of an earlier time


class RunSupervisor:
    """The runs of this process, as an async context manager.

    Leaving it waits for the runs; leaving it by an error or a cancel cancels them.
    """

    def __init__(
        self,
        *,
        store: Store,
        speaker: TurnSpeaker,
        scheduler: Scheduler,
        clock: Clock,
        trace: Trace,
        owner: str,
        tell_operator: Callable[[str], None] | None = None,
        restart: RestartSettings = USUAL,
        warn_usd: Sequence[float] = (),
        watch: Callable[[str], AbstractContextManager[None]] = lambda run: nullcontext(),
        patience_s: float = PATIENCE_S,
    ) -> None:
        """Make a supervisor. `watch` bounds the work on a run that holds the loop; `patience_s`: as a conductor's."""
        self.leaving = False
        self.is_in_doubt = False  # whether a run may be stored of which nobody knows here
        self._store = store
        self._speaker = speaker
        self._scheduler = scheduler
        self._clock = clock
        self._trace = trace
        self._owner = owner
        self._tell_operator = tell_operator
        self._restart = restart
        self._warn_usd = warn_usd
        self.watch = watch
        self._patience_s = patience_s
        self._tasks = TaskGroup()
        self._conductors: dict[str, Conductor] = {}
        self._displays: dict[str, Display] = {}
        self._running: dict[str, asyncio.Task[Transcript]] = {}
        self._closing: dict[str, str] = {}  # run → why it is being set aside
        self._resume: dict[str, Callable[[], Awaitable[None]]] = {}  # by platform, once it is ready
        self.taken_up: dict[str, asyncio.Event] = {}  # run → set once its conductor has claimed it

    async def __aenter__(self) -> RunSupervisor:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self._tasks.__aexit__(kind, error, tb)

    async def begin(
        self, run: str, form: Format, surfaces: Sequence[Surface], facts: Sequence[Fact] = (), later: Sequence[str] = ()
    ) -> None:
        """Store these facts of a run, conduct it and show it; a run begun earlier goes on in its messages.

        It is taken up before its start is stored: who finds it in the store must not begin it too. `later`: addresses
        at which `resume_in_places` will show it as well.
        """
        begun = self.taken_up[run] = asyncio.Event()
        try:
            await self._begin(run, form, surfaces, facts, later)
        except MaybeStored:
            self.is_in_doubt = True
            raise
        finally:
            if run not in self._running:
                del self.taken_up[run]
            begun.set()

    def make_conductor(self, run: str, form: Format, trace: Trace) -> Conductor:
        """Return a conductor that has not claimed its run yet; `trace`, the run's own, hears its display as well."""
        return Conductor(
            run,
            Planner(form, self._clock, partial(self.watch, run)),
            store=self._store,
            speaker=self._speaker,
            clock=self._clock,
            trace=trace,
            owner=self._owner,
            tell_operator=self._tell_operator,
            half_spoken=self._restart.half_spoken,
            warn_usd=self._warn_usd,
            patience_s=self._patience_s,
        )

    async def _begin(
        self, run: str, form: Format, surfaces: Sequence[Surface], facts: Sequence[Fact], awaited: Collection[str]
    ) -> None:
        trace = self._trace.for_run(run)
        conductor = self.make_conductor(run, form, trace)
        await conductor.claim(facts)
        if self.leaving:
            conductor.stay("until its end")
        with behind_stored():
            standing = await self._posted_pages(run, {*awaited, *(surface.address for surface in surfaces)})
        display = Display(
            self._scheduler,
            trace=trace,
            on_shown=conductor.snapshots.note_shown,
            on_posted=conductor.snapshots.note_page,
            on_note=partial(self._report_loss, conductor),
            before_post=conductor.snapshots.record_page,
            on_broken=partial(self._break_off, run),
            watch=partial(self._watch_messages, run),
            awaited={address: standing[address] for address in awaited},
        )
        for surface in surfaces:
            display.attach(surface, standing[surface.address])
        conductor.wake()  # whoever has stored a fact since it read them found nobody to wake
        self._conductors[run] = conductor
        self._displays[run] = display
        lanes = {page.lane for pages in standing.values() for page in pages}
        self._running[run] = self._tasks.create_task(self._conduct(conductor, display, lanes), name=run)

    @contextmanager
    def _watch_messages(self, run: str) -> Iterator[None]:
        """Watch work on a run's messages, in tasks that serve all runs: their log lines name this one."""
        with bound_contextvars(run=run), self.watch(run):
            yield

    def attach(self, run: str, surface: Surface, pages: Sequence[PostedPage] = ()) -> None:
        """Show a run that goes on here in one more place; `pages`: its messages of an earlier time."""
        self._displays[run].attach(surface, pages)

    def _report_loss(self, conductor: Conductor, why: str) -> None:
        """Say on the board that something can be shown no more, and tell the operator, who can still hand it out."""
        conductor.note(why)
        if self._tell_operator is not None:
            self._tell_operator(f"{why} (run {conductor.run}). All of it is kept: `moot show {conductor.run}`.")

    async def _conduct(self, conductor: Conductor, display: Display, standing: Collection[LaneId]) -> Transcript:
        """Conduct a run until its lanes have caught up: it is over for this process once its end is shown.

        `standing`: the lanes of which messages stand from an earlier time.
        """
        run = conductor.run
        bind_contextvars(run=run, platform=platform_of(conductor.transcript.started.server) or "terminal")
        try:
            async with TaskGroup() as tasks:
                keeping = tasks.create_task(conductor.snapshots.keep_saving())
                if conductor.transcript.set_aside:
                    deadly = any(isinstance(entry.fact, ProcessDied) for entry in conductor.transcript.entries)
                    with self.watch(run):  # of a run that was deadly nothing is made again but the board
                        conductor.show_set_aside(display, () if deadly else standing)
                else:
                    await Watched(conductor.conduct(display), partial(self.watch, run))
                if not conductor.transcript.deleted:
                    await display.wait_until_caught_up()
                keeping.cancel()
            await conductor.store_rest()
        except (Fenced, UnknownFacts) as error:
            newer = "a newer version" if isinstance(error, UnknownFacts) else "another process"
            log.warning(f"{newer} has taken the run over", run=run)
        except asyncio.CancelledError:
            if run not in self._closing or self.leaving:
                raise
            if (me := asyncio.current_task()) is not None:
                me.uncancel()  # it was cancelled for this
            await self._set_aside(conductor, display, self._closing[run])
        except Exception:  # a bug in one run must not end the others
            log.exception("a run broke off", run=run)
            await self._set_aside(conductor, display, BROKEN)
        finally:
            display.close()
            self._closing.pop(run, None)
            for known in (self.taken_up, self._conductors, self._displays, self._running):
                del known[run]
        return conductor.transcript

    async def _set_aside(self, conductor: Conductor, display: Display, why: str) -> None:
        """End a run with what it has, and say why on its board."""
        run = conductor.run
        self._closing[run] = why
        try:
            await Watched(conductor.set_aside(display, why), partial(self.watch, run))
            await display.wait_until_caught_up()
            await conductor.store_rest()
        except Exception as error:  # what broke it may break this as well
            log.exception("a run that was set aside cannot be shown", run=run)
            if conductor.transcript.set_aside is None and not isinstance(error, Fenced):
                with suppress(StoreFailed):
                    await self._store.append(run, [SetAside(why)])

    def _break_off(self, run: str, error: Exception) -> None:
        """Set a run aside because its messages cannot be made."""
        log.error("a message of a run cannot be made", run=run, exc_info=error)
        self._close(run, BROKEN)

    def _close(self, run: str, why: str) -> None:
        if run in self._running and run not in self._closing:
            self._closing[run] = why
            self._running[run].cancel()

    async def close_run(self, run: str, why: str) -> None:
        """Set a run aside, wherever it stands; `why` is for people. The next start shows what cannot be shown now."""
        if run not in self._running:
            await set_aside(self._store, run, why)
            return
        self._close(run, why)
        with suppress(TimeoutError):
            async with asyncio.timeout(STORED_WITHIN_S):
                await self._conductors[run].was_set_aside.wait()

    async def hand_over(self) -> None:
        """Hand open runs to the next process before this one stops.

        Runs may end for the time that is set; the boards of the others say that the run goes on. No new run may begin.
        """
        self.leaving = True
        await take_leave(self._conductors, self._running, self._restart.grace_s)

    async def drop_runs(self) -> None:
        """Leave all runs at once, as they stand: another process has taken them, or may have."""
        for task in self._running.values():
            task.cancel()
        await wait_for_runs(self._running, None)

    async def refresh(self) -> None:
        """Do nothing: all runs are conducted here."""

    def wake(self, run: str) -> None:
        """Tell the run's conductor that a fact was stored."""
        if run in self._conductors:
            self._conductors[run].wake()

    def note(self, run: str, text: str) -> None:
        """Put a sentence on the board of a run that goes on here."""
        if run in self._conductors:
            self._conductors[run].note(text)

    def transcript(self, run: str) -> Transcript | None:
        """Return the transcript of a run that goes on here; None when none of that name does."""
        return self._conductors[run].transcript if run in self._conductors else None

    def unfinished_starts(self) -> list[RunStarted]:
        """Return the starts of the runs that have no end yet and are not paused."""
        return [t.started for t in self.transcripts() if not t.is_over and not t.steering.paused]

    def paused_starts(self) -> list[RunStarted]:
        """Return the starts of the runs that are paused."""
        return [t.started for t in self.transcripts() if not t.is_over and t.steering.paused]

    def begun_elsewhere(self) -> list[tuple[float, Starter]]:
        """Return nothing: all runs are conducted here."""
        return []

    def transcripts(self) -> Iterator[Transcript]:
        """Yield the transcripts of the runs that go on here, those among them that are over but not yet shown so."""
        return (conductor.transcript for conductor in self._conductors.values())

    def runs_of_server(self, server: str) -> list[str]:
        """Return the runs that go on here for that server."""
        return [run for run, c in self._conductors.items() if c.transcript.started.server == server]

    async def continue_without_places(self, forms: Mapping[str, Format], platforms: Collection[str]) -> None:
        """Go on with every run that an earlier process has left open, before its platforms are ready.

        Their models speak meanwhile. A run that asks no model waits for `resume_in_places`. Raises StoreFailed.
        """

        async def continue_run(run: str) -> None:
            t = await read_run(self._store, run, self.watch)
            awaited = [view.address for view in t.views if platform_of(view.address) in platforms]
            if awaited and not (run in self.taken_up or self.leaving or t.is_over or self._is_stale(t)):
                await self.begin(run, forms[t.started.format], (), later=awaited)

        await for_each_unfinished(self._store, continue_run)

    async def resume_in_places(self, forms: Mapping[str, Format], platform: str, reopen: Reopen) -> None:
        """Show a platform's runs in its places once it is ready, and go on with those that have not caught up.

        They go on in their messages. `reopen` finds a surface. A run that can be shown nowhere any more stays as it is.
        Raises StoreFailed, for which it may be called again.
        """

        async def resume_run(run: str) -> None:
            shown = self.addresses(run)
            t = self.transcript(run) or await read_run(self._store, run, self.watch)
            here = [v.address for v in t.views if platform_of(v.address) == platform and v.address not in shown]
            pages = await self._posted_pages(run, here)
            surfaces = [surface for address in here if (surface := await reopen(address, run, t, pages[address]))]
            if await self.wait_until_begun(run):  # it was taken up already, or has just begun here
                self._attach_found(run, platform, surfaces, pages)
            elif surfaces and not self.leaving:
                await self.resume(run, t, forms[t.started.format], surfaces)
            elif t.set_aside and here:  # the place is gone, and nothing else is to be done for the run
                await self._store.append(run, [CaughtUp()])

        await for_each_unfinished(self._store, resume_run)
        self._resume[platform] = partial(for_each_unfinished, self._store, resume_run)

    async def resume_unfinished(self) -> None:
        """Take up what nobody conducts and is not shown to its end, such as runs of which a person was forgotten.

        Raises StoreFailed, for which it may be called again.
        """
        self.is_in_doubt = False
        try:
            for resume in self._resume.values():
                await resume()
        except StoreFailed:
            self.is_in_doubt = True
            raise

    async def resume(self, run: str, t: Transcript, form: Format, surfaces: Sequence[Surface]) -> None:
        """Go on with a run in its places; one that has lain still for too long is closed."""
        is_stale = self._is_stale(t)
        await self.begin(run, form, surfaces, [Stopped("the restart")] if is_stale else ())
        if is_stale:
            self.note(run, TOO_OLD)

    def _is_stale(self, t: Transcript) -> bool:
        return not t.is_over and self._clock() - t.at > self._restart.max_age_s

    async def _posted_pages(self, run: str, addresses: Collection[str]) -> PagesByAddress:
        """Return the messages of a run at each of these addresses; those of awaited addresses are known."""
        known = self._displays[run].awaited if run in self._displays else {}
        if known.keys() >= set(addresses):
            return dict(known)
        posted = await self._store.posted_pages(run)
        return {address: [page for page in posted if page.address == address] for address in addresses}

    def _attach_found(self, run: str, platform: str, surfaces: Sequence[Surface], pages: PagesByAddress) -> None:
        """Show a run in the places that its platform has found.

        A run that has no place and awaits none any more is left: nobody should pay for a run that nobody can see.
        """
        if (display := self._displays.get(run)) is None:  # it is over
            return
        shown = self.addresses(run)
        for surface in (surface for surface in surfaces if surface.address not in shown):
            self.attach(run, surface, pages[surface.address])
        missing = {address for address in display.awaited if platform_of(address) == platform}
        display.stop_awaiting(missing)
        if missing and not display.views and not display.awaited:
            log.info("a run can be shown nowhere, so it is left", run=run)
            self._running[run].cancel()

    def addresses(self, run: str) -> set[str]:
        """Return the addresses at which this process shows the run."""
        return {view.surface.address for view in self._displays[run].views} if run in self._displays else set()

    async def lane_text(self, run: str, lane: LaneId) -> str:
        """Return the text of a lane as it reads now, of a run that goes on here; "" when there is none."""
        return self._conductors[run].lane_text(lane) if run in self._conductors else ""

    async def wait_until_begun(self, run: str) -> bool:
        """Return whether a run goes on here; of one that is just being taken up, once that is known."""
        if begun := self.taken_up.get(run):
            await begun.wait()
        return run in self._running

    async def wait_until_finished(self, run: str) -> Transcript:
        """Wait until a run that goes on here is over and shown."""
        return await asyncio.shield(self._running[run])
