"""Forms as Discord's modals, and the values that were filled in, read back.

A modal has room for five inputs. All yes-or-no fields share a group of checkboxes, files have an input of their own,
and the rest of the room goes to the fields that come first in the form. What has no room is an option of the command.

https://docs.discord.com/developers/components/reference
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal, get_args, get_origin

import discord
from discord import CheckboxGroupOption, RadioGroupOption, ui
from pydantic.fields import FieldInfo

from bot.errors import Refused
from commands.command import Form, Options, plain_type

INPUTS = 5
OPTIONS = 25
MAX_FILES = 10  # of one input
TYPED_CHARS = 4_000  # as much as Discord lets people type into one input
FILES, SWITCHES = "files", "switches"  # the inputs that belong to no field, or to several
LONG = ("question", "text", "note")
_FILE_UPLOAD, _CHECKBOX_GROUP = 19, 22  # types of components


def build_modal(form: Form, key: str, max_files: int) -> ui.Modal:
    """Return the form as a modal; `key` comes back with its values.

    Raises Refused where a value is longer than Discord lets people type.
    """
    modal = ui.Modal(title=form.title[:45], custom_id=key, timeout=None)
    single, switches = _split_fields(form.options, form.fields)
    for name in single:
        help = form.options.model_fields[name].description
        modal.add_item(_label(name, help or name, _build_input(form, name)))
    if switches:
        modal.add_item(_label(SWITCHES, "each holds where it is ticked", _build_switches(form, switches)))
    if _takes_files(form.options, form.fields):
        most = min(max_files, MAX_FILES)
        upload: ui.FileUpload[Any] = ui.FileUpload(custom_id=FILES, required=False, min_values=0, max_values=most)
        modal.add_item(_label(FILES, f"texts, PDFs or pictures, up to {most}", upload))
    modal.stop()
    return modal


def read_modal(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a form that were filled in."""
    return {name: value for part in _list_inputs(data) for name, value in _read_input(part)}


def read_uploads(data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the files that came with a form, as Discord's JSON."""
    known = (data.get("resolved") or {}).get("attachments") or {}
    uploads = [part for part in _list_inputs(data) if part.get("type") == _FILE_UPLOAD]
    return [known[number] for part in uploads for number in part.get("values") or () if number in known]


def modal_fields(options: type[Options], fields: Sequence[str]) -> tuple[str, ...]:
    """Return those of a form's fields that its modal has room for."""
    single, switches = _split_fields(options, fields)
    return (*single, *switches)


def _split_fields(options: type[Options], fields: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """Return the fields with an input of their own, and those in the group of checkboxes."""
    switches = [name for name in fields if isinstance(options.model_fields[name].default, bool)]
    room = INPUTS - bool(switches) - _takes_files(options, fields)
    return [name for name in fields if name not in switches][:room], switches


def _takes_files(options: type[Options], fields: Sequence[str]) -> bool:
    return options.file_into in fields


def _label(name: str, help: str, component: ui.Item[Any]) -> ui.Label[Any]:
    return ui.Label(text=name.capitalize(), description=help[:100], component=component)


def _build_input(form: Form, name: str) -> ui.Select[Any] | ui.RadioGroup[Any] | ui.TextInput[Any]:
    field = form.options.model_fields[name]
    typed = form.values.get(name, None if field.is_required() else field.get_default())
    choices = form.choices.get(name, ())
    if choices and (not typed or typed in choices):  # what was typed otherwise stays to be seen
        options = [discord.SelectOption(label=c[:100], value=c[:100], default=c == typed) for c in choices[:OPTIONS]]
        is_required = field.is_required()
        return ui.Select(custom_id=name, options=options, required=is_required, min_values=int(is_required))
    if values := _fixed_values(field):
        buttons = [RadioGroupOption(label=v.capitalize(), value=v, default=v == _as_text(typed)) for v in values]
        return ui.RadioGroup(custom_id=name, options=buttons, required=field.is_required())
    style = discord.TextStyle.paragraph if name in LONG else discord.TextStyle.short
    written = "" if typed is None else str(typed)
    if len(written) > TYPED_CHARS:
        raise Refused(f"A form's {name} may have {TYPED_CHARS} characters: attach the long part as a file there.")
    return ui.TextInput(custom_id=name, style=style, required=field.is_required(), default=written or None)


def _build_switches(form: Form, names: Sequence[str]) -> ui.CheckboxGroup[Any]:
    fields = form.options.model_fields
    options = [
        CheckboxGroupOption(
            label=name.capitalize(),
            value=name,
            description=(fields[name].description or name)[:100],
            default=bool(form.values.get(name, fields[name].default)),
        )
        for name in names
    ]
    return ui.CheckboxGroup(custom_id=SWITCHES, options=options, required=False, min_values=0, max_values=len(options))


def _fixed_values(field: FieldInfo) -> tuple[str, ...]:
    """Return the values of a field that has a few fixed ones; () where it may be anything."""
    kind = plain_type(field)
    if kind is bool:
        return ("yes", "no")
    return tuple(map(str, get_args(kind))) if get_origin(kind) is Literal else ()


def _as_text(value: Any) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else str(value)


def _list_inputs(data: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    rows: Sequence[Any] = data.get("components", ())
    return [row.get("component") or next(iter(row.get("components", ())), {}) for row in rows]


def _read_input(part: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the fields that one input has values for."""
    kind = part.get("type")
    if kind == _CHECKBOX_GROUP:
        yield from ((name, True) for name in part.get("values") or ())
    elif kind != _FILE_UPLOAD and (value := part.get("value") or next(iter(part.get("values") or ()), None)):
        yield part.get("custom_id", ""), value
