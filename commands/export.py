"""A run as one file, in the form that a person chooses."""

from __future__ import annotations

from typing import Literal, assert_never

from bot.actions.actions import Actions
from bot.actions.permissions import Person
from bot.records.markdown_file import render_markdown
from bot.records.record import write_record

ExportForm = Literal["md", "json", "html", "card"]


async def export_run(actions: Actions, run: str, by: Person, form: ExportForm = "md") -> tuple[str, str | bytes]:
    """Return the name of the file, and its text or picture. Raises Refused."""
    match form:
        case "card":
            return f"moot-{run}.png", await actions.records.draw_card(run, by)
        case "json":
            text = write_record(await actions.records.read(run, by))
        case "html":
            text = await actions.records.draw_page(run, by)
        case "md":
            text = render_markdown(await actions.read_run(run, by), await actions.read_thread(run, by))
        case _ as never:
            assert_never(never)
    return f"moot-{run}.{form}", text
