"""A pooler between clients and a PostgreSQL server that lends connections by the transaction, as PgBouncer can.

Messages: https://www.postgresql.org/docs/current/protocol-message-formats.html
"""

from __future__ import annotations

import asyncio
import struct
from asyncio import StreamReader, StreamWriter
from types import TracebackType
from typing import Self

import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from tests.servers.postgres_relay import Link, open_link

_NO_ENCRYPTION = (80877103, 80877104)  # what a client asks for first
_VERSION = 196608
_ACCEPTED = b"R" + struct.pack("!ii", 8, 0)
_READY = b"Z" + struct.pack("!i", 5) + b"I"


class TransactionPooler:
    """An async context manager; `lent`: how often a connection was given to a client."""

    def __init__(self, server: str) -> None:
        self.lent = 0
        self._target = {name: str(value) for name, value in conninfo_to_dict(server).items()}
        self._idle: list[Link] = []  # the one that was given back last is lent first
        self._links: list[Link] = []
        self._greeting = b""  # the server's parameters, which each client is told

    @property
    def url(self) -> str:
        return f"postgresql://{self._target['user']}@127.0.0.1:{self._port}/{self._target['dbname']}"

    async def __aenter__(self) -> Self:
        self._idle.append(await self._connect())
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._server.close()
        for _, writer in self._links:
            writer.close()
            await writer.wait_closed()

    async def _connect(self) -> Link:
        reader, writer = link = await open_link(self._target)
        self._links.append(link)
        names = b"".join(
            f"{key}\0{value}\0".encode()
            for key, value in (("user", self._target["user"]), ("database", self._target["dbname"]))
        )
        writer.write(struct.pack("!ii", len(names) + 9, _VERSION) + names + b"\0")
        self._greeting = b""
        while (message := await _read_message(reader))[:1] != b"Z":
            if message[:1] == b"R" and message != _ACCEPTED:
                pytest.skip(f"the server of {make_conninfo(**self._target)} asks for a password")
            if message[:1] == b"S":
                self._greeting += message
        return link

    async def _serve(self, reader: StreamReader, writer: StreamWriter) -> None:
        try:
            await self._greet(reader, writer)
            lent: Link | None = None
            while (message := await _read_message(reader))[:1] != b"X":
                if lent is None:
                    lent = self._idle.pop() if self._idle else await self._connect()
                    self.lent += 1
                lent[1].write(message)
                if message[:1] in (b"Q", b"S") and await _answer(lent[0], writer) == b"I":
                    self._idle.append(lent)
                    lent = None
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client has gone
        finally:
            writer.close()

    async def _greet(self, reader: StreamReader, writer: StreamWriter) -> None:
        while True:
            length, code = struct.unpack("!ii", await reader.readexactly(8))
            await reader.readexactly(length - 8)
            if code not in _NO_ENCRYPTION:
                break
            writer.write(b"N")
        writer.write(_ACCEPTED + self._greeting + _READY)


async def _read_message(reader: StreamReader) -> bytes:
    head = await reader.readexactly(5)
    [length] = struct.unpack("!i", head[1:])
    return head + await reader.readexactly(length - 4)


async def _answer(server: StreamReader, client: StreamWriter) -> bytes:
    """Pass on what the server answers, and return the state of its transaction after that."""
    while (message := await _read_message(server))[:1] != b"Z":
        client.write(message)
    client.write(message)
    return message[5:]
