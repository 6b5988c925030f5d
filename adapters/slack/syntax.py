"""A parser for typed commands: `/debate tabs or spaces --panel fast --rounds 2` as a command's options. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from commands.command import Command, Options

# phones write -- as a dash; a list goes on after a comma; quotes keep words together
_OPTION = re.compile(r"""(?:^|(?<=\s))(?:--|[—–])(\w+)(?:[=\s]\s*("[^"]*"|“[^“”]*”|(?:[^\s,]*,\s*)*(?!--|[—–])\S+))?""")

MAX_WORDS = 3  # of the longest command


def find_command(
    commands: Mapping[tuple[str, ...], Command], text: str, *, lead: Sequence[str] = ()
) -> tuple[Command, str] | None:
    """Return the command that the first words of `text` name, after the words of `lead`, and the text behind it."""
    words = text.split()
    for count in range(min(MAX_WORDS, len(words)), -1, -1):
        if command := commands.get((*lead, *(word.lower() for word in words[:count]))):
            return command, text.split(maxsplit=count)[count] if len(words) > count else ""
    return None


def parse_options(options: type[Options], text: str) -> dict[str, Any]:
    """Return the options' values as they were typed. Words that belong to no option are the value of the main one."""
    fields = options.model_fields
    values: dict[str, Any] = {}
    free: list[str] = []
    at = 0
    for found in _OPTION.finditer(text):
        name, value = found[1].lower(), found[2]
        if name in fields and value is not None:
            values[name] = value.strip('"“”')
            free.append(text[at : found.start()])
            at = found.end()
    free.append(text[at:])
    rest = " ".join(part.strip() for part in free if part.strip()) if len(free) > 1 else free[0].strip()
    if rest and (first := main_option(options)):
        values.setdefault(first, rest)
    return values


def main_option(options: type[Options]) -> str:
    """Return the option that plain words are for: the first required one, else the first."""
    fields = options.model_fields
    required = [name for name, field in fields.items() if field.is_required()]
    return next(iter(required or fields), "")


def is_complete(options: type[Options], values: Mapping[str, Any]) -> bool:
    """Return whether every required option has a value."""
    return all(name in values for name, field in options.model_fields.items() if field.is_required())
