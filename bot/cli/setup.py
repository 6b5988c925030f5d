"""The first ten minutes, wired together: `moot init`, `moot doctor`, `moot invite`; each returns its exit status."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

from rich.console import Console

from bot.cli import first_settings as starter
from bot.cli import logs
from bot.cli.core import FAILED, OK
from bot.cli.findings import render_findings
from bot.cli.first_settings import MAX_SEATS, Choice
from bot.cli.provision import USUAL_SEATS, provide_models
from bot.cli.questions import pick_chair, pick_seats
from bot.doctor import Check, Finding, as_json, is_healthy, list_settings_mistakes, run_checks
from bot.errors import Misconfigured, Refused
from bot.models import doctor as model_doctor
from bot.models import embedded, local
from bot.models.errors import ProviderError
from bot.models.search import resolve_searcher, with_searcher
from bot.models.speak import Speaker
from bot.prompts import check_prompts as prompt_check
from bot.settings import FILE, PanelSettings, RetrySettings, Settings, load_settings
from storage import doctor as storage_doctor


async def write_first_settings(
    *, seats: Sequence[str], chair: str | None, ask: bool, force: bool, ports: Sequence[int] = local.PORTS
) -> int:
    """Write moot.toml from what is found here. `seats` and `chair` are keys of models; what is not given is asked for
    where `ask` is set and a person sits there, and else taken as usual. `ports`: where model servers are looked for.

    Raises Refused when a file is there and `force` is not set, or a seat is not found; Misconfigured when
    the file cannot be written.
    """
    console = Console()
    _refuse_to_replace(force=force)
    found = await _find_models(ports)
    ask = ask and console.is_terminal and sys.stdin.isatty()
    if len(seats) > MAX_SEATS:
        raise Refused(f"{MAX_SEATS} seats are the most at one table.")
    if seats:
        seated: Sequence[Choice] = [_find_choice(key, found) for key in dict.fromkeys(seats)]
    else:
        seated = pick_seats(console, found) if ask and len(found) > 1 else found[:USUAL_SEATS]
    if chair is not None:
        head: Choice | None = _find_choice(chair, found)
    else:
        head = pick_chair(console, seated) if ask and len(seated) > 1 else next(iter(seated), None)
    _write(starter.render_settings(found, seated, head), force=force)
    console.print(f"{FILE} is written.", highlight=False)
    for line in _next_steps(seated, has_token=load_settings().discord is not None):
        console.print(line, markup=False, highlight=False)
    return OK


def _refuse_to_replace(*, force: bool) -> None:
    if Path(FILE).exists() and not force:
        raise Refused(f"{FILE} is there already: `moot init --force` replaces it.")


async def _find_models(ports: Sequence[int]) -> list[Choice]:
    """Models by keys in the environment, then some of each server on this machine."""
    hosted = starter.find_hosted(os.environ)
    servers = await local.discover_servers(ports)
    models = [model for server in servers for model in server.models[:USUAL_SEATS]]
    return [*hosted, *starter.name_local(models, [choice.key for choice in hosted])]


def _find_choice(key: str, found: Sequence[Choice]) -> Choice:
    if chosen := next((choice for choice in found if choice.key == key), None):
        return chosen
    here = ", ".join(choice.key for choice in found) or "none"
    known = next((choice for choice in starter.KNOWN if choice.key == key), None)
    hint = f" Set {starter.key_variables(known)[0]} for it." if known else ""
    raise Refused(f"There is no model “{key}” here; found: {here}.{hint}")


def _write(text: str, *, force: bool) -> None:
    try:
        with Path(FILE).open("w" if force else "x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise Misconfigured(f"{FILE} cannot be written: {error.strerror}.") from error


def _next_steps(seated: Sequence[Choice], *, has_token: bool) -> tuple[str, str]:
    """What to do now, in two lines."""
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


async def run_doctor(*, spend: bool, json_object: bool) -> int:
    """Look at everything that is configured; 1 when something that is needed is broken."""
    try:
        settings = load_settings()
    except Misconfigured as error:
        found = list_settings_mistakes(str(error))
    else:
        logs.configure_logs(settings.log)
        found = await _check_everything(settings, spend=spend)
    console = Console()
    if json_object:
        print(json.dumps(as_json(found)))
    else:
        console.print(render_findings(found, console.width))
    return OK if is_healthy(found) else FAILED


async def _check_everything(settings: Settings, *, spend: bool) -> list[Finding]:
    async with AsyncExitStack() as stack:
        models = await _model_checks(settings, stack, spend=spend)
        database = Check("database", partial(storage_doctor.check_store, settings.storage.path, time.time))
        prompts = [Check("prompts", partial(prompt_check, settings.prompts))] if settings.prompts else []
        return [_settings_finding(), *await run_checks([database, *prompts, *models, *_platform_checks(settings)])]


def _settings_finding() -> Finding:
    where = FILE if Path(FILE).exists() else f"environment; there is no {FILE}"
    return Finding("settings", "ok", where)


async def _model_checks(settings: Settings, stack: AsyncExitStack, *, spend: bool) -> list[Check]:
    """Those that are configured, or else those that `moot try` would take."""
    try:
        supply = await stack.enter_async_context(provide_models(settings, None, lambda found: found[:USUAL_SEATS]))
    except (Refused, ProviderError) as error:
        none = Finding("models", "broken", "there is no model to ask", str(error))
        return [Check("models", partial(_report, none))]
    try:
        found = resolve_searcher(settings.search, supply.models)
    except Misconfigured as error:
        nobody = Finding("search", "broken", str(error), "Correct [search]; moot.example.toml shows it.")
        return [Check("search", partial(_report, nobody))]
    models = with_searcher(supply.models, found)
    speaker = Speaker(models, model_doctor.DEADLINES, RetrySettings(tries=1)) if spend else None
    if speaker is not None:
        stack.push_async_callback(speaker.aclose)
    search = [model_doctor.search_check(*found, speaker)] if found else []
    return [*model_doctor.model_checks(supply.models, _seated_models(supply.panels), speaker), *search]


async def _report(finding: Finding) -> list[Finding]:
    return [finding]


def _seated_models(panels: Mapping[str, PanelSettings]) -> set[str]:
    """The models that some panel needs."""
    named = (key for panel in panels.values() for key in (*(s.model for s in panel.seats), panel.chair, panel.judge))
    return {key for key in named if key is not None}


def _platform_checks(settings: Settings) -> list[Check]:
    """One a platform that is configured; what can be wrong with it, its adapter knows."""
    checks = []
    if settings.discord is not None:
        from adapters.discord import doctor as discord_doctor  # its library takes 0.6 s to import

        checks.append(discord_doctor.check(settings.discord, time.time))
    if settings.slack is not None:
        from adapters.slack import doctor as slack_doctor  # as above

        checks.append(slack_doctor.check(settings.slack, time.time))
    return checks


async def print_slack_manifest(*, listen: bool, url: str) -> int:
    """Print the app's manifest, to be pasted where Slack makes apps from one."""
    from adapters.slack.manifest import manifest  # as above

    print(manifest(listen, url), end="")
    return OK


async def print_discord_invite() -> int:
    """Print the link that invites the bot, and why it asks for what. Raises Misconfigured without a usable token."""
    settings = load_settings()
    if settings.discord is None:
        raise Misconfigured("discord.token is not set: put MOOT_DISCORD__TOKEN=… into .env. docs/discord.md says more.")
    from adapters.discord import doctor as discord_doctor  # as above
    from adapters.discord import permissions

    application, told = await discord_doctor.application_id(settings.discord)
    source = "as Discord told it" if told else "read from the token, as Discord could not be asked"
    asked = permissions.permissions().value
    print(permissions.invite_link(application))
    console = Console()
    console.print(f"\nApplication {application}, {source}. Permissions ({asked}):", highlight=False)
    for permission in permissions.PERMISSIONS:
        console.print(f"- {permission.label}: {permission.why}", highlight=False)
    return OK
