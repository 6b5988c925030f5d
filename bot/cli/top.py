"""`moot top`: what a running bot does, refreshed in the terminal from its operators' port."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from rich.live import Live

from bot.cli.console import CleanConsole
from bot.cli.core import load_configuration
from bot.cli.exit import OK
from bot.operations.overview import render_overview
from bot.operations.reading import Reading, fetch_metrics, metrics_url

REFRESH_S = 2.0


async def show_top() -> int:
    """Show what the bot of these settings does until interrupted; once, where nobody watches a terminal.

    Raises Misconfigured where it has no port, Refused where none answers.
    """
    url, console, now = metrics_url(load_configuration().metrics), CleanConsole(), asyncio.get_running_loop().time
    reading = Reading(await fetch_metrics(url), now())
    if not console.is_terminal:
        console.print(render_overview(reading, None, columns=console.width, rows=console.height))
        return OK
    before: Reading | None = None
    with suppress(asyncio.CancelledError), Live(console=console, screen=True, auto_refresh=False) as live:
        while True:
            live.update(render_overview(reading, before, columns=console.width, rows=console.height), refresh=True)
            await asyncio.sleep(REFRESH_S)
            before, reading = reading, Reading(await fetch_metrics(url), now())
    return OK
