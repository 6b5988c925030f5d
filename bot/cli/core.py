"""Where the parts are put together: one function a command, each returning its exit status."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import Any

from dotenv import load_dotenv
from rich.console import Console
from rich.prompt import Prompt

from adapters.terminal.options import read_options as options_of
from adapters.terminal.session import hold_session
from adapters.terminal.surface import terminal_budget as terminal_budget
from bot.actions.actions import Actions
from bot.actions.panels import PanelBook
from bot.actions.pipelines import PipelineBook
from bot.actions.resolver import RequestResolver
from bot.actions.services import Services
from bot.cli import logs, tables
from bot.cli.provision import USUAL_SEATS, ChooseModels, Provision, provide_models
from bot.domain.facts import RunStarted
from bot.engine.conductor import AWAY
from bot.engine.supervisor import RunSupervisor
from bot.engine.thread import replay_thread
from bot.engine.trace import EventsFile, NoTrace
from bot.errors import Misconfigured, Refused, StoreFailed
from bot.formats import FORMATS
from bot.live.budget import Budget, Budgets
from bot.live.schedule import Scheduler
from bot.models import listing
from bot.models.catalogue import Model, has_key, key_state, resolve_models
from bot.models.errors import ProviderError
from bot.models.search import resolve_searcher, with_searcher
from bot.models.speak import Speaker
from bot.ports import Trace
from bot.prompts import load_packaged, load_prompts
from bot.settings import Settings, load_settings
from commands.command import Command, RunOptions, StartOptions
from commands.summarise import COMMAND as SUMMARISE
from commands.summarise import SummariseOptions
from storage import SqlStore, open_store

OK, FAILED, UNUSABLE, INTERRUPTED = 0, 1, 2, 130


def run_guarded(command: Coroutine[Any, Any, int]) -> int:
    """Run a command; errors that people can mend become one clear message on standard error.

    Providers' keys may stand in .env as well: litellm looks for its own in the environment.
    """
    load_dotenv(".env")
    try:
        return asyncio.run(command)
    except Misconfigured as error:
        return complain(str(error), UNUSABLE)
    except (Refused, StoreFailed, ProviderError) as error:
        return complain(str(error), FAILED)
    except (KeyboardInterrupt, asyncio.CancelledError):
        return complain("Left at once.", INTERRUPTED)


def complain(text: str, status: int) -> int:
    print(text, file=sys.stderr)
    return status


async def try_once(format: str, given: Mapping[str, str], events: Path | None = None) -> int:
    """One run in the terminal; `given`: the options of its command as they were typed."""
    settings = load_configuration()
    command, options = options_of(format, given)
    written = _read_pipeline(given.get("pipeline", ""))
    return await _show_start(settings, command, options, options.panel or None, events, written)


async def summarise_run(run: str) -> int:
    """What has been said in a run, told by its chair's model."""
    return await _show_start(load_configuration(), SUMMARISE, SummariseOptions(run=run), None)


async def _show_start(
    settings: Settings,
    command: Command,
    options: StartOptions,
    panel: str | None,
    events: Path | None = None,
    pipelines: Mapping[str, str] = MappingProxyType({}),
) -> int:
    """A command that starts a run, shown to the run's end."""
    console = Console()
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(settings.storage.path, clock=time.time))
        supply = await stack.enter_async_context(provide_models(settings, panel, _make_choice(console)))
        trace = stack.enter_context(_open_events(events)) if events else NoTrace()
        if supply.note:
            console.print(supply.note, style="dim", markup=False)
        core = await stack.enter_async_context(
            build_core(settings, supply, store, trace, terminal_budget, pipelines=pipelines)
        )
        seated = options.model_copy(update={"panel": supply.panel}) if isinstance(options, RunOptions) else options
        transcript = await hold_session(core.actions, command, seated, console)
    if transcript.finished is None or transcript.finished.outcome == "failed":
        return complain("The run failed: no seat could answer. The reasons stand above.", FAILED)
    return OK


@dataclass(frozen=True, slots=True)
class Core:
    """The core, put together. `warming` is over once models can be asked at once."""

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
    """litellm loads in a thread meanwhile. `tell_operator` None: whoever is here is the operator. `pipelines`: name →
    TOML of those that may be run besides the ones that come with Moot."""
    found = resolve_searcher(settings.search, supply.models)
    known = with_searcher(supply.models, found)
    speaker = Speaker(known, settings.deadlines, settings.retries, answer_chars=settings.limits.answer_chars)
    owner = f"{socket.gethostname()}:{os.getpid()}"
    budgets = Budgets(budget, asyncio.get_running_loop().time())
    warming = asyncio.create_task(speaker.warm_up())
    try:
        async with (
            Scheduler(budgets) as scheduler,
            RunSupervisor(
                store=store,
                speaker=speaker,
                scheduler=scheduler,
                clock=time.time,
                trace=trace,
                owner=owner,
                tell_operator=tell_operator,
                restart=settings.restart,
            ) as hall,
        ):
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
            )
            actions = Actions(services, resolver, store=store, supervisor=hall, clock=time.time)
            yield Core(actions, hall, budgets, warming)
    finally:
        await asyncio.wait([warming])
        await speaker.aclose()


def _explain_absence(tell_operator: Callable[[str], None] | None, model: Model) -> str | None:
    """What people read of a model that has no key: the reason where they can mend it, else that it is away."""
    if has_key(model):
        return None
    if tell_operator is None:
        return key_state(model)
    tell_operator(f"{model.name} cannot be asked: {key_state(model)}.")
    return AWAY


def load_configuration() -> Settings:
    settings = load_settings()
    logs.configure_logs(settings.log)
    return settings


def _open_events(path: Path) -> EventsFile:
    try:
        return EventsFile(path)
    except OSError as error:
        raise Misconfigured(f"--events {path}: cannot be written: {error.strerror}.") from error


def _read_pipeline(pipeline: str) -> Mapping[str, str]:
    """A pipeline that is named by its file, under that name; else none. Raises Refused."""
    if not pipeline.endswith(".toml"):
        return {}
    try:
        return {pipeline: Path(pipeline).read_text("utf-8")}
    except (OSError, UnicodeDecodeError) as error:
        raise Refused(
            f"--pipeline {pipeline}: cannot be read: {getattr(error, 'strerror', 'it is no text')}."
        ) from error


def _make_choice(console: Console) -> ChooseModels:
    """Offer what was found on this machine; without a keyboard the first few are taken."""

    def choose(found: Sequence[Model]) -> Sequence[Model]:
        usual = found[:USUAL_SEATS]
        if len(found) == 1 or not (console.is_terminal and sys.stdin.isatty()):
            return usual
        console.print("Found on this machine:")
        for number, model in enumerate(found, 1):
            console.print(f"  {number}  {model.name}  ({model.provider})", markup=False, highlight=False)
        while True:
            answer = Prompt.ask("Who sits at the table?", default=",".join(str(n + 1) for n in range(len(usual))))
            picked = [int(n) for n in answer.replace(",", " ").split() if n.isdecimal()]
            if picked and all(1 <= n <= len(found) for n in picked):
                return [found[n - 1] for n in dict.fromkeys(picked)]
            console.print(f"Numbers from 1 to {len(found)}, with commas between them.")

    return choose


async def show_models(available: bool) -> int:
    """The catalogue, and what providers offer."""
    settings, console = load_configuration(), Console()
    models = resolve_models(settings.models)
    if not models:
        console.print("No models are configured: copy moot.example.toml to moot.toml and name yours.")
        return OK
    console.print(tables.render_catalogue(listing.list_configured(models.values())))
    if not available:
        return OK
    status = OK
    for provider, model in {m.provider: m for m in models.values()}.items():
        try:
            names = await listing.fetch_available(model)
        except ProviderError as error:
            status = complain(f"{provider}: {error.text}.", FAILED)
        else:
            console.print(f"{provider}: {', '.join(names) or 'nothing'}", markup=False, soft_wrap=True)
    return status


async def show_runs() -> int:
    settings, rows = load_configuration(), []
    if settings.storage.path.exists():
        async with open_store(settings.storage.path, clock=time.time, read_only=True) as store:
            rows = await store.runs()
    Console().print(tables.render_runs(rows) if rows else "There are no runs yet.")
    return OK


async def show_run(run: str) -> int:
    settings = load_configuration()
    async with open_store(settings.storage.path, clock=time.time, read_only=True) as store:
        entries = await store.read(run)
    if not entries or not isinstance(entries[0].fact, RunStarted):
        raise Refused(f"There is no run “{run}”. `moot runs` lists them.")
    start = entries[0].fact
    Console().print(tables.render_thread(start.question, replay_thread(entries, FORMATS[start.format], time.time())))
    return OK
