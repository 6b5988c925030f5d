"""One of several processes on a PostgreSQL database: its lease, the runs that it hands over or takes, and signals."""

from __future__ import annotations

import asyncio
import os
import secrets
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Container, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import structlog

from bot.engine.gateway import GatewayRuns
from bot.engine.lease import Lease
from bot.engine.placement import budget_place, choose_worker
from bot.engine.quarantine import count_take_over
from bot.engine.supervisor import RunSupervisor
from bot.engine.worker import Worker
from bot.errors import Misconfigured, UnknownFacts
from bot.live.lots import LotKeeper
from bot.outages import OutageLog
from bot.ports.store import Store
from bot.settings.settings import Settings
from storage.handover import HandOver, open_hand_over
from storage.leases import Held, Leases, Role, open_leases
from storage.lots import LotStore, open_lots
from storage.shards import Shards, open_shards
from storage.signals import Signals

log = structlog.get_logger()

RENEW_S = 0.75  # between two renewals of the lease
LATE_S = 1.0  # between two looks for processes whose lease has run out
STRANDED_S = 10.0  # between two looks for runs that nobody holds
RETRY_S = 1.0
WITHOUT_POSTGRES = (
    "--role {role} needs a database that several processes share, and this bot keeps its runs in a SQLite file, which "
    "one process holds: leave --role out, or set storage.url to a PostgreSQL database (`moot db move` takes the runs "
    "along)."
)


class Cluster:
    """What one process shares with the others of its database."""

    def __init__(
        self,
        role: Role,
        owner: str,
        store: Store,
        leases: Leases,
        jobs: HandOver,
        signals: Signals,
        lots: LotStore,
        shards: Shards | None,
    ) -> None:
        """Take the parts; `owner` names this process and its life. `shards`: of a gateway to Discord."""
        self.role: Role = role
        self.shards = shards
        self._store = store
        self.owner = owner
        self.lease = Lease()
        self.list_open, self.list_begun, self.is_held = leases.list_open, leases.list_begun, leases.is_held
        self.signal = signals.send
        self._leases = leases
        self._jobs = jobs
        self._signals = signals
        self._lots = lots
        self.lots = LotKeeper(lots)
        self._taking: asyncio.Task[None] | None = None
        self._workers: Mapping[str, Collection[str]] = {}  # each with the runs that it cannot read
        self._left = set[str]()  # runs that are held here, and that nobody here worked on at the last renewal
        self._processes = 1
        self._leaving = False
        self._passing = OutageLog("a run of a newer version cannot be passed on")

    def count_peers(self) -> int:
        """Return how many processes there are, this one among them."""
        return self._processes

    async def hand_over(self, run: str) -> None:
        """Let another process have a run that this one has claimed; tried until the database takes it."""
        outage = OutageLog("a run cannot be handed over")
        while True:
            with outage.tolerating():
                await self._leases.release(run)
                await self._offer([run])
                return
            await asyncio.sleep(RETRY_S)

    async def pass_on(self, run: str) -> None:
        """Hand a run that cannot be read here to another process, and be handed it no more."""
        with self._passing.tolerating():
            self._note_peers(await self._leases.note_unread(run))
            await self._offer([run])

    async def serve_gateway(self, gateway: GatewayRuns) -> None:
        """Keep the lease and send signals, until cancelled."""
        await self._take_lease()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._signals.send_all())
            tasks.create_task(self.lots.keep())
            tasks.create_task(self._keep_lease(gateway.taken_up, lambda seqs: None, self._take_lease))

    async def serve_worker(self, worker: Worker, supervisor: RunSupervisor, most: int) -> None:
        """Take runs, `most` at once, and conduct them, until cancelled."""

        async def begin_anew() -> None:
            log.error("the lease has run out, and others have taken the runs of this process: it begins anew")
            await supervisor.drop_runs()
            await self._take_lease()

        def look(seqs: Mapping[str, int]) -> None:
            """Wake runs that know less than is stored, or that have more in memory, as the database works."""
            for run, seq in seqs.items():
                if (t := supervisor.transcript(run)) is not None and t.seq != seq:
                    supervisor.wake(run)

        def hear(run: str, note: str) -> None:
            supervisor.wake(run)
            if note:
                supervisor.note(run, note)

        await self._take_lease()
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._signals.hear(hear))
            tasks.create_task(self.lots.keep())
            tasks.create_task(self._keep_lease(supervisor.taken_up, look, begin_anew))
            tasks.create_task(worker.keep_views())
            tasks.create_task(self._look_for_late())
            tasks.create_task(self._look_for_stranded())
            self._taking = tasks.create_task(self._jobs.serve(self.owner, worker.conduct, most))

    def stop_taking(self) -> None:
        """Take no more runs: those that wait are for others."""
        if self._taking is not None:
            self._taking.cancel()

    async def leave(self) -> None:
        """End the lease and hand over what this process still holds, before it stops."""
        self._leaving = True
        freed = await self._leases.end()
        self._workers = {worker: unread for worker, unread in self._workers.items() if worker != self.owner}
        await self._offer(freed)
        await self._offer(await self._leases.list_stranded())  # those that waited for it

    async def _take_lease(self) -> None:
        """Take a lease, which this process has lost or never had. Raises StoreFailed."""
        self.lease.lose()
        began = self.lease.now()
        freed = await self._leases.take()
        self.lease.confirm(began)
        await self._offer(freed)

    async def _keep_lease(
        self,
        taken_up: Container[str],
        look: Callable[[Mapping[str, int]], None],
        begin_anew: Callable[[], Awaitable[None]],
    ) -> None:
        """Renew the lease all the time.

        `taken_up`: the runs that are worked on here. `look` sees what is held, each run with the number of its newest
        fact; `begin_anew` takes another lease where it is lost.
        """
        outage = OutageLog("the lease cannot be renewed")
        while not self._leaving:
            began = self.lease.now()
            with outage.tolerating():
                held = await self._leases.renew()
                if held is None and not self._leaving:
                    await begin_anew()
                elif held is not None:
                    self.lease.confirm(began)
                    self._note_peers(held)
                    look(held.seqs)
                    await self._let_go({run for run in held.seqs if run not in taken_up})
            await asyncio.sleep(RENEW_S)

    async def _let_go(self, left: set[str]) -> None:
        """Hand over runs that nobody here works on at two renewals, such as one whose claim lost its answer."""
        again, self._left = left & self._left, left
        for run in again:
            log.warning("a run is held here and not worked on, so it is handed over", run=run)
            await self._leases.release(run)
        await self._offer(again)

    def _note_peers(self, held: Held | None) -> None:
        if held is not None:
            self._workers, self._processes = held.workers, held.processes

    async def _look_for_late(self) -> None:
        """Hand over the runs of processes that died. Who frees a run counts the death, as nobody else will."""
        outage = OutageLog("processes that died cannot be looked for")
        while True:
            with outage.tolerating():
                if freed := await self._leases.free_late(self.lease.is_steady):
                    log.warning("a process is gone, and its runs are handed over", runs=len(freed))
                    for run in freed:
                        with suppress(UnknownFacts):  # whoever can read it has it next
                            await count_take_over(self._store, run)
                    self._note_peers(await self._leases.renew())
                    await self._offer(freed)
                    await self._offer(await self._leases.list_stranded())  # those that waited for it
            await asyncio.sleep(LATE_S)

    async def _look_for_stranded(self) -> None:
        """Hand over the runs that nobody holds and nobody was told of, such as those of a bot in one process."""
        outage = OutageLog("runs that nobody holds cannot be looked for")
        while True:
            with outage.tolerating():
                await self._offer(await self._leases.list_stranded())
                await self._jobs.forget_dead()
                await self._lots.forget_old()
            await asyncio.sleep(STRANDED_S)

    async def _offer(self, runs: Collection[str]) -> None:
        """Hand each run to the worker of its place, of those that can read it; one that none can read waits."""
        for run, place in (await self._leases.find_places(runs)).items():
            able = [worker for worker, unread in self._workers.items() if run not in unread]
            if able or not self._workers:
                holder = await self._leases.find_holder(*place)
                is_able = holder and run not in self._workers.get(holder, ())
                await self._jobs.offer(run, holder if is_able else choose_worker(budget_place(*place), able))


@asynccontextmanager
async def open_cluster(settings: Settings, role: Role, store: Store) -> AsyncIterator[Cluster]:
    """Open what a process needs in its role, beside its store. Raises Misconfigured, StoreFailed."""
    url = require_shared(settings, role)
    owner = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(4)}"
    async with AsyncExitStack() as stack:
        leases = await stack.enter_async_context(open_leases(url, owner, role))
        jobs = await stack.enter_async_context(open_hand_over(url))
        hears_discord = role == "gateway" and settings.discord is not None
        shards = await stack.enter_async_context(open_shards(url, owner)) if hears_discord else None
        lots = await stack.enter_async_context(open_lots(url, owner))
        yield Cluster(role, owner, store, leases, jobs, Signals(url), lots, shards)


def require_shared(settings: Settings, role: Role) -> str:
    """Return the URL of the database that several processes share. Raises Misconfigured."""
    if settings.storage.url is None:
        raise Misconfigured(WITHOUT_POSTGRES.format(role=role))
    return settings.storage.url.get_secret_value()
