"""The commands as Discord knows them: their definitions, and what people typed, read back. Pure.

https://discord.com/developers/docs/interactions/application-commands
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, get_args, get_origin

from discord import AppCommandOptionType as Kind
from discord import AppCommandType
from pydantic.fields import FieldInfo

from adapters.discord.forms import modal_fields
from commands.command import Command, Options, RunOptions, plain_type, read_bounds, read_extra

FILE = "file"  # the name of the attachment; commands have it whose options have a `file_into`
HELP_CHARS = 100
QUESTION_CHARS = 6_000  # as much as Discord lets people type into one option

Json = dict[str, Any]


def define_commands(commands: Iterable[Command], menus: Iterable[str]) -> list[Json]:
    """Return everything to register: commands by their first word, deeper ones as subcommands, and message menus."""
    top: dict[str, Json] = {}
    for command in commands:
        first, *rest = command.path
        if not rest:
            top[first] = _describe(first, command.help) | {"options": _define_options(command.options), "type": 1}
            continue
        node = top.setdefault(first, _describe(first, "Everything else about Moot.") | {"options": [], "type": 1})
        if len(rest) == 2:
            node = _find_group(node, rest[0])
        leaf = _describe(rest[-1], command.help)
        node["options"].append(leaf | {"type": Kind.subcommand.value, "options": _define_options(command.options)})
    return [*top.values(), *({"name": name, "type": AppCommandType.message.value} for name in menus)]


def fingerprint(defined: Sequence[Json]) -> str:
    """Return a digest of definitions, so that they are sent only when they have changed."""
    return hashlib.sha256(json.dumps(defined, sort_keys=True).encode()).hexdigest()


def read_command(data: Mapping[str, Any]) -> tuple[tuple[str, ...], dict[str, Any], str]:
    """Return the path of the command that was called, its options' values, and the option that is being completed."""
    path, options = [str(data["name"])], list(data.get("options", ()))
    while options and options[0]["type"] in (Kind.subcommand.value, Kind.subcommand_group.value):
        path.append(options[0]["name"])
        options = list(options[0].get("options", ()))
    focused = next((o["name"] for o in options if o.get("focused")), "")
    return tuple(path), {o["name"]: o["value"] for o in options}, focused


def _describe(name: str, help: str) -> Json:
    return {"name": name, "description": help[:HELP_CHARS]}


def _find_group(node: Json, name: str) -> Json:
    group: Json | None = next((o for o in node["options"] if o["name"] == name), None)
    if group is None:
        group = _describe(name, f"{name.capitalize()}s.") | {"type": Kind.subcommand_group.value, "options": []}
        node["options"].append(group)
    return group


def _define_options(options: type[Options]) -> list[Json]:
    """Return the definitions of options, required ones first, as Discord wants them.

    Options behind More… are left to its form, as far as that has room for them.
    """
    fields = {name: field for name, field in options.model_fields.items() if not _only_in_form(options, name)}
    definition = [
        _define_option(name, field, bool(read_extra(options, name, "suggest"))) for name, field in fields.items()
    ]
    if options.file_into:
        file = _describe(FILE, f"a file that belongs to the {options.file_into}")
        definition.append(file | {"type": Kind.attachment.value, "required": False})
    return sorted(definition, key=lambda option: not option["required"])


def _only_in_form(options: type[Options], name: str) -> bool:
    if read_extra(options, name, "form_only"):
        return True
    if not issubclass(options, RunOptions):
        return False
    return bool(read_extra(options, name, "more")) and name in modal_fields(options, options.FORM)


def _define_option(name: str, field: FieldInfo, suggested: bool) -> Json:
    definition = _describe(name, field.description or name) | {"required": field.is_required()}
    inner = plain_type(field)
    if get_origin(inner) is Literal:
        choices = [{"name": str(value), "value": value} for value in get_args(inner)]
        return definition | {"type": Kind.string.value, "choices": choices}
    if inner is bool:
        return definition | {"type": Kind.boolean.value}
    if inner is int:
        return definition | {"type": Kind.integer.value} | read_bounds(field)
    if suggested:
        definition["autocomplete"] = True
    return definition | {"type": Kind.string.value, "max_length": QUESTION_CHARS}
