"""`moot init`: a first moot.toml from the keys and model servers that are found here, and platforms' tokens in .env."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from bot.cli.console import CleanConsole
from bot.cli.exit import INTERRUPTED, OK, complain
from bot.cli.first_cost import tell_first_cost
from bot.cli.first_questions import ask_for_chair, ask_for_seats, ask_for_servers, ask_for_tokens
from bot.cli.first_settings import (
    KNOWN,
    Choice,
    find_hosted_choices,
    key_variables,
    make_local_choices,
    render_settings,
    take_newest,
)
from bot.cli.provision import USUAL_SEATS
from bot.cli.settings_file import load_settings
from bot.errors import Misconfigured, Refused
from bot.models import embedded, local
from bot.models.catalogue import resolve_models
from bot.models.errors import ProviderError
from bot.models.listing import fetch_available
from bot.settings.files import DOTENV, FILE
from bot.settings.settings import ModelSettings, Settings
from bot.settings.value_types import MAX_SEATS

# variable → what people call the token, and how it begins
TOKENS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "discord": {"MOOT_DISCORD__TOKEN": ("the bot's token", "")},
    "slack": {
        "MOOT_SLACK__BOT_TOKEN": ("the bot token", "xoxb-"),
        "MOOT_SLACK__APP_TOKEN": ("the app-level token", "xapp-"),
    },
}
SERVERS = {"discord": "Discord servers (right-click, Copy Server ID)", "slack": "Slack workspaces (T…)"}


async def write_first_settings(
    *, seats: Sequence[str], chair: str | None, ask: bool, force: bool, ports: Sequence[int] = local.PORTS
) -> int:
    """Write moot.toml from what is found here.

    `seats` and `chair` are keys of models. Seats and a chair that are not given are asked for where `ask` is set and
    a person sits at a keyboard, and so are the tokens of platforms; elsewhere the usual ones are taken. `ports` are
    those where model servers are looked for. Raises Refused when a file is there and `force` is not set, or a seat is
    not found; Misconfigured when a file cannot be written.
    """
    console = CleanConsole()
    _refuse_to_replace(force=force)
    found = await _find_choices(ports)
    is_asked = ask and console.is_terminal and sys.stdin.isatty()
    if len(seats) > MAX_SEATS:
        raise Refused(f"{MAX_SEATS} seats are the most at one table.")
    kept: list[str] = []
    try:
        with _interruptible():
            seated, head = _choose(console, found, seats, chair, ask=is_asked)
            _write_file(render_settings(found, seated, head), force=force)
            kept.append(f"{FILE} is written.")
            console.print(kept[0], highlight=False)
            if is_asked:
                _ask_for_platforms(console, kept)
    except EOFError:
        raise Refused("Nothing is written: the questions stayed unanswered. `moot init --yes` asks none.") from None
    except KeyboardInterrupt:
        told = " ".join([*kept, "`moot init --force` asks anew."]) if kept else "Nothing is written."
        return complain(told, INTERRUPTED)
    if ask and not is_asked:
        console.print("There is no keyboard here, so nobody was asked: --seat and --chair choose.", highlight=False)
    for line in _next_steps(seated, load_settings()):
        console.print(line, markup=False, highlight=False)
    return OK


@contextmanager
def _interruptible() -> Iterator[None]:
    """Have Ctrl-C leave a question at once; asyncio would wait for its answer."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _choose(
    console: Console, found: Sequence[Choice], seats: Sequence[str], chair: str | None, *, ask: bool
) -> tuple[Sequence[Choice], Choice | None]:
    """Return who sits at the table, and who sums up: as given, as asked for, or the usual ones."""
    if seats:
        seated: Sequence[Choice] = [_choice_by_key(key, found) for key in dict.fromkeys(seats)]
    else:
        seated = ask_for_seats(console, found) if ask and len(found) > 1 else found[:USUAL_SEATS]
    if chair is not None:
        return seated, _choice_by_key(chair, found)
    return seated, ask_for_chair(console, seated) if ask and len(seated) > 1 else next(iter(seated), None)


def _ask_for_platforms(console: Console, kept: list[str]) -> None:
    """Ask for the tokens of each platform that has none, and whose bot it is; note in `kept` what was written."""
    for name, tokens in TOKENS.items():
        if getattr(load_settings(), name) is None:
            given = ask_for_tokens(console, name.capitalize(), tokens)
            if not given:
                continue
            _append(Path(DOTENV), "".join(f"{variable}={token}\n" for variable, token in given.items()), private=True)
            os.environ.update(given)  # it was read when the process began
            kept.append(f"{' and '.join(given)} {'is' if len(given) == 1 else 'are'} in {DOTENV}.")
        settings = getattr(load_settings(), name)
        allow = json.dumps(ask_for_servers(console, SERVERS[name], settings))
        _append(Path(FILE), f"\n[{name}]\nallow = {allow}   # who else invites it is told to ask you\n")


def _append(path: Path, text: str, *, private: bool = False) -> None:
    """Add a text to a file, on lines of its own. Raises Misconfigured."""
    try:
        before = path.read_text("utf-8") if path.exists() else ""
        with open(path, "a", encoding="utf-8", opener=lambda p, flags: os.open(p, flags, 0o600)) as file:
            if private:
                os.fchmod(file.fileno(), 0o600)
            file.write("\n" * bool(before and not before.endswith("\n")) + text)
    except (OSError, UnicodeDecodeError) as error:
        raise Misconfigured(f"{path} cannot be written: {getattr(error, 'strerror', 'it is no text')}.") from error


def _refuse_to_replace(*, force: bool) -> None:
    if Path(FILE).exists() and not force:
        raise Refused(f"{FILE} is there already: `moot init --force` replaces it.")


async def _find_choices(ports: Sequence[int]) -> list[Choice]:
    """Find the models whose keys are in the environment, and the first few of each server on this machine."""
    hosted, servers = await asyncio.gather(
        _take_current(find_hosted_choices(os.environ)), local.discover_servers(ports)
    )
    models = [model for server in servers for model in server.models[:USUAL_SEATS]]
    return [*hosted, *make_local_choices(models, [choice.key for choice in hosted])]


async def _take_current(choices: Sequence[Choice]) -> list[Choice]:
    """Return the choices in the newest version that their keys list, each provider asked once."""
    asked = {choice.provider: choice for choice in choices}
    listed = dict(zip(asked, await asyncio.gather(*map(_list_offered, asked.values())), strict=True))
    return [take_newest(choice, listed[choice.provider]) for choice in choices]


async def _list_offered(choice: Choice) -> Sequence[str]:
    """Return the models that the provider of a choice offers; none where it does not say."""
    [model] = resolve_models({choice.key: ModelSettings(litellm=choice.litellm)}).values()
    try:
        return await fetch_available(model)
    except ProviderError:
        return ()


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


def _next_steps(seated: Sequence[Choice], settings: Settings) -> Iterator[str]:
    """Yield lines about what to do now: of models, what a run costs, and of each platform."""
    if seated:
        names = ", ".join(choice.name for choice in seated)
        yield f'At the table: {names}. Next: moot doctor, then moot try "…"'
        yield f"A council of them: {tell_first_cost(settings)}; [money] holds the limits."
    elif embedded.is_installed():
        yield 'No key and no model server was found: moot try "…" takes the small model that is installed here.'
    else:
        yield "No model was found: set a key such as ANTHROPIC_API_KEY, or start Ollama; then moot init --force"
    if settings.discord is not None:
        yield "Discord: its token is set. Next: moot invite discord"
    else:
        yield f"Discord: put MOOT_DISCORD__TOKEN=… into {DOTENV}, then moot invite discord"
    if settings.slack is not None:
        yield "Slack: its tokens are set. Next: moot run"
    else:
        yield f"Slack: moot manifest slack, then MOOT_SLACK__BOT_TOKEN=… and MOOT_SLACK__APP_TOKEN=… into {DOTENV}"
