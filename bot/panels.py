"""From a panel's settings to the panel of a run: models looked up, personas resolved, seats named apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches

from bot.errors import Refused
from bot.formats.personas import resolve as persona_text
from bot.models.catalogue import Model
from bot.settings import PanelSettings, SeatSettings
from bot.transcript import Panel, Seat


def choose(name: str, panels: Mapping[str, PanelSettings]) -> PanelSettings:
    """The panel of that name, or Refused naming the near ones."""
    if name in panels:
        return panels[name]
    raise Refused(f"There is no panel “{name}”. {near(name, list(panels), 'panels')}")


def near(word: str, known: Sequence[str], what: str) -> str:
    close = get_close_matches(word, known, n=3)
    listed = close or list(known)[:8]
    if not listed:
        return f"No {what} are configured yet."
    return f"{'Did you mean' if close else f'The {what} are'} {', '.join(listed)}{'?' if close else '.'}"


def seat_panel(settings: PanelSettings, models: Mapping[str, Model]) -> Panel:
    """Raises Refused when a seat's model is not in the catalogue."""
    seats = _named_apart([_seat(s, models) for s in settings.seats])
    chair = settings.chair or settings.seats[0].model
    judge = settings.judge or chair
    return Panel(
        tuple(seats),
        replace(_seat(SeatSettings(model=chair), models), key="chair"),
        replace(_seat(SeatSettings(model=judge), models), key="judge"),
    )


def _seat(table: SeatSettings, models: Mapping[str, Model]) -> Seat:
    model = models.get(table.model)
    if model is None:
        raise Refused(f"There is no model “{table.model}”. {near(table.model, list(models), 'models')}")
    name = table.name or model.name + (f" ({table.persona})" if 0 < len(table.persona) <= 20 else "")
    return Seat(
        key=model.key,
        model=model.key,
        name=name,
        persona=persona_text(table.persona),
        temperature=table.temperature if table.temperature is not None else model.temperature,
        max_tokens=table.max_tokens or model.max_tokens,
        window=model.window,
        price=model.price,
    )


def _named_apart(seats: Sequence[Seat]) -> list[Seat]:
    """Seats of the same model are told apart: "Claude", "Claude 2"; keys likewise."""
    apart: list[Seat] = []
    for seat in seats:
        same = sum(s.model == seat.model for s in apart)
        name, n = seat.name, 2
        while any(s.name == name for s in apart):
            name, n = f"{seat.name} {n}", n + 1
        apart.append(replace(seat, key=seat.key if same == 0 else f"{seat.key}:{same + 1}", name=name))
    return apart
