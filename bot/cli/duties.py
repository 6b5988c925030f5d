"""What a process of `moot run` does beside its platforms: all of it where it is alone, else what its role asks for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, Protocol

import structlog

from bot.actions.deletions import Deletions
from bot.actions.outcomes import ask_due
from bot.actions.retention import erase_expired
from bot.cli.cluster import Cluster
from bot.cli.core import Core
from bot.engine.gateway import GatewayRuns
from bot.engine.quarantine import CLOSED
from bot.engine.runs import Reopen
from bot.engine.supervisor import RunSupervisor
from bot.engine.worker import Worker
from bot.formats import FORMATS
from bot.outages import OutageLog
from bot.settings.settings import Settings
from storage import SqlStore
from storage.closing import forget_closing, requested_closings

log = structlog.get_logger()

TIDY_S = 3_600.0  # between two times that the store forgets what nothing needs
REQUESTS_S = 1.0  # how often requests of other processes are looked for
DELETIONS_S = 10.0  # how often deleted runs are looked for whose messages stand on a platform
RESUME_AGAIN_S = 5.0  # after the store has failed; a platform may be asked for each run's place
NOT_RESUMED = "runs that are open cannot be taken up"


class PlatformPlaces(Protocol):
    """The places of a platform in which runs are shown."""

    @property
    def reopen(self) -> Reopen: ...

    async def erase(self, run: str) -> Sequence[str]:
        """Delete a run's messages; return, for each that is left, why it could not be deleted."""
        ...


class Platform(Protocol):
    """A bot on one platform: `serve` runs it until cancelled, and raises Misconfigured or Unreachable.

    It calls `accepted` once the platform has taken its token, and connects when that returns. `places` exist once
    `ready` is set; `widened` is set when more of them can be reached than before. The addresses of places begin with
    the platform's `name`.
    """

    name: str
    ready: asyncio.Event
    widened: asyncio.Event

    @property
    def places(self) -> PlatformPlaces: ...

    def describe(self) -> str:
        """Return what is up, once `ready` is set, such as "Slack: acme"."""
        ...

    async def serve(self, accepted: Callable[[], Awaitable[None]]) -> None: ...

    async def is_connected(self) -> bool: ...

    async def tell_operator(self, text: str) -> None: ...


def list_duties(
    settings: Settings, core: Core, store: SqlStore, bots: Sequence[Platform], cluster: Cluster | None
) -> tuple[Sequence[Coroutine[Any, Any, None]], Callable[[], Awaitable[None]]]:
    """Return what this process does in its role besides serving platforms, and what a platform awaits to connect."""
    match core.supervisor, cluster:
        case RunSupervisor() as supervisor, None:
            logged_in, taken_up = asyncio.Event(), asyncio.Event()

            async def let_connect() -> None:
                """Let open runs be taken up, and wait for that.

                They need models first of all, and connecting while models are loaded would take longer for both. Before
                a platform has taken its token no model is asked, as a start that fails would ask them each time.
                """
                logged_in.set()
                await taken_up.wait()

            return [
                _take_up_runs(bots, core, supervisor, store, logged_in, taken_up),
                _watch_requests(supervisor, store),
                _tidy_store(core, store, taken_up),
                _ask_outcomes(bots, store),
                *(_resume_runs(bot, supervisor) for bot in bots),
                *(_end_deletions(bot, store) for bot in bots),
            ], let_connect
        case GatewayRuns() as gateway, Cluster():
            deletions = (_end_deletions(bot, store) for bot in bots)
            return [cluster.serve_gateway(gateway), *(_note_places(bot, gateway) for bot in bots), *deletions], _go_on
        case RunSupervisor() as supervisor, Cluster():
            taking = _take_runs(bots, core, supervisor, cluster, store, settings)
            watching = _watch_requests(supervisor, store, cluster)
            return [taking, watching, _tidy_store(core, store), _ask_outcomes(bots, store)], _go_on
        case _:
            raise AssertionError("a gateway is one of several")


async def _go_on() -> None:
    """Connect at once."""


async def _note_places(bot: Platform, gateway: GatewayRuns) -> None:
    """Let a platform know the places of runs that go on, so that it knows what is said there."""
    await bot.ready.wait()
    await gateway.keep_places(bot.name, bot.places.reopen)


async def _take_runs(
    bots: Sequence[Platform],
    core: Core,
    supervisor: RunSupervisor,
    cluster: Cluster,
    store: SqlStore,
    settings: Settings,
) -> None:
    """Take runs once every platform is ready and models can be asked."""
    await asyncio.wait([core.warming])
    for bot in bots:
        await bot.ready.wait()
    reopen = {bot.name: bot.places.reopen for bot in bots}
    worker = Worker(supervisor, store, FORMATS, reopen, cluster.pass_on, cluster.lease.hold_on, core.budgets)
    await cluster.serve_worker(worker, supervisor, settings.cluster.runs_per_worker)


async def _take_up_runs(
    bots: Sequence[Platform],
    core: Core,
    supervisor: RunSupervisor,
    store: SqlStore,
    logged_in: asyncio.Event,
    taken_up: asyncio.Event,
) -> None:
    """Take up runs that an earlier process left open, and wait until models can be asked."""
    await logged_in.wait()
    try:
        with OutageLog(NOT_RESUMED).tolerating():  # `_resume_runs` tries again
            await _close_requested(supervisor, store)  # first, as such a run may be what keeps the bot from starting
            if await store.unfinished_runs():
                await supervisor.continue_without_places(FORMATS, [bot.name for bot in bots])
                await asyncio.wait([core.warming])
    finally:
        taken_up.set()


async def _close_requested(supervisor: RunSupervisor, store: SqlStore, cluster: Cluster | None = None) -> None:
    """Close the runs that `moot close` names, but those that another process holds, which closes them itself."""
    for run in await requested_closings(store):
        if cluster is not None and supervisor.transcript(run) is None and await cluster.is_held(run):
            continue
        await supervisor.close_run(run, CLOSED)
        await forget_closing(store, run)


async def _watch_requests(supervisor: RunSupervisor, store: SqlStore, cluster: Cluster | None = None) -> None:
    outage = OutageLog("requests to close runs cannot be read")
    while True:
        with outage.tolerating():
            await _close_requested(supervisor, store, cluster)
            if supervisor.is_in_doubt:
                await supervisor.resume_unfinished()
        await asyncio.sleep(REQUESTS_S)


async def _tidy_store(core: Core, store: SqlStore, begun: asyncio.Event | None = None) -> None:
    if begun is not None:
        await begun.wait()
    outage = OutageLog("the store cannot be tidied")
    while True:
        with outage.tolerating():
            await store.tidy()
            await erase_expired(
                store,
                core.actions.services.settings,
                time.time(),
                lambda run: core.supervisor.transcript(run) is not None,
            )
        await asyncio.sleep(TIDY_S)


async def _resume_runs(bot: Platform, supervisor: RunSupervisor) -> None:
    """Show open runs in a platform's places once these are known, and resume those that it could not reach before."""
    await bot.ready.wait()
    outage = OutageLog(NOT_RESUMED)
    while True:
        bot.widened.clear()
        with outage.tolerating():
            await supervisor.resume_in_places(FORMATS, bot.name, bot.places.reopen)
        with suppress(TimeoutError):
            async with asyncio.timeout(RESUME_AGAIN_S if outage.goes_on else None):
                await bot.widened.wait()


async def _end_deletions(bot: Platform, store: SqlStore) -> None:
    """Delete a platform's messages of runs that were deleted from elsewhere, or by a process that did not end it."""
    await bot.ready.wait()
    deletions, outage = Deletions(store, time.time), OutageLog("deletions cannot be ended")
    while True:
        with outage.tolerating():
            for run in await deletions.list_erased():
                if left := await bot.places.erase(run):
                    log.warning("messages of a deleted run are left", run=run, reasons=sorted(set(left)))
                await deletions.end(run)
        await asyncio.sleep(DELETIONS_S)


async def _ask_outcomes(bots: Sequence[Platform], store: SqlStore) -> None:
    """Ask what became of runs whose starters wanted to be asked; a platform that is away asks once it is back."""
    outage = OutageLog("nobody can be asked what became of a run")
    while True:
        with outage.tolerating():
            if await ask_due(store, time.time()):
                for bot in bots:
                    bot.widened.set()
        await asyncio.sleep(TIDY_S)
