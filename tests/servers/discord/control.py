"""A script over HTTP, with which another process drives the server and reads its state.

POST /_test/act takes {"name", "args", "kwargs"} and answers {"result"} or {"error", "kind"}.
"""

from __future__ import annotations

import base64
import inspect
from collections.abc import Awaitable, Callable, Mapping
from types import TracebackType
from typing import Any, Self, get_type_hints

import aiohttp
from aiohttp import web
from pydantic import TypeAdapter
from pydantic_core import to_jsonable_python

from tests.servers.discord.base import Interaction
from tests.servers.discord.commands import CannotAct
from tests.servers.discord.script import Script
from tests.servers.discord.world import Upload

PATH = "/_test/act"


class RemoteError(Exception):
    """An act that failed in the server's process, neither by CannotAct nor by TimeoutError."""


def serve_script(app: web.Application, script: Script) -> None:
    async def act(request: web.Request) -> web.Response:
        asked = await request.json()
        args = [_unpack(a) for a in asked["args"]]
        kwargs = {name: _unpack(value) for name, value in asked["kwargs"].items()}
        try:
            result = await _list_acts()[asked["name"]](script, *args, **kwargs)
        except Exception as error:  # sent to the other process, whose test then fails
            return web.json_response({"error": str(error), "kind": type(error).__name__})
        plain = result.id if isinstance(result, Interaction) else result
        return web.json_response({"result": to_jsonable_python(plain, bytes_mode="base64")})

    app.router.add_post(PATH, act)


class RemoteDiscord(Script):
    """A server in another process: `async with RemoteDiscord(origin) as server:`, with all methods of a Script.

    The methods return copies of the state at that moment.
    """

    def __init__(self, origin: str) -> None:
        self.origin = origin

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(self.origin)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._session.close()

    async def ask(self, name: str, args: tuple[Any, ...], kwargs: Mapping[str, Any]) -> Any:
        """Run one act in the server's process and return its result. Raises CannotAct, TimeoutError, Remote."""
        packed = {"args": [_pack(a) for a in args], "kwargs": {k: _pack(v) for k, v in kwargs.items()}}
        async with self._session.post(PATH, json={"name": name, **packed}) as response:
            answer = await response.json()
        match answer.get("kind"):
            case None:
                return answer["result"]
            case "CannotAct":
                raise CannotAct(answer["error"])
            case "TimeoutError":
                raise TimeoutError(answer["error"])
            case kind:
                raise RemoteError(f"{kind}: {answer['error']}")


def _list_acts() -> dict[str, Callable[..., Awaitable[Any]]]:
    found = inspect.getmembers(Script, inspect.iscoroutinefunction)
    return {name: act for name, act in found if not name.startswith("_")}


def _make_remote_act(name: str, act: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
    returns = get_type_hints(act)["return"]
    adapter = None if returns is Interaction else TypeAdapter(returns)

    async def ask(self: RemoteDiscord, *args: Any, **kwargs: Any) -> Any:
        result = await self.ask(name, args, kwargs)
        return Interaction(result, self) if adapter is None else adapter.validate_python(result)

    return ask


# One method for each act of the script. Written out, they would repeat all of its signatures.
for _name, _act in _list_acts().items():
    setattr(RemoteDiscord, _name, _make_remote_act(_name, _act))


def _pack(value: Any) -> Any:
    """Encode an argument as JSON: a thing of the world by its id, a file with its content."""
    if isinstance(value, Upload):
        data = base64.b64encode(value.data).decode()
        return {"filename": value.filename, "data": data, "content_type": value.content_type}
    if isinstance(value, list | tuple):
        return [_pack(v) for v in value]
    return getattr(value, "id", value)


def _unpack(value: Any) -> Any:
    if isinstance(value, dict) and value.keys() == {"filename", "data", "content_type"}:
        return Upload(value["filename"], base64.b64decode(value["data"]), value["content_type"])
    return [_unpack(v) for v in value] if isinstance(value, list) else value
