"""Suggestions for an option while people type."""

from __future__ import annotations

from bot.actions.actions import Actions
from bot.actions.permissions import Person
from bot.formats.personas import LIBRARY
from bot.ports import CanSee
from commands.command import MORE, Options, RunOptions, read_extra

MAX_SUGGESTIONS = 25  # platforms show no more


async def suggest_values(
    actions: Actions, options: type[Options], field: str, typed: str, by: Person, may_see: CanSee
) -> list[str]:
    """Return values that begin with or hold what was typed. In a list with commas its last part is completed."""
    source = read_extra(options, field, "suggest")
    last: list[str] = [MORE] if source == "panels" and issubclass(options, RunOptions) else []
    before, comma, part = typed.rpartition(",") if field in ("models", "personas") else ("", "", typed)
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
            known = [row.run for row in await actions.list_runs(by, MAX_SUGGESTIONS, may_see)]
        case _:
            return []
    found = [name for name in known if word in name.casefold()]
    found.sort(key=lambda name: not name.casefold().startswith(word))
    head = f"{before.strip()}, " if comma else ""
    return [head + name for name in found[: MAX_SUGGESTIONS - len(last)]] + last
