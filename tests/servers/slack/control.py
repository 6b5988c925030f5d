"""The server's rooms over HTTP, for tests and benchmarks in another process.

`POST /_test/{room}/{name}` with `{"args": […], "kwargs": {…}}` calls the method (or reads the attribute) of that name
in `world`, `people`, `faults`, `limits`, `courier`, `sockets`, `http` or `server`. The answer is `{"value": …}`, or
`{"error": …}` with status 400. A message is named by `[channel, ts]`. A delivery is returned once it is over.
"""

from __future__ import annotations

import base64
import dataclasses
import inspect
import json
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.servers.slack.deliveries import Delivery
from tests.servers.slack.world import Json, Ref

if TYPE_CHECKING:  # the server imports this module
    from tests.servers.slack.server import SlackServer

ROOMS = ("world", "people", "faults", "limits", "courier", "sockets", "http")


class Control:
    def __init__(self, server: SlackServer) -> None:
        self._server = server

    async def handle(self, request: web.Request) -> web.Response:
        room, name = request.match_info["room"], request.match_info["name"]
        given: Json = await request.json()
        try:
            value = await self._perform(room, name, given.get("args", []), given.get("kwargs", {}))
        except (AttributeError, KeyError, TypeError, ValueError) as wrong:
            return web.json_response({"error": f"{type(wrong).__name__}: {wrong}"}, status=400)
        return web.Response(text=json.dumps({"value": value}, default=_encode), content_type="application/json")

    async def _perform(self, room: str, name: str, args: list[Any], kwargs: Json) -> object:
        if name.startswith("_") or room not in (*ROOMS, "server"):
            raise AttributeError(f"nothing at {room}.{name}")
        found = getattr(self._server if room == "server" else getattr(self._server, room), name)
        if not callable(found):
            return found
        bound = inspect.signature(found).bind(*args, **kwargs)
        if "message" in bound.arguments:
            bound.arguments["message"] = Ref(*bound.arguments["message"])
        value = found(*bound.args, **bound.kwargs)
        if inspect.isawaitable(value) and not isinstance(value, Delivery):
            value = await value
        if isinstance(value, Delivery):
            await value.wait_until_over()
        return value


def _encode(value: object) -> object:
    match value:
        case Delivery():
            shown = ("kind", "payload", "attempts", "acknowledged_after_s", "answer", "error")
            return {name: getattr(value, name) for name in shown}
        case _ if dataclasses.is_dataclass(value) and not isinstance(value, type):
            return {f.name: getattr(value, f.name) for f in dataclasses.fields(value)}
        case set() | frozenset():
            return sorted(value)
        case bytes():
            return base64.b64encode(value).decode()
        case _:
            raise TypeError(f"{type(value).__name__} cannot be sent")
