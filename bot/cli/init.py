"""`moot init`: a first moot.toml from the keys and model servers that are found here."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from pydantic import ValidationError
from rich.console import Console
from rich.prompt import Prompt

from bot.cli.console import CleanConsole
from bot.cli.exit import OK
from bot.cli.first_settings import (
    KNOWN,
    Choice,
    find_hosted_choices,
    key_variables,
    make_local_choices,
    render_settings,
)
from bot.cli.provision import USUAL_SEATS
from bot.cli.settings_file import load_settings
from bot.errors import Misconfigured, Refused
from bot.models import embedded, local
from bot.platform_settings import DiscordSettings, SlackSettings
from bot.settings import FILE, MAX_SEATS

EVERYONE = "everyone"


async def write_first_settings(
    *, seats: Sequence[str], chair: str | None, ask: bool, force: bool, ports: Sequence[int] = local.PORTS
) -> int:
    """Write moot.toml from what is found here.

    `seats` and `chair` are keys of models. Seats and a chair that are not given are asked for where `ask` is set and
    a person sits at a keyboard; elsewhere the usual ones are taken. `ports` are those where model servers are looked
    for. Raises Refused when a file is there and `force` is not set, or a seat is not found; Misconfigured when the
    file cannot be written.
    """
    console = CleanConsole()
    _refuse_to_replace(force=force)
    found = await _find_choices(ports)
    ask = ask and console.is_terminal and sys.stdin.isatty()
    if len(seats) > MAX_SEATS:
        raise Refused(f"{MAX_SEATS} seats are the most at one table.")
    if seats:
        seated: Sequence[Choice] = [_choice_by_key(key, found) for key in dict.fromkeys(seats)]
    else:
        seated = _ask_for_seats(console, found) if ask and len(found) > 1 else found[:USUAL_SEATS]
    if chair is not None:
        head: Choice | None = _choice_by_key(chair, found)
    else:
        head = _ask_for_chair(console, seated) if ask and len(seated) > 1 else next(iter(seated), None)
    _write_file(render_settings(found, seated, head), force=force)
    console.print(f"{FILE} is written.", highlight=False)
    settings = load_settings()
    if ask:
        for name, platform in (("discord", settings.discord), ("slack", settings.slack)):
            if platform is not None:
                _add_to_file(_ask_for_servers(console, name, platform))
    for line in _next_steps(seated, has_token=settings.discord is not None):
        console.print(line, markup=False, highlight=False)
    return OK


def _ask_for_servers(console: Console, name: str, platform: DiscordSettings | SlackSettings) -> str:
    """Ask whose bot it is; return the table of settings that says so: everyone's where the input ends."""
    what = "Discord servers (right-click, Copy Server ID)" if name == "discord" else "Slack workspaces (T…)"
    while True:
        try:
            given = Prompt.ask(f"The ids of the {what} that may use it, with commas", console=console, default=EVERYONE)
        except EOFError:
            given = EVERYONE
        ids = [word.strip() for word in given.split(",") if word.strip()]
        allow = EVERYONE if ids in ([], [EVERYONE]) else ids
        try:
            type(platform).model_validate({**dict(platform), "allow": allow})
        except ValidationError:
            console.print(f"Ids alone, with commas between them, or {EVERYONE}.")
        else:
            return f"\n[{name}]\nallow = {json.dumps(allow)}   # who else invites it is told to ask you\n"


def _add_to_file(table: str) -> None:
    with Path(FILE).open("a", encoding="utf-8") as file:
        file.write(table)


def _refuse_to_replace(*, force: bool) -> None:
    if Path(FILE).exists() and not force:
        raise Refused(f"{FILE} is there already: `moot init --force` replaces it.")


async def _find_choices(ports: Sequence[int]) -> list[Choice]:
    """Find the models whose keys are in the environment, and the first few of each server on this machine."""
    hosted = find_hosted_choices(os.environ)
    servers = await local.discover_servers(ports)
    models = [model for server in servers for model in server.models[:USUAL_SEATS]]
    return [*hosted, *make_local_choices(models, [choice.key for choice in hosted])]


def _choice_by_key(key: str, found: Sequence[Choice]) -> Choice:
    """Return the choice of that key. Raises Refused, naming the variable of a known model that is not here."""
    if chosen := next((choice for choice in found if choice.key == key), None):
        return chosen
    here = ", ".join(choice.key for choice in found) or "none"
    known = next((choice for choice in KNOWN if choice.key == key), None)
    hint = f" Set {key_variables(known)[0]} for it." if known else ""
    raise Refused(f"There is no model “{key}” here; found: {here}.{hint}")


def _write_file(text: str, *, force: bool) -> None:
    try:
        with Path(FILE).open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise Misconfigured(f"{FILE} cannot be written: {error.strerror}.") from error


def _next_steps(seated: Sequence[Choice], *, has_token: bool) -> tuple[str, str]:
    """Return two lines about what to do now: one of models, one of Discord."""
    if seated:
        names = ", ".join(choice.name for choice in seated)
        first = f'At the table: {names}. Next: moot doctor, then moot try "…"'
    elif embedded.is_installed():
        first = 'No key and no model server was found: moot try "…" takes the small model that is installed here.'
    else:
        first = "No model was found: set a key such as ANTHROPIC_API_KEY, or start Ollama; then moot init --force"
    if has_token:
        return first, "Discord: its token is set. Next: moot invite discord"
    return first, "Discord: put MOOT_DISCORD__TOKEN=… into .env, then moot invite discord"


def _ask_for_seats(console: Console, found: Sequence[Choice]) -> Sequence[Choice]:
    """Ask who sits at the table, in the order given; Enter takes the first few. Raises Refused when the input ends."""
    console.print("Found here:")  # short lines, for narrow terminals
    for number, choice in enumerate(found, 1):
        source = choice.variable or choice.api_base
        console.print(f"  {number}  {choice.name}  ({source})", markup=False, highlight=False)
    usual = ",".join(str(n) for n in range(1, len(found[:USUAL_SEATS]) + 1))
    while True:
        picked = _read_numbers(_ask(console, "Who sits at the table?", usual), len(found))
        if 0 < len(picked) <= MAX_SEATS:
            return [found[n - 1] for n in picked]
        console.print(f"Numbers from 1 to {len(found)}, with commas between them, {MAX_SEATS} at most.")


def _ask_for_chair(console: Console, seated: Sequence[Choice]) -> Choice:
    """Ask which of the seated sums up; Enter takes the first. Raises Refused when the input ends."""
    keys = ", ".join(choice.key for choice in seated)
    while True:
        answer = _ask(console, f"Who sums up and judges? {keys}", seated[0].key).lower()
        if chosen := next((c for c in seated if answer in (c.key, c.name.lower())), None):
            return chosen
        console.print("One of those names.")


def _ask(console: Console, question: str, usual: str) -> str:
    try:
        return Prompt.ask(question, console=console, default=usual).strip()
    except EOFError:
        raise Refused("Nothing is written: the questions stayed unanswered. `moot init --yes` asks none.") from None


def _read_numbers(answer: str, most: int) -> list[int]:
    """Read numbers from 1 to `most`, each once; empty where anything else is among them."""
    words = answer.replace(",", " ").split()
    good = all(word.isdecimal() and 1 <= int(word) <= most for word in words)
    return list(dict.fromkeys(map(int, words))) if good else []
