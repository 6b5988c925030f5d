"""What people type, read: `/debate tabs or spaces --panel fast --rounds 2` as a command's options. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from commands.command import Command, Options

# phones write -- as a dash; a list goes on after a comma; what stands in quotes stays together
_OPTION = re.compile(r"""(?:^|(?<=\s))(?:--|[—–])(\w+)(?:[=\s]\s*("[^"]*"|“[^”]*”|(?:[^\s,]*,\s*)*(?!--|[—–])\S+))?""")

_LINK = re.compile(r"<(https?://[^|>]+|mailto:[^|>]+)(?:\|[^>]*)?>")
_NAMED = re.compile(r"<([#@!])([^|>]+)(?:\|([^>]*))?>")
WORDS = 3  # of the longest command


def find(
    commands: Mapping[tuple[str, ...], Command], text: str, *, lead: Sequence[str] = ()
) -> tuple[Command, str] | None:
    """The command that the first words of `text` name, `lead` standing before them, and the text behind it."""
    words = text.split()
    for count in range(min(WORDS, len(words)), -1, -1):
        if command := commands.get((*lead, *(word.lower() for word in words[:count]))):
            return command, text.split(maxsplit=count)[count] if len(words) > count else ""
    return None


def read(options: type[Options], text: str) -> dict[str, Any]:
    """The options' values as they were typed; what belongs to none of them is the first that must be given."""
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
    if rest and (first := main(options)):
        values.setdefault(first, rest)
    return values


def main(options: type[Options]) -> str:
    """The option that plain words are for."""
    fields = options.model_fields
    required = [name for name, field in fields.items() if field.is_required()]
    return next(iter(required or fields), "")


def complete(options: type[Options], values: Mapping[str, Any]) -> bool:
    return all(name in values for name, field in options.model_fields.items() if field.is_required())


def typed(text: str) -> str:
    """What people wrote, of what Slack sends: links and mentions stand in angles there, & < > as entities.

    https://docs.slack.dev/messaging/formatting-message-text#retrieving-messages
    """
    named = _NAMED.sub(lambda m: f"{'@' if m[1] == '!' else m[1]}{m[3] or m[2]}", _LINK.sub(r"\1", text))
    for entity, char in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        named = named.replace(entity, char)
    return named
