"""The rooms of a `SlackServer` in another process."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Any, Self

import aiohttp

from tests.servers.slack.control import ROOMS


class RemoteRoom:
    """A room whose methods and attributes are all awaitable calls; results are plain JSON."""

    def __init__(self, session: aiohttp.ClientSession, url: str) -> None:
        self._session, self._url = session, url

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        async def call(*args: object, **kwargs: object) -> Any:
            body = {"args": args, "kwargs": kwargs}
            async with self._session.post(f"{self._url}/{name}", json=body) as response:
                said = await response.json()
            if "error" in said:
                raise ValueError(said["error"])
            return said["value"]

        return call


class RemoteSlack:
    """A server in another process: `async with RemoteSlack(url) as slack: await slack.people.command(…)`.

    Messages are named by (channel, ts). An act of a person returns once it is over: acknowledged, or with an `error`.
    """

    world: RemoteRoom
    people: RemoteRoom
    faults: RemoteRoom
    limits: RemoteRoom
    courier: RemoteRoom
    sockets: RemoteRoom
    http: RemoteRoom
    server: RemoteRoom

    def __init__(self, url: str) -> None:
        self.url = url
        self.api_base = f"{url}/api/"

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None))
        for room in (*ROOMS, "server"):
            setattr(self, room, RemoteRoom(self._session, f"{self.url}/_test/{room}"))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()


@asynccontextmanager
async def spawn_server() -> AsyncIterator[RemoteSlack]:
    """Start a server in a process of its own, which ends with the block."""
    command = (sys.executable, "-m", "tests.servers.slack", "--port", "0")
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    try:
        assert process.stdout is not None  # it is a pipe, see above
        urls = json.loads(await process.stdout.readline())
        async with RemoteSlack(urls["url"]) as slack:
            yield slack
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()
