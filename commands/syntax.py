"""A parser for typed commands: `/debate tabs or spaces --panel fast --rounds 2` as a command's options. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from bot.errors import Refused
from bot.text import QUOTED_CHARS, did_you_mean, join_names, shorten_typed
from commands.command import Command, Options, RunOptions, check_typed, plain_type

# what keyboards of all scripts write for dashes, quotes and commas, and what comes along when words are copied
_PLAIN = str.maketrans("‐‑‒−﹣－“”„«»「」‘’‚，、\u200b\u200e\u200f\u2060\ufeff", "------" + '"' * 7 + "''',," + " " * 5)
# code is words; phones write -- as a dash; a list goes on after a comma; quotes keep words together
_QUOTED = "\"[^\"]*\"|'[^']*'"
_OPTION = re.compile(
    rf"`[^`]*`|(?:^|(?<=\s))(?:--|[—–―]+)(\w+)"
    rf"(?:[=\s]\s*((?:(?!--|[—–―])(?>{_QUOTED}|[^\s,]*),\s*)*(?:{_QUOTED}|(?!--|[—–―])\S+)))?"
)
_QUOTED_ITEM = re.compile(rf"(?:^|(?<=[\s,]))(?:{_QUOTED})(?=\s*(?:,|$))")

_AROUND = "/:：\u200b\u200e\u200f\u2060\ufeff"  # a command's name in a sentence: "/debate …", "debate: …"

MAX_WORDS = 3  # of the longest command
NEAR = 0.75  # how alike a mistyped option is to what was meant: 1 is the same
AS_WORDS = "Nothing was done. If it belongs to your words, put it in `backquotes`."


def find_command(
    commands: Mapping[tuple[str, ...], Command], text: str, *, lead: Sequence[str] = ()
) -> tuple[Command, str] | None:
    """Return the command that the first words of `text` name, after the words of `lead`, and the text behind it."""
    words = text.split()
    for count in range(min(MAX_WORDS, len(words)), -1, -1):
        if command := commands.get((*lead, *(word.lower().strip(_AROUND) for word in words[:count]))):
            return command, text.split(maxsplit=count)[count] if len(words) > count else ""
    return None


def parse_options(command: Command, text: str, commands: Mapping[tuple[str, ...], Command]) -> dict[str, Any]:
    """Return the options' values as they were typed. Words that belong to no option are the value of the main one.

    Raises Refused for an option that the command has not, and for what belongs into a form.
    """
    fields = command.options.model_fields
    values: dict[str, Any] = {}
    free: list[str] = []
    at = 0
    plain = text.translate(_PLAIN)  # as long as the text
    for found in _OPTION.finditer(plain):
        name, value = (found[1] or "").lower(), found[2]
        if name in fields and value is not None:
            values[name] = _unquote(text[slice(*found.span(2))], value)
            free.append(text[at : found.start()])
            at = found.end()
        elif name:
            is_last = found.end() == len(text) and text.startswith("--", found.start())
            _refuse_mistyped(command, name, commands, is_surely_option=is_last and value is not None)
    free.append(text[at:])
    rest = " ".join(part.strip() for part in free if part.strip()) if len(free) > 1 else free[0].strip()
    if rest and (first := main_option(command.options)):
        values.setdefault(first, rest)
    check_typed(command.options, values)
    return values


def _unquote(value: str, plain: str) -> str:
    """Return a value without the quotes around it or around parts of its list; `plain` has them as on a typewriter."""
    quotes = {at for item in _QUOTED_ITEM.finditer(plain) for at in (item.start(), item.end() - 1)}
    return "".join(char for at, char in enumerate(value) if at not in quotes).strip('"“”')


def _refuse_mistyped(
    command: Command, name: str, commands: Mapping[tuple[str, ...], Command], *, is_surely_option: bool
) -> None:
    """Raise Refused where a word behind two dashes was meant as an option, rather than as a word of a question.

    It was where another format has that option, where one of this command's is called nearly so, or where
    `is_surely_option`: it stands last, with a value.
    """
    fields, called = list(command.options.model_fields), f"`/{' '.join(command.path)}`"
    if name in fields:
        such = "yes" if plain_type(command.options.model_fields[name]) is bool else "…"
        raise Refused(f"Write behind --{name} what it should be, such as `--{name} {such}`. {AS_WORDS}")
    formats = {path: other.options for path, other in commands.items() if issubclass(other.options, RunOptions)}
    has = [f"`/{' '.join(path)}`" for path, options in formats.items() if name in options.model_fields]
    near = get_close_matches(name[:QUOTED_CHARS], fields, n=3, cutoff=NEAR)
    if has and not near:
        raise Refused(f"{called} has no --{name}; {join_names(has)} {'has' if len(has) == 1 else 'have'}. {AS_WORDS}")
    if near or is_surely_option:
        hint = did_you_mean(f"--{name}", [f"--{field}" for field in near or fields], "options")
        raise Refused(f"{called} has no --{shorten_typed(name)}. {hint} {AS_WORDS}")


def refuse_unknown(first: str, text: str, commands: Mapping[tuple[str, ...], Command]) -> Refused:
    """Return what to say to words behind `/first` that are no command: three that are called most like them."""
    known = [" ".join(path[1:]) for path in commands if path[0] == first and path[1:]]
    words = " ".join(text.lower().split()[:MAX_WORDS])[:QUOTED_CHARS]
    near = [f"`/{first} {name}`" for name in get_close_matches(words, known, n=3, cutoff=0.0)]
    return Refused(
        f"There is no /{first} {shorten_typed(words)}. Near it are {join_names(near)}. "
        f"`/{first} help` tells what can be done."
    )


def main_option(options: type[Options]) -> str:
    """Return the option that plain words are for: the first required one, else the first."""
    fields = options.model_fields
    required = [name for name, field in fields.items() if field.is_required()]
    return next(iter(required or fields), "")


def is_complete(options: type[Options], values: Mapping[str, Any]) -> bool:
    """Return whether every required option has a value."""
    return all(name in values for name, field in options.model_fields.items() if field.is_required())
