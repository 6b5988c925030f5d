"""The runs that this process conducts, and where they are shown."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import suppress
from functools import partial
from types import TracebackType

import structlog

from bot.concurrency import TaskGroup
from bot.domain.facts import RunStarted, Stopped
from bot.domain.run import LaneId
from bot.domain.transcript import Transcript, fold_all
from bot.engine.conductor import Conductor, TurnSpeaker
from bot.formats.plan import Format
from bot.live.schedule import Scheduler
from bot.live.view import Display
from bot.ports import Clock, Fenced, PostedPage, Store, Surface, Trace
from bot.settings import RestartSettings

log = structlog.get_logger()

RESUMED_AT_ONCE = 20
LAST_WORDS_S = 3.0  # for the boards of runs that are handed over
RESTARTING = "Moot is restarting; this goes on by itself."
TOO_OLD = "This had lain still for too long when Moot came back, so it was closed. Run again starts it anew."

USUAL = RestartSettings()

# by its address, for a run, what it came to, and the messages that stand there
Reopen = Callable[[str, str, Transcript, Sequence[PostedPage]], Awaitable[Surface | None]]
PagesByAddress = Mapping[str, Sequence[PostedPage]]  # address → the messages of an earlier time


def platform_of(address: str) -> str:
    return address.partition(":")[0]


class RunSupervisor:
    """An async context manager: leaving it waits for the runs; leaving it by an error or a cancel cancels them."""

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
    ) -> None:
        self.leaving = False
        self._store = store
        self._speaker = speaker
        self._scheduler = scheduler
        self._clock = clock
        self._trace = trace
        self._owner = owner
        self._tell_operator = tell_operator
        self._restart = restart
        self._tasks = TaskGroup()
        self._conductors: dict[str, Conductor] = {}
        self._displays: dict[str, Display] = {}
        self._running: dict[str, asyncio.Task[Transcript]] = {}
        self._claimed: dict[str, asyncio.Event] = {}  # those that are being taken over now as well; set once they are

    async def __aenter__(self) -> RunSupervisor:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        await self._tasks.__aexit__(kind, error, tb)

    async def begin(self, run: str, form: Format, surfaces: Sequence[Surface], awaited: Collection[str] = ()) -> None:
        """Conduct the run, whose start is stored, and show it; a run begun earlier goes on in its messages. `awaited`:
        addresses at which `resume` will show it as well."""
        begun = self._claimed[run] = asyncio.Event()
        try:
            await self._begin(run, form, surfaces, awaited)
        except BaseException:
            del self._claimed[run]
            raise
        finally:
            begun.set()

    async def _begin(self, run: str, form: Format, surfaces: Sequence[Surface], awaited: Collection[str]) -> None:
        conductor = Conductor(
            run,
            form,
            store=self._store,
            speaker=self._speaker,
            clock=self._clock,
            trace=self._trace,
            owner=self._owner,
            tell_operator=self._tell_operator,
            half_spoken=self._restart.half_spoken,
        )
        await conductor.claim()
        if self.leaving:
            conductor.leave("until its end")
        standing = await self._posted_pages(run, {*awaited, *(surface.address for surface in surfaces)})
        display = Display(
            self._scheduler,
            trace=self._trace,
            on_shown=conductor.snapshots.note_shown,
            on_posted=conductor.snapshots.note_page,
            on_note=partial(self._report_loss, conductor),
            before_post=conductor.snapshots.record_page,
            awaited={address: standing[address] for address in awaited},
        )
        for surface in surfaces:
            display.attach(surface, standing[surface.address])
        self._conductors[run] = conductor
        self._displays[run] = display
        self._running[run] = self._tasks.create_task(self._conduct(conductor, display), name=run)

    def attach(self, run: str, surface: Surface, pages: Sequence[PostedPage] = ()) -> None:
        """Show a run that goes on here in one more place; `placed`: its messages of an earlier time."""
        self._displays[run].attach(surface, pages)

    def _report_loss(self, conductor: Conductor, why: str) -> None:
        """Something can be shown no more: the board says so where it stands, and the operator can still hand it out."""
        conductor.note(why)
        if self._tell_operator is not None:
            self._tell_operator(f"{why} (run {conductor.run}). All of it is kept: `moot show {conductor.run}`.")

    async def _conduct(self, conductor: Conductor, display: Display) -> Transcript:
        """Finished is not shown: a run is over for this process once its lanes have caught up."""
        try:
            async with TaskGroup() as tasks:
                keeping = tasks.create_task(conductor.snapshots.keep_saving())
                await conductor.conduct(display)
                if not conductor.transcript.deleted:
                    await display.wait_until_caught_up()
                keeping.cancel()
            await conductor.snapshots.save()
            await conductor.record_caught_up()
        except Fenced:
            log.warning("another process has taken the run over", run=conductor.run)
        except Exception:  # a bug in one run must not end the others
            log.exception("a run broke off", run=conductor.run)
            with suppress(Exception):  # the board itself may be what is wrong
                conductor.show_bug(display)
                await display.wait_until_caught_up()
        finally:
            display.close()
            for known in (self._claimed, self._conductors, self._displays, self._running):
                del known[conductor.run]
        return conductor.transcript

    async def hand_over(self) -> None:
        """Before the process stops: let runs end for the time that is set, hand the others to the next process, and
        have their boards say so. New ones must not begin any more.
        """
        self.leaving = True
        for conductor in self._conductors.values():
            conductor.leave("until its end")
        await self._wait_for_runs(self._restart.grace_s)
        for conductor in self._conductors.values():
            if conductor.transcript.finished is None:
                conductor.note(RESTARTING)
            conductor.leave("no longer")
        await self._wait_for_runs(LAST_WORDS_S)
        for task in self._running.values():
            task.cancel()

    async def _wait_for_runs(self, seconds: float) -> None:
        """Until no run goes on here, or for so long."""
        if self._running:
            await asyncio.wait(self._running.values(), timeout=seconds)

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

    def unfinished_starts(self) -> list[RunStarted]:
        """The starts of the runs that have no end yet."""
        return [c.transcript.started for c in self._conductors.values() if c.transcript.finished is None]

    def runs_of_server(self, server: str) -> list[str]:
        """What goes on here for that server."""
        return [run for run, c in self._conductors.items() if c.transcript.started.server == server]

    async def take_up(self, forms: Mapping[str, Format], platforms: Collection[str]) -> None:
        """Go on at once with every run that an earlier process has left open, before any of the platforms on which they
        are to be shown is there: their models speak meanwhile. What asks no model waits for `resume`.
        """

        async def one(run: str) -> None:
            t = fold_all(Transcript(), await self._store.read(run))
            awaited = [view.address for view in t.views if platform_of(view.address) in platforms]
            if awaited and t.finished is None and not self._is_stale(t) and not (run in self._claimed or self.leaving):
                await self.begin(run, forms[t.started.format], (), awaited)

        await self._each_unfinished(one)

    async def resume(self, forms: Mapping[str, Format], platform: str, reopen: Reopen) -> None:
        """A platform is there: show in its places what goes on here, and go on with what else has not caught up, in its
        messages. `reopen` finds a surface by its address. A run that can be shown nowhere any more stays as it is.
        """

        async def one(run: str) -> None:
            shown = self._addresses(run)
            t = self.transcript(run) or fold_all(Transcript(), await self._store.read(run))
            here = [v.address for v in t.views if platform_of(v.address) == platform and v.address not in shown]
            stands = await self._posted_pages(run, here)
            surfaces = [surface for address in here if (surface := await reopen(address, run, t, stands[address]))]
            if begun := self._claimed.get(run):  # it was taken up already, or has just begun here
                await begun.wait()
                self._attach_found(run, platform, surfaces, stands)
            elif surfaces and not self.leaving:
                await self._resume(run, t, forms[t.started.format], surfaces)

        await self._each_unfinished(one)

    async def _each_unfinished(self, work: Callable[[str], Awaitable[None]]) -> None:
        """Several at a time; what one run stumbles over must not hold up the others."""
        gate = asyncio.Semaphore(RESUMED_AT_ONCE)

        async def one(run: str) -> None:
            async with gate:
                try:
                    await work(run)
                except Exception:
                    log.exception("a run could not be resumed", run=run)

        async with TaskGroup() as tasks:
            for run in await self._store.unfinished_runs():
                tasks.create_task(one(run))

    async def _resume(self, run: str, t: Transcript, form: Format, surfaces: Sequence[Surface]) -> None:
        is_stale = self._is_stale(t)
        if is_stale:
            await self._store.append(run, [Stopped("the restart")])
        await self.begin(run, form, surfaces)
        if is_stale:
            self.note(run, TOO_OLD)

    def _is_stale(self, t: Transcript) -> bool:
        return t.finished is None and self._clock() - t.at > self._restart.max_age_s

    async def _posted_pages(self, run: str, addresses: Collection[str]) -> PagesByAddress:
        """Its messages at each of these addresses; of those that are awaited they are known."""
        known = self._displays[run].awaited if run in self._displays else {}
        if known.keys() >= set(addresses):
            return dict(known)
        placed = await self._store.posted_pages(run)
        return {address: [p for p in placed if p.address == address] for address in addresses}

    def _attach_found(self, run: str, platform: str, surfaces: Sequence[Surface], pages: PagesByAddress) -> None:
        """Show a run in the places that its platform has found; where there is none and none is awaited any more, it is
        left: what nobody can see must not be paid for.
        """
        if (display := self._displays.get(run)) is None:  # it is over
            return
        shown = self._addresses(run)
        for surface in surfaces:
            if surface.address not in shown:
                self.attach(run, surface, pages[surface.address])
        missing = {address for address in display.awaited if platform_of(address) == platform}
        display.stop_awaiting(missing)
        if missing and not display.views and not display.awaited:
            log.info("a run can be shown nowhere, so it is left", run=run)
            self._running[run].cancel()

    def _addresses(self, run: str) -> set[str]:
        """Where the run is shown by this process."""
        return {view.surface.address for view in self._displays[run].views} if run in self._displays else set()

    def lane_text(self, run: str, lane: LaneId) -> str:
        """What the lane of a run that goes on here reads now; "" when there is none."""
        return self._conductors[run].lane_text(lane) if run in self._conductors else ""

    async def wait_until_finished(self, run: str) -> Transcript:
        """Waits until a run that goes on here is over and shown."""
        return await asyncio.shield(self._running[run])
