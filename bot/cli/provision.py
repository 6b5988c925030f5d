"""The models and panels that a process starts with: those configured, or those that this machine offers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bot.errors import Refused
from bot.formats.personas import LIBRARY
from bot.models import embedded, local
from bot.models.catalogue import Model, resolve_models
from bot.settings.settings import PanelSettings, SeatSettings, Settings

EMBEDDED = "embedded"  # the name of the panel that needs no key and no server
USUAL_SEATS = 3

NOTHING = """There is no model to ask. Any one of these helps:
- copy moot.example.toml to moot.toml and name the models you have keys for;
- start Ollama (127.0.0.1:11434), LM Studio (:1234) or llama.cpp's server (:8080) on this machine;
- `make demo` installs a small model that runs here without any key."""

ChooseModels = Callable[[Sequence[Model]], Sequence[Model]]


@dataclass(frozen=True, slots=True)
class Provision:
    """Models and panels to start from.

    `panel` is the key of the panel to take, `note` what a person should know of it.
    """

    models: Mapping[str, Model]
    panels: Mapping[str, PanelSettings]
    panel: str
    note: str = ""


@asynccontextmanager
async def provide_models(settings: Settings, panel: str | None, choose: ChooseModels) -> AsyncIterator[Provision]:
    """Provide what is configured, else models that run on this machine, else the embedded model. Raises Refused.

    `choose` picks among the models that are found on this machine. The embedded model's server lives as long as the
    context.
    """
    if panel == EMBEDDED:
        async with _run_embedded() as found:
            yield found
    elif settings.models:
        yield read_configured(settings, panel)
    elif panel:
        raise Refused(f"There is no panel “{panel}”: nothing is configured here. Leave it out, or take “{EMBEDDED}”.")
    elif found_here := [m for server in await local.discover_servers() for m in server.models]:
        yield _seat_models("local", choose(found_here), "on this machine")
    elif embedded.is_installed():
        async with _run_embedded() as found:
            yield found
    else:
        raise Refused(NOTHING)


def read_configured(settings: Settings, panel: str | None) -> Provision:
    """Return the models that are configured, and their panels, with one of all where none is written."""
    panels = dict(settings.panels)
    if not panels:
        panels["default"] = PanelSettings(seats=[SeatSettings(model=key) for key in settings.models][:USUAL_SEATS])
    usual = "default" if "default" in panels else next(iter(panels))
    return Provision(resolve_models(settings.models), panels, panel or usual)


@asynccontextmanager
async def _run_embedded() -> AsyncIterator[Provision]:
    if not embedded.is_installed():
        raise Refused("The embedded model is not installed. `make demo` installs and runs it.")
    async with embedded.embedded_server(USUAL_SEATS) as base_url:
        note = "a small model in this machine; it shows that the machinery works, and is no source of advice"
        yield _seat_models(EMBEDDED, embedded.panel_models(base_url, USUAL_SEATS), note)


def _seat_models(panel: str, models: Sequence[Model], note: str) -> Provision:
    """Seat each model once at a panel of that name; a single model takes three seats with a persona each."""
    if len(models) == 1:
        seats = [SeatSettings(model=models[0].key, persona=p, name=p.capitalize()) for p in list(LIBRARY)[:USUAL_SEATS]]
    else:
        seats = [SeatSettings(model=m.key) for m in models]
    names = ", ".join(m.name for m in models)
    note = f"{names}: {note}" + (f". One model, so {len(seats)} personas of it." if len(models) == 1 else ".")
    return Provision({m.key: m for m in models}, {panel: PanelSettings(seats=seats)}, panel, note)
