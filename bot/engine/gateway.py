"""The runs of a gateway, which conducts none: it shows a new run's board, hands the run over, and reads how it goes on.

The board answers whoever asked, which only the process can do that was asked. All else is the work of the process that
takes the run.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from types import TracebackType

import structlog

from bot.concurrency import TaskGroup
from bot.domain.facts import Fact, RunStarted
from bot.domain.run import LaneId
from bot.domain.transcript import Transcript, fold_all
from bot.engine.begun import BegunElsewhere
from bot.engine.conductor import Conductor
from bot.engine.runs import MINUTE_S, Reopen
from bot.errors import UnknownFacts
from bot.formats.plan import Format
from bot.live.schedule import Scheduler
from bot.live.view import Display
from bot.outages import OutageLog
from bot.ports.process import Trace
from bot.ports.store import Fenced, PostedPage, Starter, Store, last_texts
from bot.ports.surface import Surface, platform_of

log = structlog.get_logger()

BOARD_S = 10.0  # the longest wait for the board of a new run, before another process shows it
LOOK_S = 0.05  # between two looks whether all new runs are handed over, as the process stops
REFRESH_S, LEAST_REFRESH_S = 2.0, 0.25  # how often the runs that go on are looked at, and may be

MakeConductor = Callable[[str, Format, Trace], Conductor]
ListOpen = Callable[[], Awaitable[Mapping[str, int]]]  # the runs that are not over, with the number of the newest fact
ListBegun = Callable[[float], Awaitable[Mapping[str, Starter]]]  # that go on, or began within so many seconds


class GatewayRuns:
    """The runs of all processes, as an async context manager; it is `Runs` for a process that conducts none."""

    def __init__(
        self,
        *,
        store: Store,
        scheduler: Scheduler,
        trace: Trace,
        make_conductor: MakeConductor,
        list_open: ListOpen,
        list_begun: ListBegun,
        hand_over: Callable[[str], Awaitable[None]],
        signal: Callable[[str, str], None],
        watch: Callable[[str], AbstractContextManager[None]],
    ) -> None:
        """Take what carries runs and signals to the others.

        `hand_over` lets a run that is claimed here go to a process that conducts it; `signal` tells whoever conducts a
        run that a fact of it was stored, and a sentence for its board, "" for none. Neither raises.
        """
        self.leaving = False
        self.watch = watch
        self._store = store
        self._scheduler = scheduler
        self._trace = trace
        self._make_conductor = make_conductor
        self._list_open = list_open
        self._list_begun = list_begun
        self._hand_over = hand_over
        self._signal = signal
        self._open: dict[str, Transcript] = {}
        self._begun = BegunElsewhere()
        self._unreadable = set[str]()  # runs with facts of a newer version, which other processes conduct
        self._refreshing = asyncio.Lock()
        self._refreshed_at = -REFRESH_S  # loop time
        self._looked = asyncio.Event()
        self.taken_up = set[str]()  # new runs that are held here, until another process is handed them
        self._tasks = TaskGroup()

    async def __aenter__(self) -> GatewayRuns:
        await self._tasks.__aenter__()
        self._keeping = self._tasks.create_task(self._keep_refreshed())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._keeping.cancel()
        await self._tasks.__aexit__(kind, error, tb)

    async def begin(self, run: str, form: Format, surfaces: Sequence[Surface], facts: Sequence[Fact] = ()) -> None:
        trace = self._trace.for_run(run)
        conductor = self._make_conductor(run, form, trace)
        self.taken_up.add(run)
        self._begun.note_own(run)
        try:
            await conductor.claim(facts)
        except BaseException:
            self.taken_up.discard(run)
            raise
        self._open[run] = conductor.transcript
        self._tasks.create_task(self._open_board(conductor, surfaces, trace), name=run)

    async def _open_board(self, conductor: Conductor, surfaces: Sequence[Surface], trace: Trace) -> None:
        """Show the board of a new run, and hand the run over as soon as that stands."""
        posted = asyncio.Event()

        def note_page(page: PostedPage) -> None:
            conductor.snapshots.note_page(page)
            posted.set()

        display = Display(
            self._scheduler,
            trace=trace,
            on_posted=note_page,
            before_post=conductor.snapshots.record_page,
        )
        try:
            for surface in surfaces:
                display.attach(surface)
            await conductor.show_board(display)
            with suppress(TimeoutError):
                async with asyncio.timeout(BOARD_S):
                    await posted.wait()
        except Exception:  # the process that takes the run shows it
            log.exception("the board of a run cannot be shown", run=conductor.run)
        finally:
            display.close()
            with suppress(Fenced):
                await conductor.snapshots.save_rest()  # whoever takes the run must know where its board stands
            await self._hand_over(conductor.run)
            self.taken_up.discard(conductor.run)

    async def hand_over(self) -> None:
        """Let runs that have just begun reach the others, before this process stops. No new run may begin."""
        self.leaving = True
        with suppress(TimeoutError):
            async with asyncio.timeout(BOARD_S):
                while self.taken_up:  # noqa: ASYNC110 – no event
                    await asyncio.sleep(LOOK_S)

    async def refresh(self) -> None:
        """Read what has happened in the runs that are not over; in a flood, several times a second at most."""
        async with self._refreshing:
            now = asyncio.get_running_loop().time()
            if now < self._refreshed_at + LEAST_REFRESH_S:
                return
            self._refreshed_at = now
            self._begun.look(await self._list_begun(MINUTE_S))
            found = await self._list_open()
            for run in self._open.keys() - found.keys():
                del self._open[run]
            self._unreadable &= found.keys()
            beginning = self.taken_up - self._open.keys()  # whose starts are counted until they are stored
            for run in found.keys() - beginning:
                known = self._open.get(run, Transcript())
                if known.seq < found[run] and run not in self._unreadable:
                    await self._read_on(run, known)
            self._looked.set()

    async def _read_on(self, run: str, known: Transcript) -> None:
        """Read what has happened in a run since; one whose facts are unknown here stays as it was known."""
        try:
            entries = await self._store.read(run, known.seq)
        except UnknownFacts as error:
            log.warning("a run is not followed any more; a newer version has it", run=run, reason=str(error))
            self._unreadable.add(run)
            return
        with self.watch(run):
            self._open[run] = fold_all(known, entries)

    async def _keep_refreshed(self) -> None:
        outage = OutageLog("the runs that go on cannot be read")
        while True:
            try:
                with outage.tolerating():
                    await self.refresh()
            except Exception:  # facts of one run that do not fold
                log.exception("the runs that go on cannot be read")
            await asyncio.sleep(REFRESH_S)

    async def keep_places(self, platform: str, reopen: Reopen) -> None:
        """Let a platform know the places of runs, as whatever is said there is for them; until cancelled."""
        known: dict[str, set[str]] = {}
        while True:
            for run, t in list(self._open.items()):
                seen = known.setdefault(run, set())
                for address in (view.address for view in t.views if platform_of(view.address) == platform):
                    if address not in seen:
                        seen.add(address)
                        await reopen(address, run, t, ())
            known = {run: seen for run, seen in known.items() if run in self._open}
            self._looked.clear()
            await self._looked.wait()

    def attach(self, run: str, surface: Surface, pages: Sequence[PostedPage] = ()) -> None:
        self._signal(run, "")

    async def resume_unfinished(self) -> None:
        """Do nothing: processes that conduct runs look for such by themselves."""

    def wake(self, run: str) -> None:
        self._signal(run, "")

    def note(self, run: str, text: str) -> None:
        self._signal(run, text)

    def transcript(self, run: str) -> Transcript | None:
        return self._open.get(run)

    def transcripts(self) -> Iterator[Transcript]:
        return iter(())

    def unfinished_starts(self) -> list[RunStarted]:
        return [t.started for t in self._open.values() if t.start and not t.is_over and not t.steering.paused]

    def paused_starts(self) -> list[RunStarted]:
        return [t.started for t in self._open.values() if t.start and not t.is_over and t.steering.paused]

    def begun_elsewhere(self) -> list[tuple[float, Starter]]:
        return self._begun.list_begun()

    def runs_of_server(self, server: str) -> list[str]:
        return [run for run, t in self._open.items() if t.start and t.started.server == server]

    async def lane_text(self, run: str, lane: LaneId) -> str:
        """Return what the lane showed when it was last stored."""
        shown = last_texts(await self._store.snapshots(run))
        return next((text for turn, text in reversed(shown.items()) if turn.lane == lane), "")

    async def wait_until_begun(self, run: str) -> bool:
        return run in self._open

    async def wait_until_finished(self, run: str) -> Transcript:
        t = self._open[run]
        while run in self._open:
            self._looked.clear()
            await self._looked.wait()
        return t
