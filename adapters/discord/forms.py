"""Forms as Discord's modals, and what was filled in read back.

A modal has room for five fields. Of a longer form the fields that have a few values each share one list, so that none
of them is out of reach; of the others the most wanted are asked for.

https://discord.com/developers/docs/components/reference
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args, get_origin

import discord
from discord import ui
from pydantic.fields import FieldInfo

from bot.errors import Refused
from commands.command import Form, asked_type

FIELDS = 5
OPTIONS = 25
SETTINGS = "settings"  # the list that fields with a few values share
LONG = ("question", "text", "note")


def modal(form: Form, key: str) -> ui.Modal:
    """The form as a modal; `key` comes back with its values."""
    made = ui.Modal(title=form.title[:45], custom_id=key, timeout=None)
    alone, together = _asked(form)
    for name in alone:
        field = form.options.model_fields[name]
        about = (field.description or "")[:100]
        made.add_item(ui.Label(text=name.capitalize(), description=about, component=_entry(form, name)))
    if together:
        options = [_setting(form, name, value) for name in together for value in _others(form, name)][:OPTIONS]
        chosen: ui.Select[Any] = ui.Select(
            custom_id=SETTINGS, options=options, min_values=0, max_values=len(options), required=False
        )
        told = f"{', '.join(together)}; one of each, or none for the usual"[:100]
        made.add_item(ui.Label(text=SETTINGS.capitalize(), description=told, component=chosen))
    made.stop()
    return made


def values(data: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of a form that were filled in. Raises Refused where one of them was chosen twice."""
    rows: Sequence[Any] = data.get("components", ())
    inputs: list[Any] = [row.get("component") or next(iter(row.get("components", ())), {}) for row in rows]
    given: dict[str, Any] = {}
    for entry in inputs:
        for name, value in _read(entry):
            if name in given:
                raise Refused(f"{name.capitalize()} can be one of {given[name]} and {value}, not both.")
            given[name] = value
    return given


def left(form: Form) -> dict[str, Any]:
    """What was typed before the form and the modal does not ask for."""
    alone, together = _asked(form)
    return {name: value for name, value in form.values.items() if name not in (*alone, *together)}


def _asked(form: Form) -> tuple[Sequence[str], Sequence[str]]:
    """The fields that are asked for one by one, and those in the list."""
    if len(form.fields) <= FIELDS:
        return form.fields, ()
    together = [name for name in form.fields if _few(form.options.model_fields[name])]
    room = FIELDS - 1 if together else FIELDS
    return [name for name in form.fields if name not in together][:room], together


def _entry(form: Form, name: str) -> ui.Select[Any] | ui.TextInput[Any]:
    field, typed = form.options.model_fields[name], form.values.get(name)
    if choices := form.choices.get(name):
        options = [discord.SelectOption(label=c[:100], value=c[:100], default=c == typed) for c in choices[:OPTIONS]]
        return ui.Select(custom_id=name, options=options, required=field.is_required())
    style = discord.TextStyle.paragraph if name in LONG else discord.TextStyle.short
    default = str(typed or "") or None
    return ui.TextInput(custom_id=name, style=style, required=field.is_required(), default=default)


def _few(field: FieldInfo) -> tuple[str, ...]:
    """The values of a field that has only a few; () where it may be anything."""
    kind = asked_type(field)
    if kind is bool:
        return ("yes", "no")
    return tuple(map(str, get_args(kind))) if get_origin(kind) is Literal else ()


def _others(form: Form, name: str) -> list[str]:
    """The values of a field but its usual one."""
    field = form.options.model_fields[name]
    return [value for value in _few(field) if value != _written(field.get_default())]


def _setting(form: Form, name: str, value: str) -> discord.SelectOption:
    chosen = _written(form.values.get(name)) == value
    return discord.SelectOption(label=f"{name}: {value}", value=f"{name}={value}", default=chosen)


def _written(value: Any) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _read(entry: Mapping[str, Any]) -> list[tuple[str, Any]]:
    name = entry.get("custom_id", "")
    if name == SETTINGS:
        pairs = [setting.partition("=") for setting in entry.get("values") or ()]
        return [(field, value) for field, _, value in pairs]
    value = entry.get("value") or next(iter(entry.get("values") or ()), None)
    return [(name, value)] if value else []
