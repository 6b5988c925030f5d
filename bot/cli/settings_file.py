"""The settings of the working directory, read once, with a line for each mistake in them."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import (
    ValidationError,
)
from pydantic_settings import (
    SettingsError,
)

from bot.errors import Misconfigured
from bot.settings.files import FILE, read_dotenv, read_toml
from bot.settings.platforms import ServerSettings
from bot.settings.settings import ModelSettings, PanelSettings, Settings, expand_seat
from bot.settings.value_types import Strict

_MAX_TOLD = 60  # characters of a value that is wrong


def load_settings() -> Settings:
    """Load the settings of the working directory. Raises Misconfigured, with a line for each mistake."""
    written = read_toml()
    mistakes = [f"{FILE}: {key}: there is no such setting." for key in written if key not in Settings.model_fields]
    mistakes += _find_misspelt_variables({**read_dotenv(), **os.environ})
    unquoted = _find_unquoted_names(written)
    mistakes += unquoted.values()
    settings: Settings | None = None
    try:
        settings = Settings()
    except SettingsError as error:  # a table given as a word; its text names a class, and its cause quotes the value
        found = re.search(r'field "(\w+)"', str(error))
        mistakes.append(_describe_table_variable([found[1] if found else "…"]))
    except ValidationError as error:
        mistakes += dict.fromkeys(
            _describe_mistake(_real_path(e["loc"]), e["type"], e["msg"], e.get("input"), written)
            for e in error.errors()
            if tuple(e["loc"][:2]) not in unquoted
        )
    tree = settings.model_dump() if settings else written
    mistakes += [*_find_unknown_models(tree), *_find_wrong_fallbacks(tree)]
    if settings is None or mistakes:
        raise Misconfigured("\n".join(mistakes))
    return settings


def _find_misspelt_variables(environ: Mapping[str, str | None]) -> list[str]:
    """Return a line for each variable that means a setting and is none: its levels stand two underscores apart."""
    mistakes = []
    for name in environ:
        first, apart, _ = name.upper().removeprefix("MOOT_").lstrip("_").partition("__")
        if not name.upper().startswith("MOOT_") or (first.lower() in Settings.model_fields and name[5:6] != "_"):
            continue
        table, one, rest = first.partition("_")
        if table.lower() in Settings.model_fields and (one or apart):
            meant = "__".join(filter(None, [table, rest, name.upper().partition(first)[2].lstrip("_")]))
            mistakes.append(
                f"environment: {name}: there is no such setting. Two underscores stand between levels: MOOT_{meant}."
            )
        elif apart:
            mistakes.append(f"environment: {name}: there is no such setting.")
    return mistakes


def _find_unquoted_names(written: Mapping[str, Any]) -> dict[tuple[int | str, ...], str]:
    """Return a line for each name that was written with a dot and without quotes, by the path that TOML made of it."""
    known: dict[str, type[Strict]] = {"models": ModelSettings, "panels": PanelSettings, "servers": ServerSettings}
    mistakes: dict[tuple[int | str, ...], str] = {}
    for table, kind in known.items():
        named = written.get(table)
        for name, value in named.items() if isinstance(named, dict) else ():
            words = [name]
            while isinstance(value, dict) and not value.keys() & kind.model_fields.keys():
                inner = next(((k, v) for k, v in value.items() if isinstance(v, dict)), None)
                if inner is None:
                    break
                words.append(inner[0])
                value = inner[1]
            if len(words) > 1:
                whole = ".".join(words)
                mistakes[table, name] = (
                    f'{FILE}: {table}.{whole}: a name with a dot stands in quotes: [{table}."{whole}"].'
                )
    return mistakes


def _real_path(loc: Sequence[int | str]) -> list[str]:
    """Return the path of a mistake without the names that pydantic gives to its own types."""
    return [str(p) for p in loc if not re.search(r"[\[\]()]|^constrained-|^(int|float|str|bool|function)$", str(p))]


def _describe_mistake(path: Sequence[str], kind: str, message: str, value: Any, written: Mapping[str, Any]) -> str:
    """Describe a mistake in one line: its source, its key, what is wrong, and the value unless it may be a secret."""
    is_variable = os.environ.get("MOOT_" + "__".join(path).upper())
    source = FILE if path[0] in written and not is_variable else "environment"
    where = f"{source}: {'.'.join(path)}"
    match kind:
        case "extra_forbidden":
            return f"{where}: there is no such setting."
        case "missing":
            return f"{where}: is missing."
        case "value_error":
            return f"{where}: {message.removeprefix('Value error, ')}."
        case "model_type" | "dict_type" if source == "environment":
            return _describe_table_variable(path)
        case "model_type" | "dict_type":
            return f"{where}: is a table, [{'.'.join(path)}], and no single value."
        case "path_type":
            return f'{where}: is a path in quotes, "moot.db".'
        case "string_pattern_mismatch":
            return f"{where}: a name has up to 40 letters, digits and _ . : - in it."
    told = f" (found {value!r})" if _may_be_told(path, value) else ""
    return f"{where}: {message[:1].lower()}{message[1:]}{told}."


def _describe_table_variable(path: Sequence[str]) -> str:
    name = "MOOT_" + "__".join(path).upper()
    return f"environment: {name} holds a whole table and must be JSON. Set one variable a setting instead: {name}__…"


def _may_be_told(path: Sequence[str], value: Any) -> bool:
    """Return True where a value is short, no secret and in no table that holds secrets."""
    if path[0] in ("discord", "slack") or any(word in path[-1] for word in ("key", "token", "secret", "base", "url")):
        return False
    return isinstance(value, bool | int | float) or (
        isinstance(value, str) and len(value) <= _MAX_TOLD and value.isprintable()
    )


def _find_unknown_models(tree: Mapping[str, Any]) -> list[str]:
    """Return a line for each model that a panel names and that is not there.

    `tree` may be a file that is wrong elsewhere too.
    """
    models, panels = tree.get("models", {}), tree.get("panels", {})
    tables = [(name, p) for name, p in panels.items() if isinstance(p, dict)] if isinstance(panels, dict) else []
    return [
        f"{FILE}: panels.{name}.{key}: there is no model “{model}”; the models are: {', '.join(models) or 'none'}."
        for name, panel in tables
        for key, model in _list_models(panel)
        if isinstance(model, str) and model not in models
    ]


def _find_wrong_fallbacks(tree: Mapping[str, Any]) -> list[str]:
    """Return a line for each fallback that is no model, and for each circle of models that fall back to each other."""
    models = tree.get("models", {})
    named = {key: _list_fallbacks(model) for key, model in models.items()} if isinstance(models, dict) else {}
    unknown = [
        f"{FILE}: models.{key}.fallbacks: there is no model “{other}”; the models are: {', '.join(named)}."
        for key, others in named.items()
        for other in others
        if other not in named
    ]
    circles = [circle for key in named if (circle := _find_circle(key, named)) and key == min(circle)]
    return unknown + [
        f"{FILE}: models.{circle[0]}.fallbacks: it falls back to itself ({' → '.join([*circle, circle[0]])}): "
        "take one out."
        for circle in circles
    ]


def _list_fallbacks(model: Any) -> list[str]:
    written = model.get("fallbacks", []) if isinstance(model, dict) else []
    return [key for key in written if isinstance(key, str)] if isinstance(written, list) else []


def _find_circle(key: str, fallbacks: Mapping[str, Sequence[str]]) -> list[str]:
    """Return a way from a model by fallbacks back to itself; [] where there is none."""
    ways, seen = [[key]], set[str]()
    while ways:
        way = ways.pop()
        for other in fallbacks.get(way[-1], ()):
            if other == key:
                return way
            if other not in seen:
                seen.add(other)
                ways.append([*way, other])
    return []


def _list_models(panel: Mapping[str, Any]) -> list[tuple[str, Any]]:
    written = panel.get("seats")
    seats = [expand_seat(seat) for seat in written] if isinstance(written, list) else []
    named = [(f"seats.{n}", s.get("model")) for n, s in enumerate(seats) if isinstance(s, dict)]
    return [*named, ("chair", panel.get("chair")), ("judge", panel.get("judge"))]
