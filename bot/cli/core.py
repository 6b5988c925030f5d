"""The composition root: the store, the scheduler, the supervisor, the speaker and the actions put together."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from random import Random
from types import MappingProxyType

from bot.actions.actions import Actions
from bot.actions.allowance import Allowance
from bot.actions.paces import PaceBook
from bot.actions.panels import PanelBook
from bot.actions.pipeline_files import PipelineBook
from bot.actions.resolver import RequestResolver
from bot.actions.services import Services
from bot.cli.logs import configure_logs
from bot.cli.provision import Provision
from bot.cli.settings_file import load_settings
from bot.engine.conductor import AWAY
from bot.engine.quarantine import count_death
from bot.engine.supervisor import RunSupervisor
from bot.engine.watchdog import Watchdog
from bot.live.budget import Budget, Budgets
from bot.live.schedule import Scheduler
from bot.models.catalogue import Model, has_key, key_state
from bot.models.ledger import Ledger
from bot.models.search import resolve_searcher, with_searcher
from bot.models.speak import Speaker
from bot.ports import Trace
from bot.prompts import load_packaged, load_prompts
from bot.settings import Settings
from storage import SqlStore
from storage.note import open_note


def load_configuration() -> Settings:
    """Load the settings and set up logs as they say. Raises Misconfigured."""
    settings = load_settings()
    configure_logs(settings.log)
    return settings


@dataclass(frozen=True, slots=True)
class Core:
    """The parts of a running core that the console and the platforms use.

    `warming` is done once models answer without loading anything first.
    """

    actions: Actions
    supervisor: RunSupervisor
    budgets: Budgets
    warming: asyncio.Task[None]


@asynccontextmanager
async def build_core(
    settings: Settings,
    supply: Provision,
    store: SqlStore,
    trace: Trace,
    budget: Callable[[str, float], Budget],
    *,
    vote_s: float = 0.0,
    tell_operator: Callable[[str], None] | None = None,
    pipelines: Mapping[str, str] = MappingProxyType({}),
) -> AsyncIterator[Core]:
    """Build the core and yield it; litellm loads in a thread meanwhile.

    `budget` makes a budget of its name and the loop's time at the start. `tell_operator` is None where the person
    here is the operator. `pipelines` (name → TOML) may be run besides those that come with Moot.
    """
    found = resolve_searcher(settings.search, supply.models)
    known = with_searcher(supply.models, found)
    speaker = Speaker(
        known,
        settings.deadlines,
        settings.retries,
        answer_chars=settings.limits.answer_chars,
        shelf=store,
        pictures=store,
        ledger=Ledger(store, settings.money.caps(), settings.money.fallback_price(), time.time),
    )
    budgets = Budgets(budget, asyncio.get_running_loop().time())
    warming = asyncio.create_task(speaker.warm_up())
    try:
        async with AsyncExitStack() as stack:
            note = stack.enter_context(open_note(settings.storage.path))
            watchdog = stack.enter_context(Watchdog(note))
            scheduler = await stack.enter_async_context(Scheduler(budgets))
            supervisor = await stack.enter_async_context(
                RunSupervisor(
                    store=store,
                    speaker=speaker,
                    scheduler=scheduler,
                    clock=time.time,
                    trace=trace,
                    owner=f"{socket.gethostname()}:{os.getpid()}",
                    tell_operator=tell_operator,
                    restart=settings.restart,
                    watch=watchdog.watch,
                )
            )
            if watchdog.died_in:
                await count_death(store, watchdog.died_in)
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
            )
            actions = Actions(
                services,
                resolver,
                store=store,
                supervisor=supervisor,
                clock=time.time,
                pictures=store,
                allowance=Allowance(store, settings.money.caps(), time.time),
            )
            yield Core(actions, supervisor, budgets, warming)
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
