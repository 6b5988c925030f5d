"""`moot run`: the bot on its platforms, with one core behind them."""

from __future__ import annotations

import asyncio
import gc
import random
import signal
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, suppress
from itertools import count
from typing import Any, Protocol

import structlog
from structlog.contextvars import bind_contextvars

from adapters.discord.api import Rest
from adapters.discord.budgets import discord_budget
from adapters.discord.client import DiscordBot, make_client
from adapters.slack.budgets import slack_budget
from adapters.slack.client import SlackBot
from bot.actions.deletions import Deletions
from bot.actions.outcomes import ask_due
from bot.actions.retention import erase_expired
from bot.cli.console import NotShown, print_plain
from bot.cli.core import Core, build_core, load_configuration
from bot.cli.exit import OK
from bot.cli.provision import USUAL_SEATS, Provision, provide_models
from bot.cli.reload import Reloader, check_words
from bot.cli.watch import Watcher
from bot.engine.quarantine import CLOSED
from bot.engine.supervisor import Reopen, platform_of
from bot.engine.watchdog import end_when_held
from bot.errors import Misconfigured, StoreFailed, Unreachable
from bot.formats import FORMATS
from bot.live.budget import Budget
from bot.settings.settings import Settings
from storage import SqlStore, open_store
from storage.closing import forget_closing, requested_closings
from storage.note import open_crash_report

log = structlog.get_logger()

NO_PLATFORM = (
    "No platform is configured, so there is nothing to run. Discord: set discord.token (MOOT_DISCORD__TOKEN). "
    "Slack: set slack.bot_token and slack.app_token. In this terminal: moot try."
)
_LONGEST_WAIT_S = 300.0  # between tries to connect
TIDY_S = 3_600.0  # between two times that the store forgets what nothing needs
REQUESTS_S = 1.0  # how often requests of other processes are looked for
MAX_PENDING_NOTICES = 100  # sentences that wait to be shown to the operator
BUDGETS = {"discord": discord_budget, "slack": slack_budget}  # by the platform that begins a budget's name


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


async def run_bot() -> int:
    """Run the bot until it is stopped.

    After SIGTERM or SIGINT runs have a while to end; after a second signal the process leaves at once. Runs that were
    open go on at the next start. Raises Misconfigured.
    """
    settings = load_configuration()
    if settings.discord is None and settings.slack is None:
        raise Misconfigured(NO_PLATFORM)
    check_words(settings)
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(settings.storage.location, clock=time.time))
        supply = await stack.enter_async_context(provide_models(settings, None, lambda found: found[:USUAL_SEATS]))
        stop = asyncio.Event()
        # gc.freeze leaves out what stays in memory: a collection that visits all of it blocks the loop for 0.3 s
        report = stack.enter_context(open_crash_report(settings.storage.path))
        last_resort = asyncio.create_task(end_when_held(report))
        stack.callback(last_resort.cancel)
        await _run_until_stopped(serve_platforms(settings, supply, store, stop, on_loaded=gc.freeze), stop)
    return OK


async def serve_platforms(
    settings: Settings,
    supply: Provision,
    store: SqlStore,
    stop: asyncio.Event,
    *,
    on_loaded: Callable[[], None] = lambda: None,
) -> None:
    """Serve every configured platform until `stop` is set and runs are over or handed over, or until cancelled.

    `on_loaded` runs after each step that leaves long-lived objects in memory (litellm, then each platform). Raises
    Misconfigured.
    """
    notices: asyncio.Queue[str] = asyncio.Queue(MAX_PENDING_NOTICES)

    def tell_operator(text: str) -> None:
        if not notices.full():  # when it is full, what comes is the same fault of a key, reported by many turns
            notices.put_nowait(text)

    vote_s = settings.limits.vote_s
    async with (
        Watcher(settings) as watcher,
        build_core(
            settings, supply, store, watcher.observers, _make_budget, vote_s=vote_s, tell_operator=tell_operator
        ) as core,
    ):
        bots = list(_make_bots(settings, core, store))
        logged_in, refused = asyncio.Event(), list[str]()
        taking_up = asyncio.create_task(_take_up_runs(bots, core, store, logged_in))

        async def let_connect() -> None:
            """Let open runs be taken up, and wait for that.

            They need models first of all, and connecting while models are loaded would take longer for both. Before a
            platform has taken its token no model is asked, as a start that fails would ask them each time.
            """
            logged_in.set()
            await asyncio.wait([taking_up])

        tasks = [taking_up, *(asyncio.create_task(_connect(bot, bots, let_connect, refused)) for bot in bots)]
        tasks.append(asyncio.create_task(watcher.serve(core, store, bots, {"notices": notices.qsize})))
        tasks.append(asyncio.create_task(_watch_requests(core, store)))
        tasks.append(asyncio.create_task(Reloader(settings, core, store).serve()))
        tasks.append(asyncio.create_task(_tidy_store(core, store, taking_up)))
        tasks.append(asyncio.create_task(_ask_outcomes(bots, store)))
        tasks += [asyncio.create_task(_resume_runs(bot, core)) for bot in bots]
        tasks += [asyncio.create_task(_end_deletions(bot, store)) for bot in bots]
        tasks.append(asyncio.create_task(_forward_notices(bots, notices)))
        tasks.append(asyncio.create_task(_hand_over_runs(stop, core)))
        tasks.append(asyncio.create_task(_report_loaded(core.warming, on_loaded)))
        tasks += [asyncio.create_task(_report_ready(bot, bots, core, on_loaded)) for bot in bots]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            for task in tasks:
                task.cancel()
            ended = await asyncio.gather(*tasks, return_exceptions=True)
        for error in ended:
            if isinstance(error, Exception) and not isinstance(error, _NothingLeft):
                raise error


def _make_bots(settings: Settings, core: Core, store: SqlStore) -> Iterator[Platform]:
    if settings.discord is not None:
        rest = Rest(core.budgets, asyncio.get_running_loop().time)
        client = make_client(settings.discord, rest)
        yield DiscordBot(client, rest, core.actions, store, store, settings.discord)
    if settings.slack is not None:
        yield SlackBot(core.actions, store, store, settings.slack, engine=store.engine)


def _make_budget(name: str, started: float) -> Budget:
    return BUDGETS[name.partition(" ")[0]](name, started)


async def _take_up_runs(bots: Sequence[Platform], core: Core, store: SqlStore, logged_in: asyncio.Event) -> None:
    """Take up runs that an earlier process left open, and wait until models can be asked."""
    await logged_in.wait()
    await _close_requested(core, store)  # first, as such a run may be what keeps the bot from starting
    if await store.unfinished_runs():
        await core.supervisor.continue_without_places(FORMATS, [bot.name for bot in bots])
        await asyncio.wait([core.warming])


async def _close_requested(core: Core, store: SqlStore) -> None:
    """Close the runs that `moot close` names."""
    for run in await requested_closings(store):
        await core.supervisor.close_run(run, CLOSED)
        await forget_closing(store, run)


async def _watch_requests(core: Core, store: SqlStore) -> None:
    while True:
        try:
            await _close_requested(core, store)
        except StoreFailed as error:
            log.warning("requests to close runs cannot be read", reason=str(error))
        await asyncio.sleep(REQUESTS_S)


async def _tidy_store(core: Core, store: SqlStore, taking_up: asyncio.Task[None]) -> None:
    await asyncio.wait([taking_up])
    while True:
        try:
            await store.tidy()
            await erase_expired(
                store,
                core.actions.services.settings,
                time.time(),
                lambda run: core.supervisor.transcript(run) is not None,
            )
        except StoreFailed as error:
            log.warning("the store cannot be tidied", reason=str(error))
        await asyncio.sleep(TIDY_S)


async def _ask_outcomes(bots: Sequence[Platform], store: SqlStore) -> None:
    """Ask what became of runs whose starters wanted to be asked; a platform that is away asks once it is back."""
    while True:
        try:
            if await ask_due(store, time.time()):
                for bot in bots:
                    bot.widened.set()
        except StoreFailed as error:
            log.warning("nobody can be asked what became of a run", reason=str(error))
        await asyncio.sleep(TIDY_S)


async def _connect(
    bot: Platform, bots: Sequence[Platform], accepted: Callable[[], Awaitable[None]], refused: list[str]
) -> None:
    """Serve a platform, and again with back-off where it cannot be reached, so that it keeps no other one away.

    One whose token is refused stays away while another is served. `refused` names those.
    """
    bind_contextvars(platform=bot.name)
    for tried in count():
        try:
            await bot.serve(accepted)
            return
        except Misconfigured as error:
            refused.append(bot.name)
            if len(refused) == len(bots):
                raise
            log.error("this platform stays away until its settings are corrected", platform=bot.name, reason=str(error))
            return
        except Unreachable as error:
            delay = min(_LONGEST_WAIT_S, 2.0 ** min(tried, 10)) * (0.5 + random.random() / 2)
            log.warning("not connected; trying again", platform=bot.name, reason=str(error), delay_s=round(delay, 1))
            await asyncio.sleep(delay)


async def _resume_runs(bot: Platform, core: Core) -> None:
    """Show open runs in a platform's places once these are known, and resume those that it could not reach before."""
    await bot.ready.wait()
    while True:
        bot.widened.clear()
        await core.supervisor.resume_in_places(FORMATS, bot.name, bot.places.reopen)
        await bot.widened.wait()


async def _end_deletions(bot: Platform, store: SqlStore) -> None:
    """Delete the messages of deleted runs whose deletion an earlier process did not end."""
    await bot.ready.wait()
    deletions = Deletions(store, time.time)
    try:
        for run in await deletions.list_open():
            if left := await bot.places.erase(run):
                log.warning("messages of a deleted run are left", run=run, reasons=sorted(set(left)))
            if all(platform_of(page.address) == bot.name for page in await store.posted_pages(run)):
                await deletions.end(run)
    except StoreFailed as error:
        log.warning("deletions cannot be ended; the next start tries again", reason=str(error))


class _NothingLeft(Exception):
    """Every run is over or handed over, so that the process can end."""


async def _hand_over_runs(stop: asyncio.Event, core: Core) -> None:
    await stop.wait()
    await core.supervisor.hand_over()
    raise _NothingLeft


async def _report_loaded(warming: asyncio.Task[None], on_loaded: Callable[[], None]) -> None:
    await asyncio.wait([warming])
    on_loaded()


async def _report_ready(bot: Platform, bots: Sequence[Platform], core: Core, on_loaded: Callable[[], None]) -> None:
    """Print what is up each time that one more platform is."""
    await bot.ready.wait()
    await asyncio.wait([core.warming])
    on_loaded()
    up = " · ".join(other.describe() for other in bots if other.ready.is_set())
    with suppress(NotShown):  # a bot serves without a terminal
        print_plain(f"{up} · ready")


async def _forward_notices(bots: Sequence[Platform], notices: asyncio.Queue[str]) -> None:
    while True:
        text = await notices.get()
        for bot in bots:
            try:
                await bot.tell_operator(text)
            except Exception as error:  # nobody is told, which is no reason to stop
                log.error("the operator cannot be told", platform=bot.name, reason=repr(error))


async def _run_until_stopped(work: Coroutine[Any, Any, None], stop: asyncio.Event) -> None:
    """Run the work; the first signal sets `stop`, the second cancels the work."""
    loop, task = asyncio.get_running_loop(), asyncio.ensure_future(work)

    def leave() -> None:
        if stop.is_set():
            task.cancel()
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, leave)
    try:
        await task
    except asyncio.CancelledError:
        if (me := asyncio.current_task()) and me.cancelling():
            raise
