"""Panels: the named ones of a server, and a panel's settings resolved into the seats of a run."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from bot.domain.run import Effort, Panel, Seat
from bot.errors import Refused
from bot.formats.personas import persona_text
from bot.models.catalogue import Model, prefix_of
from bot.models.requests import does_think
from bot.ports.store import DocumentStore
from bot.settings.settings import MAX_TEMPERATURE, PanelSettings, SeatSettings
from bot.text import did_you_mean, quote_typed

N = TypeVar("N", int, float)

DEFAULT = "default"
MAX_NAMED_PERSONA = 20  # characters; a longer persona is no part of its seat's name
WRITTEN_SEAT = re.compile(r"(?P<model>[^@]+?)(?:@(?P<temperature>[^@/]*))?(?:/(?P<tokens>\d{1,6}))?")


class PanelBook:
    """The panels of each server by name: the configured ones, and those that people made there."""

    def __init__(self, configured: Mapping[str, PanelSettings], documents: DocumentStore) -> None:
        self._configured = configured
        self._documents = documents

    def replace_configured(self, configured: Mapping[str, PanelSettings]) -> None:
        """Take other panels for the configured ones."""
        self._configured = configured

    @property
    def configured(self) -> Iterable[PanelSettings]:
        """Return the panels that the operator has set up."""
        return self._configured.values()

    async def list_panels(self, server: str) -> dict[str, PanelSettings]:
        prefix = f"panel/{server}/"
        made = await self._documents.documents(prefix)
        own = {key.removeprefix(prefix): PanelSettings.model_validate(value) for key, value in made.items()}
        return {**self._configured, **own}

    async def choose_panel(self, name: str, server: str, channels: Collection[str] = ()) -> PanelSettings:
        """Return the panel of that name; without a name, the usual one of the channel or server. Raises Refused."""
        panels = await self.list_panels(server)
        name = name or await self.find_usual(server, channels)
        if name in panels:
            return panels[name]
        raise Refused(f"There is no panel {quote_typed(name)}. {did_you_mean(name, list(panels), 'panels')}")

    async def find_usual(self, server: str, channels: Collection[str] = ()) -> str:
        """Return the panel that the channel or server has set up, else the default, or the first of those there are."""
        set_up = await self._documents.documents(f"usual/{server}/")
        found = (set_up.get(f"usual/{server}/{place}") for place in (*channels, ""))
        usual = DEFAULT if DEFAULT in self._configured else next(iter(self._configured), DEFAULT)
        return next((str(name) for name in found if name), usual)

    async def save_panel(self, name: str, panel: PanelSettings, server: str) -> None:
        await self._documents.put(f"panel/{server}/{name}", panel.model_dump(mode="json"))

    async def set_usual(self, name: str, server: str, channel: str = "") -> None:
        """Use a panel wherever none is named, in a channel or in the whole server."""
        await self._documents.put(f"usual/{server}/{channel}", name)


def read_seat(text: str) -> SeatSettings:
    """Read a seat as people write it, such as "claude", "claude@0.2" or "claude@0.2/600". Raises Refused.

    A temperature may follow "@", and a limit of output tokens may follow "/".
    """
    found = WRITTEN_SEAT.fullmatch(text.strip())
    model, temperature, tokens = found.groups() if found else ("", None, None)
    heat = None if temperature is None else _read_temperature(temperature)
    if not model or (temperature is not None and heat is None) or (tokens and not int(tokens)):
        raise Refused(
            f"{quote_typed(text.strip())} is no seat: write claude, claude@0.2 (temperature, 0 to 2), claude/600 "
            "(tokens at most) or claude@0.2/600."
        )
    return SeatSettings(model=model.strip(), temperature=heat, max_tokens=int(tokens) if tokens else None)


def _read_temperature(text: str) -> float | None:
    """Read a temperature; return None where the text is none."""
    try:
        number = float(text)
    except ValueError:
        return None
    return number if 0 <= number <= MAX_TEMPERATURE else None


def seat_panel(settings: PanelSettings, models: Mapping[str, Model]) -> Panel:
    """Resolve a panel's settings into its seats, chair and judge. Raises Refused for a model not in the catalogue."""
    seats = _name_apart([_make_seat(s, models, settings.effort) for s in settings.seats])
    chair = settings.chair or settings.seats[0].model
    judge = settings.judge or chair
    return Panel(
        tuple(seats),
        replace(_make_seat(SeatSettings(model=chair), models, settings.effort), key="chair"),
        replace(_make_seat(SeatSettings(model=judge), models, settings.effort), key="judge"),
    )


@dataclass(frozen=True, slots=True)
class Ceiling:
    """The most that the operator has set for a model, anywhere; None: no limit."""

    temperature: float | None
    max_tokens: int | None


def find_ceilings(models: Mapping[str, Model], configured: Iterable[PanelSettings]) -> Mapping[str, Ceiling]:
    """Return the ceiling of each model: its own settings, or what a seat of the operator's panels has beyond them."""
    seats = [seat for panel in configured for seat in panel.seats]
    return {
        key: Ceiling(
            _highest(model.temperature, [s.temperature for s in seats if s.model == key]),
            _highest(model.max_tokens, [s.max_tokens for s in seats if s.model == key]),
        )
        for key, model in models.items()
    }


def _highest(own: N | None, of_seats: Iterable[N | None]) -> N | None:
    if own is None:
        return None
    most: N = own
    for value in of_seats:
        if value is not None and value > most:
            most = value
    return most


def cap_seats(panel: PanelSettings, ceilings: Mapping[str, Ceiling]) -> PanelSettings:
    """Return the panel with no seat above its model's ceiling."""
    return panel.model_copy(update={"seats": [cap_seat(seat, ceilings) for seat in panel.seats]})


def cap_seat(seat: SeatSettings, ceilings: Mapping[str, Ceiling]) -> SeatSettings:
    """Return the seat with the least of what it wants and what the operator has set."""
    most = ceilings.get(seat.model, Ceiling(None, None))
    return seat.model_copy(
        update={
            "temperature": _least(seat.temperature, most.temperature),
            "max_tokens": _least(seat.max_tokens, most.max_tokens),
        }
    )


def _least(wanted: N | None, most: N | None) -> N | None:
    return wanted if wanted is None or most is None else min(wanted, most)


def find_seat(panel: PanelSettings, word: str) -> SeatSettings:
    """Return the panel's seat of that name or model. Raises Refused."""
    known = {name.casefold(): s for s in reversed(panel.seats) for name in (s.model, s.name) if name}
    if word.strip().casefold() not in known:
        raise Refused(f"There is no seat {quote_typed(word.strip())} in it. {did_you_mean(word, list(known), 'seats')}")
    return known[word.strip().casefold()]


def make_further_seat(panel: Panel, settings: SeatSettings, models: Mapping[str, Model]) -> Seat:
    """Resolve one more seat for a panel, with a name and key of its own there. Raises Refused."""
    return _name_apart([*panel.seats, _make_seat(settings, models)])[-1]


def leave_out_absent(
    panel: Panel, why_absent: Callable[[Seat], str | None], least: int, most: int
) -> tuple[Panel, tuple[str, ...]]:
    """Return the panel without the seats that cannot answer, and why each is away.

    Raises Refused when fewer than `least` or more than `most` seats are left.
    """
    away = {s.key: why for s in panel.everyone() if (why := why_absent(s))}
    seats = tuple(s for s in panel.seats if s.key not in away)
    absent = tuple(f"{s.name} ({away[s.key]})" for s in panel.seats if s.key in away)
    if len(seats) > most:
        raise Refused(
            f"This table has {len(seats)} seats, and {most} are the most here: name fewer models, or another panel."
        )
    if len(seats) < least:
        told = f" Away: {'; '.join(absent)}." if absent else ""
        needs = {1: "one seat", 2: "two seats"}[least]
        raise Refused(f"This needs {needs} that can answer, and there are {len(seats)}.{told}")
    chair, judge = (
        replace(seats[0], key=s.key) if s is not None and s.key in away else s for s in (panel.chair, panel.judge)
    )
    return Panel(seats, chair, judge), absent


def _make_seat(written: SeatSettings, models: Mapping[str, Model], effort: Effort | None = None) -> Seat:
    model = models.get(written.model)
    if model is None:
        raise Refused(
            f"There is no model {quote_typed(written.model)}. {did_you_mean(written.model, list(models), 'models')}"
        )
    persona = " ".join(written.persona.split())
    name = written.name or model.name + (f" ({persona})" if 0 < len(persona) <= MAX_NAMED_PERSONA else "")
    seat = Seat(
        key=model.key,
        model=model.key,
        name=name,
        persona=persona_text(written.persona),
        temperature=written.temperature if written.temperature is not None else model.temperature,
        max_tokens=written.max_tokens or model.max_tokens,
        window=model.window,
        price=model.price,
        avatar_url=model.avatar_url,
        provider=prefix_of(model),
        effort=written.effort or effort or model.effort,
    )
    return replace(seat, thinks=does_think(model, seat))


def _name_apart(seats: Sequence[Seat]) -> list[Seat]:
    """Give seats of the same model names and keys of their own: "Claude", "Claude 2"."""
    apart: list[Seat] = []
    for seat in seats:
        key = _find_free(seat.key, ":", {s.key for s in apart})
        apart.append(replace(seat, key=key, name=_find_free(seat.name, " ", {s.name for s in apart})))
    return apart


def _find_free(word: str, sep: str, taken: Collection[str]) -> str:
    """Return the word, or the word with the first number from 2 on that makes it a new one."""
    numbered = (f"{word}{sep}{n}" for n in range(2, len(taken) + 2))
    return word if word not in taken else next(w for w in numbered if w not in taken)
