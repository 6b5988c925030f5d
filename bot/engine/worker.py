"""The runs of a worker: taken over from other processes, and shown only while nobody else can have taken them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

import structlog

from bot.domain.run import LaneId
from bot.domain.transcript import Transcript
from bot.engine.quarantine import read_run
from bot.engine.runs import Reopen
from bot.engine.supervisor import RunSupervisor
from bot.errors import StoreFailed, UnknownFacts
from bot.formats.plan import Format
from bot.live.budget import Budgets
from bot.live.fixed_window import expect_spent
from bot.ports.process import Hold, holding
from bot.ports.store import Fenced, Store
from bot.ports.surface import Kind, Message, MessageRef, Method, Paginator, Surface, SurfaceError, platform_of

log = structlog.get_logger()

LOOK_S = 1.0  # between two looks for places that were added


def list_draws(surface: Surface, lane: LaneId) -> list[str]:
    """Return the budgets that a lane's messages draw on."""
    return [*surface.draws("post", lane), *surface.draws("edit", lane)]


class LeasedSurface:
    """A surface on which nothing is sent unless the process surely holds its run, since before it was opened."""

    def __init__(self, surface: Surface, hold: Hold) -> None:
        """Take the surface. `hold` is awaited before each request of a call, as one may prepare for another."""
        self._surface = surface
        self._hold = hold
        self.name = surface.name
        self.address = surface.address
        self.room_chars = surface.room_chars
        self.placeholder_after_s = surface.placeholder_after_s

    def pages(self, kind: Kind) -> Paginator:
        return self._surface.pages(kind)

    def draws(self, method: Method, lane: LaneId) -> Sequence[str]:
        return self._surface.draws(method, lane)

    async def post(self, message: Message) -> MessageRef:
        with holding(self._hold):
            return await self._surface.post(message)

    async def find(self, lane: LaneId, page: int) -> MessageRef | None:
        with holding(self._hold):
            return await self._surface.find(lane, page)

    async def edit(self, ref: MessageRef, message: Message) -> None:
        with holding(self._hold):
            await self._surface.edit(ref, message)

    async def delete(self, ref: MessageRef) -> None:
        with holding(self._hold):
            await self._surface.delete(ref)


class Worker:
    """What a worker does with the runs that it is handed.

    `reopen`: finds a platform's places, by its name. `pass_on`: hands a run to another worker, which can read it.
    `hold_on`: returns what holds the runs that are taken now.
    """

    def __init__(
        self,
        supervisor: RunSupervisor,
        store: Store,
        forms: Mapping[str, Format],
        reopen: Mapping[str, Reopen],
        pass_on: Callable[[str], Awaitable[None]],
        hold_on: Callable[[], Hold],
        budgets: Budgets,
    ) -> None:
        self._supervisor = supervisor
        self._store = store
        self._forms = forms
        self._reopen = reopen
        self._pass_on = pass_on
        self._hold_on = hold_on
        self._budgets = budgets
        self._looked_for: dict[str, set[str]] = {}  # runs that are conducted here → the addresses that were looked for

    async def conduct(self, run: str) -> None:
        """Take a run over and conduct it until it is over for this process.

        Nothing happens to one that another process holds, that can be shown nowhere, or that cannot be read now.
        """
        try:
            await self._conduct(run)
        except UnknownFacts:
            log.info("a run is passed on, as a newer version has it", run=run)
            await self._pass_on(run)
        except (StoreFailed, SurfaceError) as error:
            log.warning("a run cannot be taken over; it is offered again", run=run, reason=str(error))

    async def _conduct(self, run: str) -> None:
        t = await read_run(self._store, run, self._supervisor.watch)
        addresses = [view.address for view in t.views]
        hold = self._hold_on()
        surfaces = await self._find_places(run, t, addresses, hold)
        if self._supervisor.leaving or run in self._looked_for:
            return
        if not surfaces:
            log.warning("a run can be shown nowhere, so it is left", run=run)
            return
        await hold()  # under another lease these places would show nothing
        self._looked_for[run] = set(addresses)
        try:
            await self._supervisor.resume(run, t, self._forms[t.started.format], surfaces)
            await self._supervisor.wait_until_finished(run)
        except Fenced as error:
            log.info("a run is left to the process that holds it", run=run, reason=str(error))
        finally:
            del self._looked_for[run]

    async def keep_views(self) -> None:
        """Show runs in the places that people add while they go on, until cancelled."""
        while True:
            for run, known in list(self._looked_for.items()):
                t = self._supervisor.transcript(run)
                if t is not None and (new := [v.address for v in t.views if v.address not in known]):
                    known.update(new)
                    await self._add_views(run, t, new)
            await asyncio.sleep(LOOK_S)

    async def _add_views(self, run: str, t: Transcript, addresses: Sequence[str]) -> None:
        try:
            for surface in await self._find_places(run, t, addresses, self._hold_on()):
                if self._supervisor.transcript(run) is not None:
                    self._supervisor.attach(run, surface)
        except (StoreFailed, SurfaceError) as error:
            log.warning("a run cannot be shown in one more place", run=run, reason=str(error))

    async def _find_places(self, run: str, t: Transcript, addresses: Sequence[str], hold: Hold) -> list[Surface]:
        posted = await self._store.posted_pages(run) if addresses else []
        found: list[Surface] = []
        for address in addresses:
            reopen = self._reopen.get(platform_of(address))
            here = [page for page in posted if page.address == address]
            if reopen is not None and (surface := await reopen(address, run, t, here)):
                found.append(LeasedSurface(surface, hold))
                if any(page.lane.stage != "board" for page in here):  # that is all that a gateway shows
                    drawn = {name for page in here for name in list_draws(surface, page.lane)}
                    expect_spent(self._budgets, drawn)
        return found
