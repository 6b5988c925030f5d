"""Files with keys that more people can read than the operator: a check of all that settings and environment name."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import BaseModel

from bot.doctor import Finding
from bot.models.catalogue import KEY_VARIABLES
from bot.models.search import PROVIDERS
from bot.settings.key_sources import FILE_ENDING, KeyFile, find_holder, is_open_to_all
from bot.settings.settings import Settings


def check_key_files(settings: Settings, environ: Mapping[str, str] = os.environ) -> list[Finding]:
    """Return a warning for each key's file that everybody on this machine can read."""
    named = dict([*_list_settings(settings), *_list_variables(environ)])
    return [
        Finding(where, "warning", f"everybody on this machine can read {path}", f"`chmod 600 {path}`")
        for where, path in named.items()
        if is_open_to_all(path)
    ]


def _list_settings(table: Any, where: str = "") -> Iterator[tuple[str, str]]:
    """Yield where settings name a key's file, as "discord.token", and the file's path."""
    if isinstance(table, KeyFile):
        yield where, table.path
    inner = dict(table) if isinstance(table, BaseModel | dict) else {}
    for name, value in inner.items():
        yield from _list_settings(value, f"{where}.{name}" if where else str(name))


def _list_variables(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """Yield the providers' variables that name a key's file, and the file's path."""
    searchers = (variable for _, variable in PROVIDERS.values() if variable)
    for variable in {*(name for names in KEY_VARIABLES.values() for name in names), *searchers}:
        if find_holder(variable, environ) == variable + FILE_ENDING:
            yield variable + FILE_ENDING, environ[variable + FILE_ENDING].strip()
