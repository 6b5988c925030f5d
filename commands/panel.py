"""The commands /moot panel …: named panels of a server, and its usual one."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from bot.actions.actions import Actions
from bot.errors import Refused
from bot.settings.settings import PanelSettings
from commands.command import Answer, Command, Here, NoOptions, Options, Told, option, read_seats

NAME = r"^[A-Za-z0-9_.:-]{1,40}$"


class PanelOptions(Options):
    name: str = Field(description="letters, digits, . _ : -", pattern=NAME)
    models: str = option(..., "the seats: models, with commas", suggest="models")
    personas: str = option("", "of the seats in turn, with commas: from the library or your words", suggest="personas")
    chair: str = option("", "the model that sums up; the first seat's where left out", suggest="models")
    judge: str = option("", "the model that decides a debate; the chair's where left out", suggest="models")


class EditOptions(PanelOptions):
    name: str = option(..., "which panel", suggest="panels")
    models: str = option("", "the seats: models, with commas; as they are where left out", suggest="models")


class UsualOptions(Options):
    name: str = option(..., "which panel", suggest="panels")
    where: Literal["channel", "server"] = Field("channel", description="where it is used when none is named")


async def _list(actions: Actions, options: NoOptions, here: Here) -> Answer:
    panels = await actions.services.panels.list_panels(here.by.server)
    usual = await actions.services.panels.find_usual(here.by.server, here.channels)
    lines = [_line(name, panel, usual=name == usual) for name, panel in panels.items()]
    return Told("\n".join(lines) or "There are no panels yet: `/moot panel create` makes one.")


async def _create(actions: Actions, options: PanelOptions, here: Here) -> Answer:
    if options.name in await actions.services.panels.list_panels(here.by.server):
        raise Refused(f"There is a panel “{options.name}” already: `/moot panel edit` changes it.")
    panel = read_seats(options.models, options.personas, options.chair, options.judge)
    if panel is None:
        raise Refused("Name at least one model; `/moot help` lists them.")
    return Told(await actions.books.save_panel(options.name, panel, here.by))


async def _edit(actions: Actions, options: EditOptions, here: Here) -> Answer:
    known = await actions.services.panels.choose_panel(options.name, here.by.server)
    models = options.models or (options.personas and ",".join(seat.model for seat in known.seats))
    new = read_seats(models, options.personas) or known
    panel = new.model_copy(update={"chair": options.chair or known.chair, "judge": options.judge or known.judge})
    return Told(await actions.books.save_panel(options.name, panel, here.by))


async def _usual(actions: Actions, options: UsualOptions, here: Here) -> Answer:
    channel = next(iter(here.channels), "") if options.where == "channel" else ""
    return Told(await actions.books.set_usual_panel(options.name, here.by, channel))


def _line(name: str, panel: PanelSettings, *, usual: bool) -> str:
    seats = ", ".join(_seat(s.model, s.persona) for s in panel.seats)
    return f"- **{name}**{' (usual here)' if usual else ''}: {seats}"


def _seat(model: str, persona: str) -> str:
    return f"{model} ({persona[:40]})" if persona else model


COMMANDS = (
    Command(("moot", "panel", "list"), "The panels that can be named here.", NoOptions, _list),
    Command(("moot", "panel", "create"), "Make a panel for this server.", PanelOptions, _create),
    Command(("moot", "panel", "edit"), "Change a panel of this server.", EditOptions, _edit),
    Command(("moot", "panel", "default"), "The panel that is used where none is named.", UsualOptions, _usual),
)
