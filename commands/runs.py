"""The commands /moot runs, show, export, watch, stop, reveal and say."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal
from urllib.parse import parse_qsl, urlencode

from pydantic import Field

from bot.actions.actions import Actions
from bot.actions.permissions import Person
from bot.domain.controls import Control, QueryRef, Target
from bot.errors import Refused
from bot.ports.store import RunFilter, RunRow, RunState
from commands.command import (
    Answer,
    Command,
    DataTable,
    Here,
    NoOptions,
    Offered,
    Options,
    Started,
    StartOptions,
    Told,
    option,
)
from commands.export import ExportForm, export_run

LINE_CHARS = 56  # of a question: a page is one message of Discord, of 2,000
CELL_CHARS = 200  # of a question in a table; Slack takes 10,000 characters in all
PAGE_RUNS = 20
MAX_PAGES = 10
NEWER, OLDER = Control("page", "Newer"), Control("page", "Older")
KEPT_CHARS = 80  # of a button's id, which has 100 on Discord

ListedFormat = Literal["council", "debate", "compare", "pipeline", "summary"]


class ListRunsOptions(Options):
    words: str = option("", "words that stand in the question, an answer or a remark")
    person: str = option("", "who asked: me, a mention or an id")
    format: ListedFormat | None = option(None, "of one format")
    panel: str = option("", "whose runs name this panel", suggest="panels")
    state: RunState | None = option(None, "that go on, are over, have failed, or are archived")
    page: int = Field(1, ge=1, le=MAX_PAGES, description="of twenty runs each, the newest first")


class KnownRunOptions(Options):
    run: str = option("", "which run; this thread's where left out", suggest="runs")


class ExportOptions(KnownRunOptions):
    format: ExportForm = option("md", "md or html to read, card to share, json to keep or to bring it to another Moot")


class WatchOptions(StartOptions):
    run: str = option("", "which run; this thread's where left out", suggest="runs")


class SayOptions(Options):
    text: str = Field(description="what to tell the models; they read it in their next turn")
    run: str = option("", "which run; this thread's where left out", suggest="runs")


async def _runs(actions: Actions, options: ListRunsOptions, here: Here) -> Answer:
    wanted = _make_filter(options, here.by)
    rows = await actions.list_runs(here.by, PAGE_RUNS + 1, here.may_see, wanted)
    if rows:
        return _offer_pages(rows[:PAGE_RUNS], options, has_older=len(rows) > PAGE_RUNS)
    if options.model_fields_set:
        return Told("No run here is like that. Words are looked for whole, all of them in one run; leave some out.")
    return Told("There are no runs yet: try `/council`.")


def _offer_pages(rows: Sequence[RunRow], options: ListRunsOptions, *, has_older: bool) -> Answer:
    """Return a page with buttons to its neighbours; where they cannot keep what was typed, it says how to go on."""
    text = "\n".join(
        f"- `{r.run}` {r.format}, {r.outcome or 'open'}: {shorten_line(r.title, LINE_CHARS)}" for r in rows
    )
    tables = [_make_table(rows)]
    beside = [(NEWER, options.page - 1), (OLDER, options.page + 1 if has_older else 0)]
    buttons = [replace(button, about=_refer(options, page)) for button, page in beside if 1 <= page <= MAX_PAGES]
    if any(len(button.about.query) > KEPT_CHARS for button in buttons if isinstance(button.about, QueryRef)):
        how = f"Older ones: the same with page {options.page + 1}." if has_older else ""
        return Told(f"{text}\n\n{how}".strip(), lead=how, tables=tables)
    return Offered(text, buttons, tables=tables) if buttons else Told(text, tables=tables)


def _make_table(rows: Sequence[RunRow]) -> DataTable:
    lines = [[r.run, r.format, r.outcome or "open", shorten_line(r.title, CELL_CHARS)] for r in rows]
    return DataTable("Runs, newest first", [["run", "format", "outcome", "name or question"], *lines])


def _refer(options: ListRunsOptions, page: int) -> QueryRef:
    typed = options.model_copy(update={"page": page}).model_dump(exclude_defaults=True)
    return QueryRef(urlencode(typed))


async def turn_page(actions: Actions, target: Target, options: NoOptions, here: Here) -> Answer:
    """Answer with another page, as far as whoever has pressed may see it."""
    answer = await _runs(actions, ListRunsOptions.model_validate(dict(parse_qsl(target.query))), here)
    return replace(answer, in_place=True) if isinstance(answer, Offered | Told) else answer


def _make_filter(options: ListRunsOptions, by: Person) -> RunFilter:
    """Return what is wanted; in a channel its own runs, unless the person manages the whole server."""
    return RunFilter(
        by=_read_person(options.person, by),
        format=options.format or "",
        state=options.state or "",
        channel="" if by.may_set_up or by.is_direct else by.channel,
        words=options.words,
        skip=(options.page - 1) * PAGE_RUNS,
        panel=options.panel,
        listed=True,
    )


def _read_person(named: str, by: Person) -> str:
    """Return the key of who is named by a mention or an id, as the platform writes them, or by "me"."""
    if named.strip().casefold() == "me":
        return by.key
    place, colon, _ = by.key.rpartition(":")  # the platform, on Slack with the workspace
    number = named.strip().strip("<>@!").partition("|")[0]
    return f"{place}{colon}{number}" if number else ""


async def _show(actions: Actions, options: KnownRunOptions, here: Here) -> Answer:
    run = choose_run(options.run, here)
    return Told(f"Run `{run}`, as it reads now:", await export_run(actions, run, here.by))


async def _export(actions: Actions, options: ExportOptions, here: Here) -> Answer:
    run = choose_run(options.run, here)
    return Told(f"Run `{run}` as a file:", await export_run(actions, run, here.by, options.format))


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


def choose_run(named: str, here: Here) -> str:
    """Return the run that a person names, or else that of their thread. Raises Refused where there is neither.

    Whether they may see it, and act on it, is checked by what is then done with it.
    """
    if not (named or here.run):
        raise Refused("Which run? Use this in its thread, or name it: `/moot runs` lists them.")
    return named or here.run


def shorten_line(text: str, most: int) -> str:
    """Return a text in one line of at most so many characters."""
    line = " ".join(text.split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


COMMANDS = (
    Command(("moot", "runs"), "What has been asked here, newest first.", ListRunsOptions, _runs),
    Command(("moot", "show"), "A run as it reads now.", KnownRunOptions, _show),
    Command(("moot", "export"), "A run as a file, to keep or to hand on.", ExportOptions, _export),
    Command(
        ("moot", "watch"), "Show a run that goes on elsewhere here as well.", WatchOptions, _watch, takes_text=True
    ),
    Command(("moot", "stop"), "End a run, keeping what is there.", KnownRunOptions, _stop),
    Command(("moot", "reveal"), "Show what is said in a run and hidden.", KnownRunOptions, _reveal),
    Command(("moot", "say"), "Tell everyone at the table something.", SayOptions, _say, takes_text=True),
)
