"""The operators' port: health, readiness and metrics over HTTP."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from aiohttp import web
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest

from bot.errors import Misconfigured
from bot.operations.gauges import Gauges
from bot.operations.metrics import Metrics
from bot.settings.operations import MetricsSettings


@asynccontextmanager
async def serve_metrics(settings: MetricsSettings, metrics: Metrics, gauges: Gauges) -> AsyncIterator[int]:
    """Serve the operators' port as long as the context lasts; yield its number. Raises Misconfigured.

    `/healthz` answers as long as the event loop does, `/readyz` with 503 while a platform is away or the database
    takes nothing, `/metrics` in Prometheus' text format.
    """

    async def tell_health(request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def tell_readiness(request: web.Request) -> web.Response:
        health = await gauges.check_health()
        told = {"ready": health.is_ready, "platforms": health.platforms, "database": health.database}
        return web.json_response(told, status=200 if health.is_ready else 503)

    async def tell_metrics(request: web.Request) -> web.Response:
        await gauges.refresh()
        return web.Response(body=generate_latest(metrics.registry), headers={"Content-Type": CONTENT_TYPE_PLAIN_0_0_4})

    served = web.Application()
    served.add_routes(
        [web.get("/healthz", tell_health), web.get("/readyz", tell_readiness), web.get("/metrics", tell_metrics)]
    )
    runner = web.AppRunner(served, access_log=None)
    await runner.setup()
    try:
        yield await _listen(runner, settings)
    finally:
        await runner.cleanup()


async def require_free_port(settings: MetricsSettings) -> None:
    """Listen for a moment. Raises Misconfigured where that fails, before a start has loaded what is slow."""
    with _naming_port(settings):
        server = await asyncio.start_server(lambda reader, writer: writer.close(), settings.host, settings.port)
    server.close()
    await server.wait_closed()


async def _listen(runner: web.AppRunner, settings: MetricsSettings) -> int:
    """Listen, and return the port: the one that is set, or for 0 one that was free."""
    with _naming_port(settings):
        await web.TCPSite(runner, settings.host, settings.port).start()
    port: int = runner.addresses[0][1]
    return port


@contextmanager
def _naming_port(settings: MetricsSettings) -> Iterator[None]:
    """Raise an error of listening as Misconfigured."""
    try:
        yield
    except OSError as error:
        where = f"{settings.host}:{settings.port}"
        why, remedy = explain_port(error)
        raise Misconfigured(f"metrics.port: {where} cannot be listened on: {why}. {remedy}") from error


def explain_port(error: OSError) -> tuple[str, str]:
    """Return why a port cannot be listened on, and what to do."""
    code = errno.EADDRNOTAVAIL if isinstance(error, socket.gaierror) else error.errno
    match code:
        case errno.EADDRINUSE:
            return "another process does already", "Name another metrics.port, or leave it out."
        case errno.EACCES:
            return "this user has no right to", "Name a metrics.port above 1023."
        case errno.EADDRNOTAVAIL | None:  # asyncio of Python 3.12 and later names no code here
            remedy = 'Correct metrics.host: "127.0.0.1" is this machine, or "::1" where there is no IPv4.'
            return "this machine has no such address", remedy
    return error.strerror or str(error), "Name another metrics.port or metrics.host."
