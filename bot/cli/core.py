"""The composition root: the store, the scheduler, the supervisor, the speaker and the actions put together."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from random import Random
from types import MappingProxyType

import structlog

from bot.actions.actions import Actions
from bot.actions.allowance import Allowance
from bot.actions.own_keys import OwnKeyActions
from bot.actions.paces import PaceBook
from bot.actions.panels import PanelBook
from bot.actions.pipeline_files import PipelineBook
from bot.actions.resolver import RequestResolver
from bot.actions.services import Services
from bot.cli.cluster import Cluster
from bot.cli.logs import configure_logs
from bot.cli.provision import Provision
from bot.cli.settings_file import load_settings
from bot.domain.caveats import AWAY
from bot.engine.gateway import GatewayRuns
from bot.engine.journal import PATIENCE_S
from bot.engine.quarantine import NoNote, count_deaths
from bot.engine.supervisor import RunSupervisor
from bot.engine.trace import NoTrace
from bot.engine.watchdog import Watchdog
from bot.live.budget import Budget, Budgets
from bot.live.schedule import Scheduler
from bot.models.calls import ObserveCall, ignore_call
from bot.models.catalogue import Model, has_key, key_state
from bot.models.key_files import check_key_files
from bot.models.ledger import Ledger
from bot.models.own_keys import OwnKeys
from bot.models.search import resolve_searcher, with_searcher
from bot.models.speak import Speaker
from bot.ports.process import Trace, hold_alone
from bot.prompts import load_packaged, load_prompts
from bot.settings.settings import Settings
from storage import SqlStore
from storage.note import open_note

log = structlog.get_logger()


def load_configuration() -> Settings:
    """Load the settings and set up logs as they say. Raises Misconfigured."""
    settings = load_settings()
    configure_logs(settings.log)
    for finding in check_key_files(settings):
        log.warning(
            "a key is not safe in its file", setting=finding.what, reason=finding.meaning, remedy=finding.remedy
        )
    return settings


@dataclass(frozen=True, slots=True)
class Core:
    """The parts of a running core that the console and the platforms use.

    `warming` is done once models answer without loading anything first. `queues`: what counts what waits, by name.
    `replace_settings` has new runs go by other limits and servers from now on, and by other models and panels where it
    is given them; where it raises Misconfigured, nothing has changed.
    """

    actions: Actions
    supervisor: RunSupervisor | GatewayRuns
    budgets: Budgets
    warming: asyncio.Task[None]
    queues: Mapping[str, Callable[[], int]]
    replace_settings: Callable[[Settings, Provision | None], None]


@dataclass(frozen=True, slots=True)
class Observers:
    """The listeners to runs and to calls of providers."""

    trace: Trace = field(default_factory=NoTrace)
    observe_call: ObserveCall = ignore_call


@asynccontextmanager
async def build_core(
    settings: Settings,
    supply: Provision,
    store: SqlStore,
    observers: Observers,
    budget: Callable[[str, float], Budget],
    *,
    vote_s: float = 0.0,
    tell_operator: Callable[[str], None] | None = None,
    pipelines: Mapping[str, str] = MappingProxyType({}),
    cluster: Cluster | None = None,
    patience_s: float = PATIENCE_S,
) -> AsyncIterator[Core]:
    """Build the core and yield it; litellm loads in a thread meanwhile.

    `budget` makes a budget of its name and the loop's time at the start. `tell_operator` is None where the person
    here is the operator. `pipelines` (name → TOML) may be run besides those that come with Moot. `cluster`: what is
    shared with other processes, where there are several. `patience_s`: how long the end of a run waits for a store that
    fails.
    """
    found = resolve_searcher(settings.search, supply.models)
    known = with_searcher(supply.models, found)
    own_keys = OwnKeys(store, supply.models, settings.own_keys.read_master())
    await own_keys.seal_anew()
    speaker = Speaker(
        known,
        settings.deadlines,
        settings.retries,
        answer_chars=settings.limits.answer_chars,
        shelf=store,
        pictures=store,
        ledger=Ledger(store, settings.money.caps(), settings.money.fallback_price(), time.time),
        own_keys=own_keys,
        observe_call=observers.observe_call,
        hold=cluster.lease.hold if cluster else hold_alone,
    )
    budgets = Budgets(budget, asyncio.get_running_loop().time())
    warming = asyncio.create_task(speaker.warm_up())
    try:
        async with AsyncExitStack() as stack:
            note = stack.enter_context(open_note(settings.storage.path)) if cluster is None else NoNote()
            watchdog = stack.enter_context(Watchdog(note))
            scheduler = await stack.enter_async_context(Scheduler(budgets))
            make_supervisor = partial(
                RunSupervisor,
                store=store,
                speaker=speaker,
                scheduler=scheduler,
                clock=time.time,
                trace=observers.trace,
                owner=cluster.owner if cluster else f"{socket.gethostname()}:{os.getpid()}",
                tell_operator=tell_operator,
                restart=settings.restart,
                warn_usd=settings.money.warn_usd,
                watch=watchdog.watch,
                patience_s=patience_s,
            )
            supervisor: RunSupervisor | GatewayRuns
            if cluster is not None and cluster.role == "gateway":
                supervisor = await stack.enter_async_context(
                    GatewayRuns(
                        store=store,
                        scheduler=scheduler,
                        trace=observers.trace,
                        make_conductor=make_supervisor().make_conductor,
                        list_open=cluster.list_open,
                        list_begun=cluster.list_begun,
                        hand_over=cluster.hand_over,
                        signal=cluster.signal,
                        watch=watchdog.watch,
                    )
                )
            else:
                supervisor = await stack.enter_async_context(make_supervisor())
            await count_deaths(store, note)
            services = Services(
                settings=settings,
                panels=PanelBook(supply.panels, store),
                pipelines=PipelineBook({**load_packaged("pipelines", ".toml"), **pipelines}, store),
                models=supply.models,
            )
            resolver = RequestResolver(
                services,
                prompts=load_prompts(settings.prompts),
                searcher=found[1] if found else None,
                vote_s=vote_s,
                why_absent=partial(_explain_absence, tell_operator),
                random=Random(),
                paces=PaceBook(store),
                own_keys=own_keys,
            )
            actions = Actions(
                services,
                resolver,
                store=store,
                supervisor=supervisor,
                clock=time.time,
                pictures=store,
                allowance=Allowance(store, settings.money.caps(), time.time, own_keys),
                own_keys=OwnKeyActions(services, own_keys, time.time),
                people=store,
            )

            def replace_settings(fresh: Settings, supply: Provision | None) -> None:
                if supply is not None:
                    speaker.replace_models(
                        with_searcher(supply.models, resolve_searcher(settings.search, supply.models))
                    )
                    own_keys.replace_models(supply.models)
                    services.replace_models(supply.models, supply.panels)
                services.settings = fresh

            queues = {"provider calls": speaker.count_waiting, "lanes": scheduler.count_waiting}
            yield Core(actions, supervisor, budgets, warming, queues, replace_settings)
    finally:
        await asyncio.wait([warming])
        await speaker.aclose()


def _explain_absence(tell_operator: Callable[[str], None] | None, model: Model) -> str | None:
    """Return what people read of a model that has no key, or None where it has one.

    They read the reason where the person here is the operator; elsewhere the operator is told of it, and people read
    that the model is away.
    """
    if has_key(model):
        return None
    if tell_operator is None:
        return key_state(model)
    tell_operator(f"{model.name} cannot be asked: {key_state(model)}.")
    return AWAY
