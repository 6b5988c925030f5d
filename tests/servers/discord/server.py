"""The server: REST, the gateway, files and the control API on one port of this machine."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import web

from bot.ports.process import Clock
from tests.servers.discord import (
    rest_app,
    rest_channels,
    rest_followups,
    rest_guilds,
    rest_messages,
    rest_webhooks,
)
from tests.servers.discord.contract import Contract, Violation
from tests.servers.discord.control import serve_script
from tests.servers.discord.faults import Faults
from tests.servers.discord.gateway import PRIVILEGED, Gateway, Intent
from tests.servers.discord.hub import Hub
from tests.servers.discord.interactions import DEADLINE_S, Interactions
from tests.servers.discord.limits import Buckets, Limits
from tests.servers.discord.routing import API, Request, Router
from tests.servers.discord.script import Script
from tests.servers.discord.world import User, World
from tests.support.shared import SHARED

SPEC = SHARED / "specs" / "discord-openapi.json"
ROUTES = (
    *rest_app.ROUTES,
    *rest_guilds.ROUTES,
    *rest_channels.ROUTES,
    *rest_messages.ROUTES,
    *rest_webhooks.ROUTES,
    *rest_followups.ROUTES,
)


class ContractBroken(AssertionError):
    """Requests of the bot that Discord's OpenAPI document does not allow."""


class DiscordServer(Script):
    """A Discord server on 127.0.0.1, used as `async with DiscordServer() as server:`.

    Leaving raises ContractBroken when requests broke the contract.

    `token` is what the bot must identify with. `allowed` are the privileged intents that the application has.
    `contract` is Discord's OpenAPI document; where it is absent, or None, `server.contract` is None and nothing is
    validated. `wall` is wall time, for ids and timestamps; limits, deadlines and ages go by the loop's.
    """

    def __init__(
        self,
        limits: Limits | None = None,
        *,
        token: str = "test-token",
        allowed: Intent = PRIVILEGED,
        contract: Path | None = SPEC,
        heartbeat_s: float = 41.25,
        deadline_s: float = DEADLINE_S,
        port: int = 0,
        wall: Clock = time.time,
    ) -> None:
        now = _now
        world = World(wall, now)
        gateway = Gateway(world, token, allowed, heartbeat_s)
        self.token = token
        self.contract = None if contract is None else Contract.load(contract)
        self.hub = Hub(world, gateway, Buckets(limits or Limits(), now, wall), Interactions(now, deadline_s), token)
        self.faults = Faults(now)
        self.router = Router(self.hub, self.faults, self.contract)
        self._port = port
        app = web.Application(client_max_size=2**26)
        app.router.add_get("/gateway/", gateway.connect)
        app.router.add_get("/attachments/{channel_id}/{file_id}/{name}", self._serve_file)
        self.router.mount(app, ROUTES)
        serve_script(app, self)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1, access_log=None)

    @property
    def bot(self) -> User:
        return self.hub.world.bot

    @property
    def origin(self) -> str:
        return self.hub.origin

    @property
    def api_base(self) -> str:
        return self.origin + API

    @property
    def gateway_url(self) -> str:
        return self.hub.gateway.url

    @property
    def requests(self) -> list[Request]:
        """Every REST request, the newest last."""
        return self.router.log

    @property
    def violations(self) -> list[Violation]:
        return self.router.violations

    async def until(self, happened: Callable[[], bool], timeout_s: float = 60.0) -> None:
        """Wait until a request has made this true. Raises TimeoutError, which tells the last requests."""
        try:
            async with asyncio.timeout(timeout_s):
                while not happened():
                    self.router.changed.clear()
                    await self.router.changed.wait()
        except TimeoutError as error:
            raise TimeoutError("\n".join(["in vain; the last requests:", *map(str, self.requests[-12:])])) from error

    async def __aenter__(self) -> Self:
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self._port).start()
        port = self._runner.addresses[0][1]
        self.hub.origin = f"http://127.0.0.1:{port}"
        self.hub.gateway.url = f"ws://127.0.0.1:{port}/gateway/"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()
        if error is None and self.violations:
            raise ContractBroken("\n".join(map(str, self.violations)))

    async def _serve_file(self, request: web.Request) -> web.Response:
        """Serve an attached file under the address that its message names, as Discord's CDN does."""
        kept = self.hub.world.files.get(int(request.match_info["file_id"]))
        if kept is None:
            return web.Response(status=404)
        return web.Response(body=kept.data, content_type=kept.content_type.partition(";")[0])


def _now() -> float:
    return asyncio.get_running_loop().time()
