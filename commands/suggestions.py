"""Suggestions for an option while people type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bot.actions.actions import Actions
from bot.actions.permissions import Person
from bot.formats.personas import LIBRARY
from bot.ports.store import RunFilter
from bot.ports.surface import CanSee
from commands.command import MORE, Form, Options, RunOptions, read_extra
from commands.runs import shorten_line

MAX_SUGGESTIONS = 25  # platforms show no more
RUN_CHARS = 75  # of a run's id and question, which stand in a list
LISTS = ("models", "personas")  # fields that take several values, with commas


async def suggest_values(
    actions: Actions, options: type[Options], field: str, typed: str, by: Person, may_see: CanSee
) -> list[str]:
    """Return values that begin with or hold what was typed. In a list with commas its last part is completed."""
    source = read_extra(options, field, "suggest")
    last: list[str] = [MORE] if source == "panels" and issubclass(options, RunOptions) else []
    before, comma, part = typed.rpartition(",") if field in LISTS else ("", "", typed)
    word = part.strip().casefold()
    match source:
        case "panels":
            known = list(await actions.services.panels.list_panels(by.server))
        case "models":
            known = list(actions.services.models)
        case "personas":
            known = list(LIBRARY)
        case "pipelines":
            known = list(await actions.services.pipelines.list_pipelines(by.server))
        case "runs":
            rows = await actions.list_runs(by, MAX_SUGGESTIONS, may_see, RunFilter(listed=True))
            known = [shorten_line(f"{row.run} · {row.title}", RUN_CHARS) for row in rows]
        case _:
            return []
    found = [name for name in known if word in name.casefold()]
    found.sort(key=lambda name: not name.casefold().startswith(word))
    head = f"{before.strip()}, " if comma else ""
    return [head + name for name in found[: MAX_SUGGESTIONS - len(last)]] + last


async def list_choices(actions: Actions, form: Form, by: Person, may_see: CanSee) -> Mapping[str, Sequence[str]]:
    """Return the values to choose from in a form, by field."""
    fields = [field for field in form.fields if read_extra(form.options, field, "suggest")]
    found = {field: await suggest_values(actions, form.options, field, "", by, may_see) for field in fields}
    return {field: [name for name in names if name != MORE] for field, names in found.items()} | dict(form.choices)
