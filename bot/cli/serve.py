"""`moot run`: the bot on its platforms, with one core behind them."""

from __future__ import annotations

import asyncio
import ctypes
import gc
import math
import random
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack, suppress
from functools import partial
from itertools import count
from typing import Any

import structlog
from structlog.contextvars import bind_contextvars

from adapters.common.shared_budget import SharedBudget
from adapters.discord.api import Rest
from adapters.discord.budgets import ADDRESS_CEILING, BOT_CEILING, discord_budget, share_ceiling
from adapters.discord.client import DiscordBot, make_client
from adapters.slack.budgets import PREFIX as SLACK
from adapters.slack.budgets import draw_slack_budget, slack_budget
from adapters.slack.client import SlackBot
from bot.cli.cluster import Cluster, open_cluster, require_shared
from bot.cli.console import NotShown, print_plain
from bot.cli.core import Core, build_core, load_configuration
from bot.cli.duties import Platform, list_duties
from bot.cli.exit import OK
from bot.cli.provision import USUAL_SEATS, Provision, provide_models
from bot.cli.reload import Reloader, check_words
from bot.cli.watch import Watcher
from bot.engine.watchdog import end_when_held
from bot.errors import Misconfigured, Unreachable
from bot.live.budget import Budget
from bot.settings.settings import Settings
from storage import SqlStore, open_store
from storage.leases import Role
from storage.note import open_crash_report

log = structlog.get_logger()

NO_PLATFORM = (
    "No platform is configured, so there is nothing to run. Discord: set discord.token (MOOT_DISCORD__TOKEN). "
    "Slack: set slack.bot_token and slack.app_token. In this terminal: moot try."
)
_LONGEST_WAIT_S = 300.0  # between tries to connect
MAX_PENDING_NOTICES = 100  # sentences that wait to be shown to the operator
LARGE_BYTES = 1_000_000  # of a block of memory that goes back to the system as soon as it is free
M_MMAP_THRESHOLD = -3  # of glibc's malloc.h
BUDGETS = {"discord": discord_budget, "slack": slack_budget}  # by the platform that begins a budget's name


async def run_bot(role: Role | None = None) -> int:
    """Run the bot until it is stopped, or what one process of several does in its role.

    After SIGTERM or SIGINT runs have a while to end; after a second signal the process leaves at once. Runs that were
    open go on at the next start, or in another process. Raises Misconfigured.
    """
    settings = load_configuration()
    if settings.discord is None and settings.slack is None:
        raise Misconfigured(NO_PLATFORM)
    if role is not None:
        require_shared(settings, role)
    check_words(settings)
    _give_back_large_blocks()
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        store = await enter(open_store(settings.storage.location, clock=time.time, shared=role is not None))
        cluster = None if role is None else await enter(open_cluster(settings, role, store))
        supply = await stack.enter_async_context(provide_models(settings, None, lambda found: found[:USUAL_SEATS]))
        stop = asyncio.Event()
        # gc.freeze leaves out what stays in memory: a collection that visits all of it blocks the loop for 0.3 s
        report = stack.enter_context(open_crash_report(settings.storage.path))
        last_resort = asyncio.create_task(end_when_held(report))
        stack.callback(last_resort.cancel)
        serving = serve_platforms(settings, supply, store, stop, on_loaded=gc.freeze, cluster=cluster)
        await _run_until_stopped(serving, stop)
    return OK


def _give_back_large_blocks() -> None:
    """Have glibc give the memory of pictures back: among smaller blocks it would keep several times what they take."""
    if sys.platform == "linux":
        with suppress(AttributeError):  # of another library
            ctypes.CDLL(None).mallopt(M_MMAP_THRESHOLD, LARGE_BYTES)


async def serve_platforms(
    settings: Settings,
    supply: Provision,
    store: SqlStore,
    stop: asyncio.Event,
    *,
    on_loaded: Callable[[], None] = lambda: None,
    cluster: Cluster | None = None,
) -> None:
    """Serve every configured platform until `stop` is set and runs are over or handed over, or until cancelled.

    `on_loaded` runs after each step that leaves long-lived objects in memory (litellm, then each platform). `cluster`:
    what is shared with other processes, where this is one of several. Raises Misconfigured.
    """
    notices: asyncio.Queue[str] = asyncio.Queue(MAX_PENDING_NOTICES)

    def tell_operator(text: str) -> None:
        if not notices.full():  # when it is full, what comes is the same fault of a key, reported by many turns
            notices.put_nowait(text)

    vote_s = settings.limits.vote_s
    async with (
        Watcher(settings) as watcher,
        build_core(
            settings,
            supply,
            store,
            watcher.observers,
            partial(make_budget, cluster),
            vote_s=vote_s,
            tell_operator=tell_operator,
            cluster=cluster,
            patience_s=math.inf,
        ) as core,
    ):
        bots = list(_make_bots(settings, core, store, cluster))
        refused = list[str]()
        duties, let_connect = list_duties(settings, core, store, bots, cluster)
        tasks = [asyncio.create_task(duty) for duty in duties]
        tasks += [asyncio.create_task(_connect(bot, bots, let_connect, refused)) for bot in bots]
        tasks.append(asyncio.create_task(watcher.serve(core, store, bots, {"notices": notices.qsize})))
        tasks.append(asyncio.create_task(Reloader(settings, core, store).serve()))
        tasks.append(asyncio.create_task(_forward_notices(bots, notices)))
        tasks.append(asyncio.create_task(_hand_over_runs(stop, core, cluster)))
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


def _make_bots(settings: Settings, core: Core, store: SqlStore, cluster: Cluster | None) -> Iterator[Platform]:
    connects = cluster is None or cluster.role == "gateway"
    if settings.discord is not None:
        rest = Rest(core.budgets, asyncio.get_running_loop().time)
        client = make_client(settings.discord, rest, cluster.shards if cluster else None)
        yield DiscordBot(client, rest, core.actions, store, store, settings.discord, connects=connects)
    if settings.slack is not None:
        yield SlackBot(core.actions, store, store, settings.slack, engine=store.engine, connects=connects)


def make_budget(cluster: Cluster | None, name: str, started: float) -> Budget:
    """Make the budget of that name, shared with the other processes where this is one of several."""
    if cluster is not None and name in (BOT_CEILING, ADDRESS_CEILING):
        return SharedBudget(share_ceiling, cluster.count_peers, started)
    if cluster is not None and name.startswith(SLACK):
        return draw_slack_budget(cluster.lots, name)
    return BUDGETS[name.partition(" ")[0]](name, started)


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


class _NothingLeft(Exception):
    """Every run is over or handed over, so that the process can end."""


async def _hand_over_runs(stop: asyncio.Event, core: Core, cluster: Cluster | None) -> None:
    await stop.wait()
    if cluster is not None:
        cluster.stop_taking()
    await core.supervisor.hand_over()
    if cluster is not None:
        await cluster.leave()
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
