"""The check of the operators' port, before a start finds out."""

from __future__ import annotations

import asyncio
from functools import partial

from bot.doctor import Check, Finding
from bot.errors import Refused
from bot.operations.reading import fetch_metrics, metrics_url
from bot.operations.server import explain_port
from bot.settings.operations import MetricsSettings


def metrics_check(settings: MetricsSettings) -> Check:
    """Return the check of a port that is set."""
    return Check("metrics", partial(_check_port, settings))


async def _check_port(settings: MetricsSettings) -> list[Finding]:
    """Try to listen; where that fails, see whether it is the bot that does already."""
    where = f"{settings.host}:{settings.port}"
    try:
        server = await asyncio.start_server(lambda reader, writer: writer.close(), settings.host, settings.port)
    except OSError as error:
        why, remedy = explain_port(error)
    else:
        server.close()
        await server.wait_closed()
        exposed = settings.host not in ("127.0.0.1", "::1", "localhost")
        if exposed:
            open_to = f"{where} is free, and whoever reaches it may read it"
            return [Finding("metrics", "warning", open_to, "Let only your collector reach it, or set 127.0.0.1.")]
        return [Finding("metrics", "ok", f"{where} is free")]
    try:
        await fetch_metrics(metrics_url(settings))
    except Refused:
        meaning = f"{where} cannot be listened on: {why}; the bot does not start"
        return [Finding("metrics", "broken", meaning, remedy)]
    return [Finding("metrics", "ok", f"a bot answers at {where}")]
