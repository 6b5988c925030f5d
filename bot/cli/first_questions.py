"""The questions of `moot init`, in short lines for narrow terminals.

Where the input ends, those that must be answered raise EOFError, and the others take it for Enter.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from pydantic import ValidationError
from rich.console import Console
from rich.prompt import Prompt

from bot.cli.first_settings import Choice
from bot.cli.provision import USUAL_SEATS
from bot.settings.platforms import DiscordSettings, SlackSettings
from bot.settings.value_types import MAX_SEATS

EVERYONE = "everyone"
TOKEN = re.compile(r"[\w.-]+", re.ASCII)  # which needs no quotes in .env


def ask_for_seats(console: Console, found: Sequence[Choice]) -> Sequence[Choice]:
    """Ask who sits at the table, in the order given; Enter takes the first few."""
    console.print("Found here:")
    for number, choice in enumerate(found, 1):
        source = choice.variable or choice.api_base
        console.print(f"  {number}  {choice.name}  ({source})", markup=False, highlight=False)
    usual = ",".join(str(n) for n in range(1, len(found[:USUAL_SEATS]) + 1))
    while True:
        picked = _read_numbers(_ask(console, "Who sits at the table?", usual), len(found))
        if 0 < len(picked) <= MAX_SEATS:
            return [found[n - 1] for n in picked]
        console.print(f"Numbers from 1 to {len(found)}, with commas between them, {MAX_SEATS} at most.")


def ask_for_chair(console: Console, seated: Sequence[Choice]) -> Choice:
    """Ask which of the seated sums up; Enter takes the first."""
    keys = ", ".join(choice.key for choice in seated)
    while True:
        answer = _ask(console, f"Who sums up and judges? {keys}", seated[0].key).lower()
        if chosen := next((c for c in seated if answer in (c.key, c.name.lower())), None):
            return chosen
        console.print("One of those names.")


def ask_for_tokens(console: Console, platform: str, tokens: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    """Ask for the tokens of a platform, unseen; return them by their variables, all or none.

    `tokens`: variable → what it is called, and how it begins ("" where that is not known).
    """
    given: dict[str, str] = {}
    for variable, (title, begin) in tokens.items():
        while typed := _ask_unseen(console, f"{platform}: {title} (unseen; Enter: none)"):
            if typed.startswith(begin) and TOKEN.fullmatch(typed):
                given[variable] = typed
                break
            console.print(f"It begins with {begin}." if begin else "It has letters, digits, dots and hyphens.")
        else:
            return {}
    return given


def ask_for_servers(console: Console, what: str, settings: DiscordSettings | SlackSettings) -> str | list[str]:
    """Ask for the ids of who may use the bot; Enter takes everyone."""
    while True:
        try:
            given = _ask(console, f"The ids of the {what} that may use it, with commas", EVERYONE)
        except EOFError:
            return EVERYONE
        ids = [word.strip() for word in given.split(",") if word.strip()]
        allow = EVERYONE if ids in ([], [EVERYONE]) else ids
        try:
            type(settings).model_validate({**dict(settings), "allow": allow})
        except ValidationError:
            console.print(f"Ids alone, with commas between them, or {EVERYONE}.")
        else:
            return allow


def _ask_unseen(console: Console, question: str) -> str:
    try:
        return Prompt.ask(question, console=console, password=True, default="", show_default=False).strip()
    except EOFError:
        return ""


def _ask(console: Console, question: str, usual: str) -> str:
    return Prompt.ask(question, console=console, default=usual).strip()


def _read_numbers(answer: str, most: int) -> list[int]:
    """Read numbers from 1 to `most`, each once; empty where anything else is among them."""
    words = answer.replace(",", " ").split()
    good = all(word.isdecimal() and 1 <= int(word) <= most for word in words)
    return list(dict.fromkeys(map(int, words))) if good else []
