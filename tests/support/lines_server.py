"""The platform of the guide in docs/extending.md: JSON lines on a socket, an object a request, an object a reply."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from tests.support.surface_stages.base import RETRY_S, Refusal

REFUSALS: dict[Refusal | None, dict[str, Any]] = {
    "for now": {"status": 429, "retry_after_s": RETRY_S},
    "for good": {"status": 403},
    "by a fault": {"status": 500},
}


class LinesServer:
    """One room. `messages`: those that people see, by id, in the order of their posts; `pings`: who was pinged.

    `requests`: the limit that each request counted against. `refusal`: how every request is refused now, if it is.
    """

    def __init__(self) -> None:
        self.port = 0
        self.messages: dict[str, dict[str, Any]] = {}
        self.pings: list[str] = []
        self.requests: list[str] = []
        self.refusal: Refusal | None = None
        self.connections: set[asyncio.Task[Any]] = set()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection, as `asyncio.start_server` wants it."""
        if task := asyncio.current_task():
            self.connections.add(task)
        while (line := await reader.readline()) and self.refusal != "by a torn connection":
            self.requests.append("calls")
            reply = REFUSALS.get(self.refusal) or self.answer(json.loads(line))
            writer.write(json.dumps(reply).encode() + b"\n")
        writer.close()
        await writer.wait_closed()

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """Carry a request out and return the reply."""
        match request:
            case {"method": "post", "key": key, "ping": ping, **content}:
                id = str(len(self.requests))
                self.messages[id] = {"key": key, **content}
                self.pings += [ping] if ping else []
            case {"method": "find", "key": key}:
                id = next((id for id, message in self.messages.items() if message["key"] == key), "")
            case {"id": str(id)} if id not in self.messages:
                pass
            case {"method": "edit", "id": id, **content}:
                self.messages[id] |= content
            case {"method": "delete", "id": id}:
                del self.messages[id]
                return {"status": 200}
        return {"status": 200, "id": id} if id in self.messages else {"status": 404}


@asynccontextmanager
async def open_lines_server() -> AsyncIterator[LinesServer]:
    """Serve on a port of this machine; at the end wait for the connections, which their clients have closed by then."""
    lines = LinesServer()
    async with await asyncio.start_server(lines.serve, "127.0.0.1", 0) as server:
        lines.port = server.sockets[0].getsockname()[1]
        yield lines
        await asyncio.gather(*lines.connections)
