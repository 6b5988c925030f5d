"""`moot models`, `moot runs`, `moot cost` and `moot show`: the catalogue, runs, what they cost, a thread again."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager, suppress
from dataclasses import replace

from rich.markdown import Markdown

from bot.cli.console import CleanConsole
from bot.cli.core import load_configuration
from bot.cli.exit import FAILED, OK, complain
from bot.cli.records import read_stored_run
from bot.cli.tables import render_catalogue, render_costs, render_runs, render_thread
from bot.domain.transcript import Transcript
from bot.engine.thread import Post, current_plan, replay_thread
from bot.errors import Misconfigured, Refused, StoreFailed
from bot.formats import FORMATS
from bot.models import listing
from bot.models.catalogue import resolve_models
from bot.models.errors import ProviderError
from bot.models.parameters import Habits, read_habits
from bot.ports.store import RunFilter, is_state, last_texts
from commands.cost import render_run_costs
from storage import SqlStore, open_store
from storage.locations import may_hold_store

PAGE_RUNS = 20
UNFINISHED = "not finished; this is what it had shown last"


async def show_models(available: bool) -> int:
    """Print the catalogue; with `available`, also ask each provider for the names of its models."""
    settings, console = load_configuration(), CleanConsole()
    models = resolve_models(settings.models)
    if not models:
        console.print("No models are configured: copy moot.example.toml to moot.toml and name yours.")
        return OK
    habits: Mapping[str, Habits] = {}
    if may_hold_store(settings.storage.location):
        with suppress(Misconfigured, StoreFailed):  # the catalogue is told without
            async with open_store(settings.storage.location, clock=time.time, read_only=True) as store:
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


async def show_runs(
    words: str = "", person: str = "", format: str = "", state: str = "", panel: str = "", page: int = 1
) -> int:
    """Print a page of the runs that are wanted, newest first. Raises Refused."""
    if not is_state(state):
        raise Refused(f"“{state}” is no state: open, over, failed or archived.")
    wanted = RunFilter(person, format, state, words=words, skip=(page - 1) * PAGE_RUNS, panel=panel, listed=True)
    settings, rows = load_configuration(), []
    if may_hold_store(settings.storage.location):
        async with open_store(settings.storage.location, clock=time.time, read_only=True) as store:
            rows = await store.runs(PAGE_RUNS, None, wanted)
    none = "There are no runs yet." if wanted == RunFilter(listed=True) else "No run is like that."
    CleanConsole().print(render_runs(rows) if rows else none)
    return OK


async def show_costs(days: int) -> int:
    """Print what the latest days have cost, in all servers together."""
    settings, console = load_configuration(), CleanConsole()
    if not may_hold_store(settings.storage.location):
        console.print("Nothing has been asked yet.")
        return OK
    async with open_store(settings.storage.location, clock=time.time, read_only=True) as store:
        for key in ("day", "model", "format", "person"):
            console.print(render_costs(key, await store.costs(key, time.time() - days * 86_400.0)))
    return OK


async def show_run_costs(run: str) -> int:
    """Print what each seat and stage of a run has cost. Raises Refused where there is no such run."""
    CleanConsole().print(Markdown(render_run_costs(await _read_run(run))))
    return OK


async def show_run(run: str) -> int:
    """Print the thread of a run as people read it. Raises Refused where there is no such run."""
    async with _open_reader() as store:
        t, shown = await read_stored_run(store, run), last_texts(await store.snapshots(run))
    form, now = FORMATS[t.started.format], time.time()
    hidden = current_plan(t, form, now).hidden_lanes
    visible = {turn.lane: text for turn, text in shown.items() if turn.lane not in hidden}  # of a lane the latest ask
    posts = [_fill_open(post, visible.get(post.lane, "")) for post in replay_thread(t.entries, form, now)]
    CleanConsole().print(render_thread(t.started.question, posts))
    return OK


def _fill_open(post: Post, shown: str) -> Post:
    """Return the post of a turn that has no end yet with what it had shown, as a crash may have cut it off."""
    return replace(post, text=shown, footer=UNFINISHED) if post.text is None and shown else post


async def _read_run(run: str) -> Transcript:
    async with _open_reader() as store:
        return await read_stored_run(store, run)


def _open_reader() -> AbstractAsyncContextManager[SqlStore]:
    return open_store(load_configuration().storage.location, clock=time.time, read_only=True)
