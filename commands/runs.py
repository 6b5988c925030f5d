"""The commands /moot runs, show, watch, stop, reveal, say and help."""

from __future__ import annotations

from pydantic import Field

from bot.actions.actions import Actions
from bot.errors import Refused
from commands.command import Answer, Command, Here, NoOptions, Options, Started, StartOptions, Told, option
from commands.export import export_run

LINE_CHARS = 80


class ListRunsOptions(Options):
    count: int = Field(10, ge=1, le=25, description="how many")


class KnownRunOptions(Options):
    run: str = option("", "which run; this thread's where left out", suggest="runs")


class WatchOptions(StartOptions):
    run: str = option("", "which run; this thread's where left out", suggest="runs")


class SayOptions(Options):
    text: str = Field(description="what everyone is told from their next turn on")
    run: str = option("", "which run; this thread's where left out", suggest="runs")


async def _runs(actions: Actions, options: ListRunsOptions, here: Here) -> Answer:
    rows = await actions.list_runs(here.by, options.count, here.may_see)
    lines = [f"- `{r.run}` {r.format}, {r.outcome or 'open'}: {_shorten(r.question)}" for r in rows]
    return Told("\n".join(lines) or "There are no runs yet: try `/council`.")


async def _show(actions: Actions, options: KnownRunOptions, here: Here) -> Answer:
    run = choose_run(options.run, here)
    return Told(f"Run `{run}`, as it reads now:", await export_run(actions, run, here.by))


async def _watch(actions: Actions, options: WatchOptions, here: Here) -> Answer:
    if not options.run:
        raise Refused("Which run? `/moot runs` lists them.")
    await actions.watch_run(options.run, here.by, here.open_surface)
    return Started(options.run)


async def _stop(actions: Actions, options: KnownRunOptions, here: Here) -> Answer:
    return Told(await actions.stop_run(choose_run(options.run, here), here.by))


async def _reveal(actions: Actions, options: KnownRunOptions, here: Here) -> Answer:
    return Told(await actions.reveal_answers(choose_run(options.run, here), here.by))


async def _say(actions: Actions, options: SayOptions, here: Here) -> Answer:
    return Told(await actions.add_remark(choose_run(options.run, here), options.text, here.by))


async def _help(actions: Actions, options: NoOptions, here: Here) -> Answer:
    models = ", ".join(f"{key} ({model.name})" for key, model in actions.services.models.items())
    return Told(
        "Ask with `/council`, `/debate` or `/compare`: a thread opens, every model speaks in a message of its own.\n"
        "- Skip a turn with its button or ⏭️, vote with 👍 or the buttons at the end, stop with 🛑.\n"
        "- Say something to all with `/moot say`, or by mentioning me in the thread.\n"
        "- `/moot pipeline list` shows work in steps, `/moot summarise` tells what has been said so far.\n"
        "- `/moot panel list` shows who can sit at a table, `/moot runs` what has been asked.\n\n"
        f"Models: {models or 'none are configured yet'}."
    )


def choose_run(named: str, here: Here) -> str:
    """Return the run that a person names, or else that of their thread. Raises Refused where there is neither.

    Whether they may see it, and act on it, is checked by what is then done with it.
    """
    if not (named or here.run):
        raise Refused("Which run? Use this in its thread, or name it: `/moot runs` lists them.")
    return named or here.run


def _shorten(question: str) -> str:
    line = " ".join(question.split())
    return line if len(line) <= LINE_CHARS else f"{line[: LINE_CHARS - 1]}…"


COMMANDS = (
    Command(("moot", "runs"), "What has been asked here, newest first.", ListRunsOptions, _runs),
    Command(("moot", "show"), "A run as it reads now.", KnownRunOptions, _show),
    Command(
        ("moot", "watch"), "Show a run that goes on elsewhere here as well.", WatchOptions, _watch, takes_text=True
    ),
    Command(("moot", "stop"), "End a run, keeping what is there.", KnownRunOptions, _stop),
    Command(("moot", "reveal"), "Show what is said in a run and hidden.", KnownRunOptions, _reveal),
    Command(("moot", "say"), "Tell everyone at the table something.", SayOptions, _say, takes_text=True),
    Command(("moot", "help"), "What can be done here.", NoOptions, _help),
)
