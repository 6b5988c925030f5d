"""`moot doctor`: checks of settings, database, prompts, models and platforms, and how their findings are printed."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from bot.cli.console import CleanConsole, print_plain
from bot.cli.exit import FAILED, OK
from bot.cli.logs import configure_logs
from bot.cli.provision import USUAL_SEATS, provide_models
from bot.cli.settings_file import load_settings
from bot.cli.tables import LEAST_TABLE_COLUMNS
from bot.doctor import Check, Finding, State, as_json, is_healthy, list_settings_mistakes, run_checks
from bot.errors import Misconfigured, Refused
from bot.models import doctor as model_doctor
from bot.models.errors import ProviderError
from bot.models.key_files import check_key_files
from bot.models.own_keys import SETTING
from bot.models.search import resolve_searcher, with_searcher
from bot.models.speak import Speaker
from bot.operations.doctor import metrics_check
from bot.prompts import check_prompts
from bot.sealing import make_sealer
from bot.settings.files import FILE
from bot.settings.settings import PanelSettings, RetrySettings, Settings
from storage import doctor as storage_doctor

_STYLES: Mapping[State, str] = {"ok": "green", "warning": "yellow", "broken": "bold red"}


async def run_doctor(*, spend: bool, json_object: bool) -> int:
    """Check everything that is configured and print the findings; FAILED where something that is needed is broken.

    With `spend`, each model is asked a short question.
    """
    try:
        settings = load_settings()
    except Misconfigured as error:
        findings = list_settings_mistakes(str(error))
    else:
        configure_logs(settings.log)
        findings = await _check_everything(settings, spend=spend)
    if json_object:
        print_plain(json.dumps(as_json(findings)))
    else:
        console = CleanConsole()
        console.print(_render_findings(findings, console.width))
    return OK if is_healthy(findings) else FAILED


async def _check_everything(settings: Settings, *, spend: bool) -> list[Finding]:
    async with AsyncExitStack() as stack:
        models = await _model_checks(settings, stack, spend=spend)
        database = Check("database", partial(storage_doctor.check_store, settings.storage.location, time.time))
        prompts = [Check("prompts", partial(check_prompts, settings.prompts))] if settings.prompts else []
        port = [metrics_check(settings.metrics)] if settings.metrics.port is not None else []
        checks = [database, *prompts, *port, *models, *_platform_checks(settings)]
        keys = [*check_key_files(settings), *_check_master_key(settings.own_keys.read_master())]
        return [_settings_finding(), *keys, *await run_checks(checks)]


def _settings_finding() -> Finding:
    where = FILE if Path(FILE).exists() else f"environment; there is no {FILE}"
    return Finding("settings", "ok", where)


def _check_master_key(master: str) -> list[Finding]:
    try:
        if master:
            make_sealer(master, SETTING)
    except Misconfigured as error:
        return [Finding(SETTING, "broken", str(error), "The bot does not start until it is corrected or left out.")]
    return []


async def _model_checks(settings: Settings, stack: AsyncExitStack, *, spend: bool) -> list[Check]:
    """Return a check of each configured model, or else of each that `moot try` would take."""
    try:
        supply = await stack.enter_async_context(provide_models(settings, None, lambda found: found[:USUAL_SEATS]))
    except (Refused, ProviderError) as error:
        return [_fixed_check(Finding("models", "broken", "there is no model to ask", str(error)))]
    try:
        found = resolve_searcher(settings.search, supply.models)
    except Misconfigured as error:
        remedy = "Correct [search]; moot.example.toml shows it."
        return [_fixed_check(Finding("search", "broken", str(error), remedy))]
    models = with_searcher(supply.models, found)
    speaker = Speaker(models, model_doctor.DEADLINES, RetrySettings(tries=1)) if spend else None
    if speaker is not None:
        stack.push_async_callback(speaker.aclose)
    search = [model_doctor.search_check(*found, speaker)] if found else []
    return [*model_doctor.model_checks(supply.models, _models_of_panels(supply.panels), speaker), *search]


def _fixed_check(finding: Finding) -> Check:
    """Make a check of a finding that is there already, so that the other checks still run beside it."""

    async def report() -> list[Finding]:
        return [finding]

    return Check(finding.what, report)


def _models_of_panels(panels: Mapping[str, PanelSettings]) -> set[str]:
    """Return the keys of the models that some panel needs."""
    named = (key for panel in panels.values() for key in (*(s.model for s in panel.seats), panel.chair, panel.judge))
    return {key for key in named if key is not None}


def _platform_checks(settings: Settings) -> list[Check]:
    """Return one check for each configured platform; its adapter knows what can be wrong with it."""
    checks = []
    if settings.discord is not None:
        from adapters.discord import doctor as discord_doctor  # its library takes 0.6 s to import

        checks.append(discord_doctor.discord_check(settings.discord, time.time))
    if settings.slack is not None:
        from adapters.slack import doctor as slack_doctor  # as above

        checks.append(slack_doctor.slack_check(settings.slack, time.time))
    return checks


def _render_findings(findings: Sequence[Finding], columns: int) -> RenderableType:
    """Render a table, or a paragraph a finding on a terminal of few columns."""
    return _render_table(findings) if columns >= LEAST_TABLE_COLUMNS else Group(*_render_paragraphs(findings))


def _render_table(findings: Iterable[Finding]) -> Table:
    table = Table()
    for title in ("what", "state", "what it means", "what to do"):
        table.add_column(title, overflow="fold")  # an address or a path that is cut helps nobody
    for f in findings:
        table.add_row(Text(f.what), Text(f.state, _STYLES[f.state]), Text(f.meaning), Text(f.remedy))
    return table


def _render_paragraphs(findings: Iterable[Finding]) -> Iterable[Text]:
    for f in findings:
        remedy = f"\n  → {f.remedy}" if f.remedy else ""
        yield Text.assemble((f.state, _STYLES[f.state]), f"  {f.what}: {f.meaning}", remedy)
