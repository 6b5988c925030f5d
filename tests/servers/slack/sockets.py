"""Socket Mode with up to ten WebSockets: each envelope goes to one of them at random.

An envelope waits for its acknowledgement. https://docs.slack.dev/apis/events-api/using-socket-mode
"""

from __future__ import annotations

import asyncio
import json
import random
from typing import Literal

from aiohttp import WSCloseCode, WSMsgType, web

from tests.servers.slack.deliveries import Delivery, Undelivered
from tests.servers.slack.world import Json, World

MOST = 10
Notice = Literal["warning", "refresh_requested", "link_disabled", "too_many_websockets"]


class Sockets:
    """The app's open connections. `random_seed` decides which socket gets what."""

    def __init__(self, world: World, random_seed: int = 1) -> None:
        self.hellos: list[float] = []  # loop times at which connections were greeted
        self._world = world
        self._random = random.Random(random_seed)
        self._tickets: set[str] = set()
        self._open: dict[web.WebSocketResponse, web.Request] = {}
        self._leaving: set[web.WebSocketResponse] = set()
        self._waiting: dict[str, list[asyncio.Future[Json | None]]] = {}
        self._changed = asyncio.Condition()

    @property
    def count(self) -> int:
        return len(self._open)

    def create_ticket(self) -> str:
        """Create a URL that opens one connection, once."""
        ticket = self._world.id("ticket-")
        self._tickets.add(ticket)
        return f"{self._world.base.replace('http', 'ws', 1)}/link?ticket={ticket}&app_id={self._world.app.id}"

    async def wait_for_connections(self, at_least: int = 1) -> None:
        """Wait until at least so many sockets can be delivered to."""
        async with self._changed:
            await self._changed.wait_for(lambda: len(self._ready_sockets()) >= at_least)

    async def disconnect(self, reason: Notice = "refresh_requested") -> None:
        """Tell every socket that it must go; a client answers with a new one. `warning` is only a notice."""
        for socket in list(self._open):
            if reason != "warning":
                self._leaving.add(socket)
            await _send_notice(socket, reason)

    def drop(self) -> None:
        """Tear every connection without a word."""
        for request in self._open.values():
            if request.transport is not None:
                request.transport.abort()

    async def close(self) -> None:
        for socket in list(self._open):
            await socket.close(code=WSCloseCode.GOING_AWAY)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Handle a request for the ticket's URL, for aiohttp."""
        ticket = request.query.get("ticket", "")
        if ticket not in self._tickets:
            return web.Response(status=403, text="this ticket was used or never given")
        self._tickets.discard(ticket)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        if len(self._open) >= MOST:
            await _send_notice(socket, "too_many_websockets")
            await socket.close()
            return socket
        self._open[socket] = request
        try:
            await socket.send_json(self._hello_json())
            self.hellos.append(self._world.now())
            await self._notify_waiters()
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    self._acknowledge(json.loads(message.data))
        finally:
            del self._open[socket]
            self._leaving.discard(socket)
            await self._notify_waiters()
        return socket

    async def offer(self, delivery: Delivery, retry: int, reason: str) -> Json | None:
        """Make one attempt; see `deliveries.Transport`."""
        ready = self._ready_sockets()
        if not ready:
            raise Undelivered("dispatch_failed")
        key = f"{delivery.envelope_id}-{retry}"  # a redelivery is another envelope, with the same event_id inside
        envelope: Json = {"envelope_id": key, "payload": delivery.payload, "type": delivery.kind}
        envelope["accepts_response_payload"] = delivery.kind != "events_api"
        if delivery.kind == "events_api":
            envelope |= {"retry_attempt": retry, "retry_reason": reason}
        answer: asyncio.Future[Json | None] = asyncio.get_running_loop().create_future()
        waiting = self._waiting.setdefault(key, [])
        waiting.append(answer)
        try:
            await self._random.choice(ready).send_json(envelope)
            return await answer
        except ConnectionError as torn:
            raise Undelivered("connection_failed") from torn
        finally:
            if answer in waiting:
                waiting.remove(answer)
            if not waiting:
                self._waiting.pop(key, None)

    def _acknowledge(self, message: Json) -> None:
        waiting = self._waiting.get(str(message.get("envelope_id")))
        if waiting and not waiting[0].done():  # nobody waits for a late or second acknowledgement
            waiting.pop(0).set_result(message.get("payload"))

    def _ready_sockets(self) -> list[web.WebSocketResponse]:
        return [s for s in self._open if s not in self._leaving and not s.closed]

    def _hello_json(self) -> Json:
        info = {"host": "applink", "build_number": 1, "approximate_connection_time": 18_060}
        return {
            "type": "hello",
            "num_connections": len(self._open),
            "debug_info": info,
            "connection_info": {"app_id": self._world.app.id},
        }

    async def _notify_waiters(self) -> None:
        async with self._changed:
            self._changed.notify_all()


async def _send_notice(socket: web.WebSocketResponse, reason: Notice) -> None:
    await socket.send_json({"type": "disconnect", "reason": reason, "debug_info": {"host": "applink"}})
