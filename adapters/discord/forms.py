"""Forms as Discord's modals, and the values that were filled in, read back.

A modal has room for five fields. In a longer form all fields with a few fixed values share one list, so that none of
them is out of reach; the rest of the room goes to the fields that come first in the form.

https://discord.com/developers/docs/components/reference
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal, get_args, get_origin

import discord
from discord import ui
from pydantic.fields import FieldInfo

from bot.errors import Refused
from commands.command import Form, plain_type

FIELDS = 5
OPTIONS = 25
SETTINGS = "settings"  # the list that fields with a few fixed values share
LONG = ("question", "text", "note")


def build_modal(form: Form, key: str) -> ui.Modal:
    """Return the form as a modal; `key` comes back with its values."""
    modal = ui.Modal(title=form.title[:45], custom_id=key, timeout=None)
    single, shared = _split_fields(form)
    for name in single:
        field = form.options.model_fields[name]
        description = (field.description or "")[:100]
        modal.add_item(ui.Label(text=name.capitalize(), description=description, component=_build_input(form, name)))
    if shared:
        options = [_setting_option(form, name, value) for name in shared for value in _unusual_values(form, name)]
        options = options[:OPTIONS]
        chosen: ui.Select[Any] = ui.Select(
            custom_id=SETTINGS, options=options, min_values=0, max_values=len(options), required=False
        )
        description = f"{', '.join(shared)}; one of each, or none for the usual"[:100]
        modal.add_item(ui.Label(text=SETTINGS.capitalize(), description=description, component=chosen))
    modal.stop()
    return modal


def read_modal(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a form that were filled in. Raises Refused where one of them was chosen twice."""
    rows: Sequence[Any] = data.get("components", ())
    inputs: list[Any] = [row.get("component") or next(iter(row.get("components", ())), {}) for row in rows]
    values: dict[str, Any] = {}
    for component in inputs:
        for name, value in _read_component(component):
            if name in values:
                raise Refused(f"{name.capitalize()} can be one of {values[name]} and {value}, not both.")
            values[name] = value
    return values


def unasked_values(form: Form) -> dict[str, Any]:
    """Return the values that were typed before the form was shown, of fields that the modal has no room for."""
    single, shared = _split_fields(form)
    return {name: value for name, value in form.values.items() if name not in (*single, *shared)}


def _split_fields(form: Form) -> tuple[Sequence[str], Sequence[str]]:
    """Return the fields with an input of their own, and those in the shared list."""
    if len(form.fields) <= FIELDS:
        return form.fields, ()
    shared = [name for name in form.fields if _fixed_values(form.options.model_fields[name])]
    room = FIELDS - 1 if shared else FIELDS
    return [name for name in form.fields if name not in shared][:room], shared


def _build_input(form: Form, name: str) -> ui.Select[Any] | ui.TextInput[Any]:
    field, typed = form.options.model_fields[name], form.values.get(name)
    if choices := form.choices.get(name):
        options = [discord.SelectOption(label=c[:100], value=c[:100], default=c == typed) for c in choices[:OPTIONS]]
        return ui.Select(custom_id=name, options=options, required=field.is_required())
    style = discord.TextStyle.paragraph if name in LONG else discord.TextStyle.short
    default = str(typed or "") or None
    return ui.TextInput(custom_id=name, style=style, required=field.is_required(), default=default)


def _fixed_values(field: FieldInfo) -> tuple[str, ...]:
    """Return the values of a field that has a few fixed ones; () where it may be anything."""
    kind = plain_type(field)
    if kind is bool:
        return ("yes", "no")
    return tuple(map(str, get_args(kind))) if get_origin(kind) is Literal else ()


def _unusual_values(form: Form, name: str) -> list[str]:
    """Return the fixed values of a field except its default."""
    field = form.options.model_fields[name]
    return [value for value in _fixed_values(field) if value != _as_text(field.get_default())]


def _setting_option(form: Form, name: str, value: str) -> discord.SelectOption:
    chosen = _as_text(form.values.get(name)) == value
    return discord.SelectOption(label=f"{name}: {value}", value=f"{name}={value}", default=chosen)


def _as_text(value: Any) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _read_component(component: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return the fields that one input, or the shared list, has values for."""
    name = component.get("custom_id", "")
    if name == SETTINGS:
        pairs = [setting.partition("=") for setting in component.get("values") or ()]
        return [(field, value) for field, _, value in pairs]
    value = component.get("value") or next(iter(component.get("values") or ()), None)
    return [(name, value)] if value else []
