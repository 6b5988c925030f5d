"""Pages of docs/ that are made from the code: `python -m bot.cli.pages settings` and `… commands` print them."""

from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined
from typer.main import get_command

from bot.__main__ import app
from bot.settings.settings import Settings

_SETTINGS = """\
# Settings

Every setting, made from where the code declares it. In `moot.toml` they stand in tables; in the environment and in
`.env`, `MOOT_` stands before them and `__` between levels: `MOOT_LIMITS__ROUNDS=3`. The environment wins over `.env`,
and that over the file. [moot.example.toml](../moot.example.toml) shows each in its place; `moot doctor` says what is
wrong with yours.
"""
_COMMANDS = """\
# Commands

Every command of the console, made from where the code declares it. What people can type in chat is in
[platforms.md](platforms.md). `moot try` has an option for each setting of a format: `moot try --help` lists them.
"""


def make_settings_page() -> str:
    """Return docs/settings.md."""
    return "\n".join([_SETTINGS, *_render_tables(Settings, "")])


def list_settings() -> list[str]:
    """Return the path of each setting: models.NAME.litellm."""
    where, found = "", []
    for line in _render_tables(Settings, ""):
        if line.startswith("## "):
            where = line[3:].strip("[]\n")
        found += [f"{where}.{line.split('`')[1]}"] if line.startswith("| `") else []
    return found


def _render_tables(model: type[BaseModel], path: str) -> Iterator[str]:
    """Yield the lines of a table of settings, then those of the tables in it."""
    tables, rows = list[tuple[str, type[BaseModel]]](), list[str]()
    for name, field in model.model_fields.items():
        if (inner := _find_table(field.annotation)) is not None:
            is_named = get_origin(field.annotation) is dict
            tables.append((f"{path}{'.' if path else ''}{name}{'.NAME' if is_named else ''}", inner))
        else:
            told = (field.description or "").replace("|", "\\|")
            rows.append(f"| `{name}` | {told} | {_tell_type(field.annotation)} | {_tell_default(field)} |")
    if rows:
        yield f"## {f'[{path}]' if path else 'Outside of any table'}\n"
        if path and model.__doc__ and model.__doc__ != BaseModel.__doc__:
            yield " ".join(model.__doc__.split()) + "\n"
        # a phone shows two columns, and scrolls to the others
        yield "| setting | what it is | takes | where left out |\n|---|---|---|---|"
        yield from rows
        yield ""
    for where, inner in tables:
        yield from _render_tables(inner, where)


def _find_table(kind: Any) -> type[BaseModel] | None:
    """Return the table that a setting is, or that each of its named values is; None for a single value or a list."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        return kind
    if get_origin(kind) in (Union, types.UnionType, Annotated):
        return next((table for one in get_args(kind) if (table := _find_table(one))), None)
    return _find_table(get_args(kind)[1]) if get_origin(kind) is dict else None


_WORDS = {str: "text", Path: "a path", int: "a whole number", float: "a number", bool: "`true` or `false`", Any: "any"}


def _tell_type(kind: Any) -> str:
    """Tell in words what a setting takes."""
    origin, inner = get_origin(kind), [one for one in get_args(kind) if one is not type(None)]
    if origin is Literal:
        return ", ".join(f"`{one}`" if one else "nothing" for one in inner)
    if origin is Annotated:
        return _tell_type(inner[0])
    if origin in (Union, types.UnionType):
        return " or ".join(dict.fromkeys(map(_tell_type, inner)))
    if origin in (list, tuple):
        seat = _find_table(inner[0])
        return f"a list: {', '.join(seat.model_fields)}" if seat else "a list"
    if origin is dict:
        return "a table"
    if isinstance(kind, type) and issubclass(kind, SecretStr):
        return "a secret"
    return _WORDS.get(kind, "text")


def _tell_default(field: FieldInfo) -> str:
    if field.default_factory is not None:
        return "nothing"
    match field.default:
        case _ if field.default is PydanticUndefined:
            return "**needed**"
        case None | "":
            return ""
        case bool():
            return f"`{str(field.default).lower()}`"
        case tuple():
            return f"`{list(field.default)}`"
    return f"`{field.default}`"


def make_commands_page() -> str:
    """Return docs/commands.md."""
    return "\n".join([_COMMANDS, *_render_commands(get_command(app), "moot")])


def _render_commands(group: Any, path: str) -> Iterator[str]:
    for name, command in group.commands.items():
        where = f"{path} {name}"
        if hasattr(command, "commands"):
            yield from _render_commands(command, where)
            continue
        arguments = [p for p in command.params if p.param_type_name == "argument"]
        typed = " ".join([where, *(p.name.upper() for p in arguments)])
        yield f"## `{where}`\n\n{command.help}\n"
        if command.params:
            yield f"`{typed}`\n\n| what | what it is |\n|---|---|"
            yield from (
                f"| {_name_parameter(p)} | {(p.help or '').replace('|', chr(92) + '|')} |" for p in command.params
            )
            yield ""


def _name_parameter(parameter: Any) -> str:
    if parameter.param_type_name == "argument":
        return f"`{parameter.name.upper()}`"
    return ", ".join(f"`{name}`" for name in parameter.opts)


if __name__ == "__main__":
    sys.stdout.write({"settings": make_settings_page, "commands": make_commands_page}[sys.argv[1]]())
