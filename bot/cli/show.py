"""`moot models`, `moot runs`, `moot cost` and `moot show`: the catalogue, runs, what they cost, a thread again."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import suppress

from bot.cli.console import CleanConsole
from bot.cli.core import load_configuration
from bot.cli.exit import FAILED, OK, complain
from bot.cli.tables import render_catalogue, render_costs, render_runs, render_thread
from bot.domain.facts import RunStarted
from bot.engine.thread import replay_thread
from bot.errors import Misconfigured, Refused, StoreFailed
from bot.formats import FORMATS
from bot.models import listing
from bot.models.catalogue import resolve_models
from bot.models.errors import ProviderError
from bot.models.parameters import Habits, read_habits
from storage import open_store


async def show_models(available: bool) -> int:
    """Print the catalogue; with `available`, also ask each provider for the names of its models."""
    settings, console = load_configuration(), CleanConsole()
    models = resolve_models(settings.models)
    if not models:
        console.print("No models are configured: copy moot.example.toml to moot.toml and name yours.")
        return OK
    habits: Mapping[str, Habits] = {}
    if settings.storage.path.exists():
        with suppress(Misconfigured, StoreFailed):  # the catalogue is told without
            async with open_store(settings.storage.path, clock=time.time, read_only=True) as store:
                habits = await read_habits(store)
    console.print(render_catalogue(listing.list_configured(models.values(), habits=habits)))
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
    """Print the latest runs, newest first."""
    settings, rows = load_configuration(), []
    if settings.storage.path.exists():
        async with open_store(settings.storage.path, clock=time.time, read_only=True) as store:
            rows = await store.runs()
    CleanConsole().print(render_runs(rows) if rows else "There are no runs yet.")
    return OK


async def show_costs(days: int) -> int:
    """Print what the latest days have cost, in all servers together."""
    settings, console = load_configuration(), CleanConsole()
    if not settings.storage.path.exists():
        console.print("Nothing has been asked yet.")
        return OK
    async with open_store(settings.storage.path, clock=time.time, read_only=True) as store:
        for key in ("day", "model", "format", "person"):
            console.print(render_costs(key, await store.costs(key, time.time() - days * 86_400.0)))
    return OK


async def show_run(run: str) -> int:
    """Print the thread of a run as people read it. Raises Refused where there is no such run."""
    settings = load_configuration()
    async with open_store(settings.storage.path, clock=time.time, read_only=True) as store:
        entries = await store.read(run)
    if not entries or not isinstance(entries[0].fact, RunStarted):
        raise Refused(f"There is no run “{run}”. `moot runs` lists them.")
    start = entries[0].fact
    CleanConsole().print(render_thread(start.question, replay_thread(entries, FORMATS[start.format], time.time())))
    return OK
