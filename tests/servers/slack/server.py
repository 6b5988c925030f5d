"""The server: all rooms wired together behind one port."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from aiohttp import web

from tests.servers.slack.answers import ResponseUrls
from tests.servers.slack.contract import DIRECTORY, Contract, ContractBroken
from tests.servers.slack.control import Control
from tests.servers.slack.deliveries import Courier
from tests.servers.slack.faults import Faults
from tests.servers.slack.http_deliveries import HttpDeliveries
from tests.servers.slack.limits import Limits
from tests.servers.slack.people import People
from tests.servers.slack.sockets import Sockets
from tests.servers.slack.web_api import Request, WebApi
from tests.servers.slack.web_api_files import Store
from tests.servers.slack.world import World

HOST = "127.0.0.1"


class SlackServer:
    """A Slack server on 127.0.0.1: `async with SlackServer() as server:`; the package lists its rooms.

    `clock` gives wall time for message timestamps and signatures. Leaving raises ContractBroken when a call broke
    Slack's contract; `contract` is None where there is no contract to check.
    """

    def __init__(self, port: int = 0, clock: Callable[[], float] = time.time, contract: Path = DIRECTORY) -> None:
        self.contract = Contract.load(contract)
        self.world = World(clock, _now)
        self.limits = Limits(_now)
        self.faults = Faults()
        self.sockets = Sockets(self.world)
        self.http = HttpDeliveries(self.world)
        self.courier = Courier(self.world, self.limits.times, self.sockets, self.contract)
        self.people = People(self.world, self.courier)
        self.api = WebApi(self.world, self.limits, self.faults, self.courier, self.sockets, self.contract)
        self._port = port
        self._exit = AsyncExitStack()

    @property
    def url(self) -> str:
        """The server's address, without a slash at its end."""
        return self.world.base

    @property
    def api_base(self) -> str:
        """The value of slack_sdk's `base_url`."""
        return f"{self.url}/api/"

    @property
    def requests(self) -> list[Request]:
        """Every call of the Web API, the newest last."""
        return self.api.requests

    @property
    def violations(self) -> list[str]:
        return [] if self.contract is None else self.contract.violations

    def deliver_to(self, url: str) -> None:
        """Set the app's Request URL: from now on deliveries go there, signed, instead of to sockets."""
        self.http.url = url
        self.courier.transport = self.http

    async def __aenter__(self) -> Self:
        self.courier.start(await self._exit.enter_async_context(asyncio.TaskGroup()))
        runner = web.AppRunner(self._routes(), access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await runner.setup()
        self._exit.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, HOST, self._port)
        await site.start()
        self.world.base = f"http://{HOST}:{runner.addresses[0][1]}"
        self._exit.push_async_callback(self.http.close)
        self._exit.push_async_callback(self.sockets.close)
        self._exit.callback(self.faults.release)
        self._exit.callback(self.courier.close)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._exit.aclose()
        if error is None and self.violations:
            raise ContractBroken("\n".join(self.violations))

    def _routes(self) -> web.Application:
        app = web.Application(client_max_size=2**26)
        store, response_urls = Store(self.world), ResponseUrls(self.world, self.limits.times)
        app.router.add_route("*", "/api/{method}", self.api.handle)
        app.router.add_get("/link", self.sockets.handle)
        app.router.add_post("/response/{key}", response_urls.handle)
        app.router.add_post("/upload/{file}", store.upload)
        app.router.add_get("/files/{file}", store.download)
        app.router.add_post("/_test/{room}/{name}", Control(self).handle)
        return app


def _now() -> float:
    return asyncio.get_running_loop().time()
