"""`moot try`, `moot summarise` and `moot resume`: one run in the terminal, shown to its end."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from types import MappingProxyType

from rich.console import Console
from rich.prompt import Prompt

from adapters.terminal.options import read_options
from adapters.terminal.session import hold_session, is_attended, resume_session
from adapters.terminal.surface import terminal_budget
from bot.cli.console import CleanConsole, NotShown
from bot.cli.core import Core, Observers, build_core, load_configuration
from bot.cli.exit import FAILED, OK, complain
from bot.cli.provision import USUAL_SEATS, ChooseModels, Provision, provide_models
from bot.cli.records import read_stored_run
from bot.domain.transcript import Transcript
from bot.engine.trace import EventsFile, NoTrace
from bot.errors import Misconfigured, Refused
from bot.models.catalogue import Model
from bot.settings.settings import Settings
from commands.command import Command, RunOptions, StartOptions
from commands.summarise import COMMAND as SUMMARISE
from commands.summarise import SummariseOptions
from storage import open_store
from storage.errors import InUse

ATTENDED_VOTE_S = 86_400.0  # whoever sits in front of it closes the vote by leaving


async def try_once(format: str, typed: Mapping[str, str], events: Path | None = None) -> int:
    """Run a format once in the terminal.

    `typed` holds the options of its command as they were typed. Where `events` is given, what happens is written
    there, one JSON object a line.
    """
    settings = load_configuration()
    command, options = read_options(format, typed)
    pipelines = _read_pipeline_file(typed.get("pipeline", ""))
    return await _run_in_terminal(settings, command, options, options.panel or None, events, pipelines)


async def summarise_once(run: str) -> int:
    """Let the model of a run's chair summarise what has been said in it so far."""
    return await _run_in_terminal(load_configuration(), SUMMARISE, SummariseOptions(run=run), None)


async def resume_once(run: str) -> int:
    """Go on with a run of the terminal that was cut off. Raises Refused where there is nothing to go on with."""
    settings = load_configuration()
    try:
        async with open_store(settings.storage.location, clock=time.time) as store:
            _require_cut_off(await read_stored_run(store, run), run)
    except InUse as error:
        raise Refused(
            f"A bot runs on this database (pid {error.pid}): stop it, then `moot resume {run}` again."
        ) from error

    async def go_on(core: Core, supply: Provision, console: Console) -> Transcript:
        return await resume_session(core.actions, run, console)

    return await _hold_in_terminal(settings, go_on, None)


def _require_cut_off(t: Transcript, run: str) -> None:
    """Raise Refused unless the run was cut off in a terminal."""
    if t.is_over:
        raise Refused(f"Run {run} is over: `moot show {run}` prints it.")
    if t.started.server:
        raise Refused(f"Run {run} stands on a platform, where its people are: `moot run` goes on with it there.")


async def _run_in_terminal(
    settings: Settings,
    command: Command,
    options: StartOptions,
    panel: str | None,
    events: Path | None = None,
    pipelines: Mapping[str, str] = MappingProxyType({}),
) -> int:
    """Give a command that starts a run to a core of its own, and show the run to its end."""

    async def start(core: Core, supply: Provision, console: Console) -> Transcript:
        seated = options.model_copy(update={"panel": supply.panel}) if isinstance(options, RunOptions) else options
        return await hold_session(core.actions, command, seated, console)

    return await _hold_in_terminal(settings, start, panel, events, pipelines)


async def _hold_in_terminal(
    settings: Settings,
    hold: Callable[[Core, Provision, Console], Awaitable[Transcript]],
    panel: str | None,
    events: Path | None = None,
    pipelines: Mapping[str, str] = MappingProxyType({}),
) -> int:
    """Let a run be held by a core of its own, and say how it ended."""
    console = CleanConsole()
    vote_s = ATTENDED_VOTE_S if is_attended(console) else 0.0
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(settings.storage.location, clock=time.time))
        supply = await stack.enter_async_context(provide_models(settings, panel, _make_model_choice(console)))
        trace = stack.enter_context(_open_events_file(events)) if events else NoTrace()
        if supply.note:
            console.print(supply.note, style="dim", markup=False)
        core = await stack.enter_async_context(
            build_core(settings, supply, store, Observers(trace), terminal_budget, vote_s=vote_s, pipelines=pipelines)
        )
        transcript = await hold(core, supply, console)
    if console.failure:
        raise NotShown(f"The run is kept (`moot runs`), but the output cannot be written: {console.failure}.")
    if transcript.set_aside:
        return complain(transcript.set_aside.why, FAILED)
    if transcript.finished is None or transcript.finished.outcome == "failed":
        return complain("The run failed: no seat could answer. The reasons stand above.", FAILED)
    return OK


def _open_events_file(path: Path) -> EventsFile:
    try:
        return EventsFile(path)
    except OSError as error:
        raise Misconfigured(f"--events {path}: cannot be written: {error.strerror}.") from error


def _read_pipeline_file(pipeline: str) -> Mapping[str, str]:
    """Read a pipeline that is given as a TOML file: its name → its text; empty for any other name. Raises Refused."""
    if not pipeline.endswith(".toml"):
        return {}
    try:
        return {pipeline: Path(pipeline).read_text("utf-8")}
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", "it is no text")
        raise Refused(f"--pipeline {pipeline}: cannot be read: {reason}.") from error


def _make_model_choice(console: Console) -> ChooseModels:
    """Make a function that lets a person choose among the models of this machine.

    Without a keyboard it takes the first few.
    """

    def choose_models(found: Sequence[Model]) -> Sequence[Model]:
        usual = found[:USUAL_SEATS]
        if len(found) == 1 or not is_attended(console):
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

    return choose_models
