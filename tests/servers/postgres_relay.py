"""A relay between clients and a PostgreSQL server, which loses the answers to commits, or all connections."""

from __future__ import annotations

import asyncio
from asyncio import StreamReader, StreamWriter
from collections.abc import Mapping
from contextlib import suppress
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from psycopg.conninfo import conninfo_to_dict

from bot.concurrency import TaskGroup

CHUNK_BYTES = 65_536

Link = tuple[StreamReader, StreamWriter]


async def open_link(server: Mapping[str, str]) -> Link:
    """Open a connection to a server by its address, as libpq names the parts."""
    host, port = server.get("host", "127.0.0.1"), server.get("port", "5432")
    if host.startswith("/"):
        return await asyncio.open_unix_connection(f"{host}/.s.PGSQL.{port}")
    return await asyncio.open_connection(host, int(port))


class PostgresRelay:
    """An async context manager, whose `url` leads to the server that it is made with.

    `loses`: bytes of a transaction; the answer to the commit of the next one that has them is lost with its connection,
    and once it is stored `shuts_then` closes the relay, until `is_shut` is set back. `lost`: how many were.
    """

    def __init__(self, server: str) -> None:
        self.loses: bytes | None = None
        self.shuts_then = False
        self.is_shut = False
        self.lost = 0
        self._target = {name: str(value) for name, value in conninfo_to_dict(server).items()}
        self._path = urlsplit(server).path
        self._clients = set[StreamWriter]()

    @property
    def url(self) -> str:
        return f"postgresql://{self._target['user']}@127.0.0.1:{self._port}{self._path}"

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._server.close()
        self._cut_all()

    def _cut_all(self) -> None:
        for client in self._clients:
            client.close()

    async def _serve(self, reader: StreamReader, client: StreamWriter) -> None:
        if self.is_shut:
            client.close()
            return
        answers, server = await open_link(self._target)
        self._clients.add(client)
        try:
            async with TaskGroup() as tasks:
                link = _Link(self)
                tasks.create_task(link.ask(reader, server))
                tasks.create_task(link.answer(answers, client))
        except ConnectionError:
            pass  # either end has gone
        finally:
            self._clients.discard(client)
            for writer in (server, client):
                writer.close()

    def note_lost(self) -> None:
        """Count an answer as lost, and shut the relay where that is wanted then."""
        self.loses = None
        self.lost += 1
        if self.shuts_then:
            self.is_shut = True
            self._cut_all()


class _Link:
    """One connection through the relay."""

    def __init__(self, relay: PostgresRelay) -> None:
        self._relay = relay
        self._is_meant = self._is_losing = False

    async def ask(self, reader: StreamReader, server: StreamWriter) -> None:
        """Pass on what the client says."""
        with suppress(ConnectionError):
            while data := await reader.read(CHUNK_BYTES):
                loses = self._relay.loses
                self._is_meant = self._is_meant or (loses is not None and loses in data)
                self._is_losing = self._is_meant and b"COMMIT" in data
                server.write(data)
        server.close()

    async def answer(self, answers: StreamReader, client: StreamWriter) -> None:
        """Pass on what the server answers, but for an answer that is to be lost."""
        with suppress(ConnectionError):
            while data := await answers.read(CHUNK_BYTES):
                if self._is_losing:
                    self._relay.note_lost()
                    break
                client.write(data)
        client.close()
