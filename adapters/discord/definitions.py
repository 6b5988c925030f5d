"""The commands as Discord is told of them, and what people typed read back. Pure.

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

from commands.command import Command, Options, asked_type, bounds, extra

FILE = "file"  # the attachment that a command takes whose options have a `file_into`
HELP_CHARS = 100
QUESTION_CHARS = 6_000  # what Discord lets people type into one option

Json = dict[str, Any]


def definitions(commands: Iterable[Command], menus: Iterable[str]) -> list[Json]:
    """What is registered: commands by their first word, deeper ones as its subcommands, and the menus of messages."""
    top: dict[str, Json] = {}
    for command in commands:
        first, *rest = command.path
        if not rest:
            top[first] = _described(first, command.help) | {"options": _options(command.options), "type": 1}
            continue
        node = top.setdefault(first, _described(first, "Everything else about Moot.") | {"options": [], "type": 1})
        if len(rest) == 2:
            node = _group(node, rest[0])
        leaf = _described(rest[-1], command.help)
        node["options"].append(leaf | {"type": Kind.subcommand.value, "options": _options(command.options)})
    return [*top.values(), *({"name": name, "type": AppCommandType.message.value} for name in menus)]


def fingerprint(defined: Sequence[Json]) -> str:
    """The same for the same definitions: Discord is told of changes only."""
    return hashlib.sha256(json.dumps(defined, sort_keys=True).encode()).hexdigest()


def typed(data: Mapping[str, Any]) -> tuple[tuple[str, ...], dict[str, Any], str]:
    """The path of the command that was called, its options' values, and the option that is being completed."""
    path, options = [str(data["name"])], list(data.get("options", ()))
    while options and options[0]["type"] in (Kind.subcommand.value, Kind.subcommand_group.value):
        path.append(options[0]["name"])
        options = list(options[0].get("options", ()))
    focused = next((o["name"] for o in options if o.get("focused")), "")
    return tuple(path), {o["name"]: o["value"] for o in options}, focused


def _described(name: str, help: str) -> Json:
    return {"name": name, "description": help[:HELP_CHARS]}


def _group(node: Json, name: str) -> Json:
    known: Json | None = next((o for o in node["options"] if o["name"] == name), None)
    if known is None:
        known = _described(name, f"{name.capitalize()}s.") | {"type": Kind.subcommand_group.value, "options": []}
        node["options"].append(known)
    return known


def _options(options: type[Options]) -> list[Json]:
    """Required ones first, as Discord wants them. Those behind More… are left to its form."""
    fields = {name: field for name, field in options.model_fields.items() if not extra(options, name, "more")}
    made = [_option(name, field, bool(extra(options, name, "suggest"))) for name, field in fields.items()]
    if options.file_into:
        file = _described(FILE, f"a file that belongs to the {options.file_into}")
        made.append(file | {"type": Kind.attachment.value, "required": False})
    return sorted(made, key=lambda option: not option["required"])


def _option(name: str, field: FieldInfo, suggested: bool) -> Json:
    made = _described(name, field.description or name) | {"required": field.is_required()}
    inner = asked_type(field)
    if get_origin(inner) is Literal:
        choices = [{"name": str(value), "value": value} for value in get_args(inner)]
        return made | {"type": Kind.string.value, "choices": choices}
    if inner is bool:
        return made | {"type": Kind.boolean.value}
    if inner is int:
        return made | {"type": Kind.integer.value} | bounds(field)
    if suggested:
        made["autocomplete"] = True
    return made | {"type": Kind.string.value, "max_length": QUESTION_CHARS}
