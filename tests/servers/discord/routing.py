"""The way of a request to its route's handler and back: faults, the token, limits, the contract, the log."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from aiohttp import BodyPartReader, web

from tests.servers.discord.contract import Contract, Violation
from tests.servers.discord.errors import DiscordError, Problem, invalid_form, unauthorized_request
from tests.servers.discord.faults import Fault, Faults
from tests.servers.discord.hub import Hub
from tests.servers.discord.limits import Ceiling
from tests.servers.discord.world import Channel, Upload
from tests.servers.ports import read_port

API = "/api/v10"
Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Request:
    """One request as it was answered.

    `at` is loop time. `route` is the contract's template. `status` 0 means a torn connection. `bucket` is the limit's
    name and its major parameter. `code` is Discord's error code, 0 for none. `scope`: of a 429, which limit was meant.
    `port`: of the client's end of the connection, by which processes can be told apart.
    """

    at: float
    method: str
    route: str
    path: str
    query: Mapping[str, str]
    body: Any
    status: int
    code: int
    bucket: str
    ceiling: Ceiling
    duration_s: float
    scope: str
    port: int


@dataclass(slots=True)
class Call:
    """The part of a request that a handler sees. `body` is {} where there is none."""

    hub: Hub
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Any
    uploads: list[Upload] = field(default_factory=list)

    def id(self, name: str) -> int:
        """Return a snowflake of the path. Raises 50035 for anything else."""
        return snowflake(self.path[name], name)

    @property
    def channel(self) -> Channel:
        return self.hub.world.channel(self.id("channel_id"))

    @property
    def me(self) -> int:
        return self.hub.world.bot.id


Handler = Callable[[Call], Any]  # returns the JSON to answer; None: 204


class Route(NamedTuple):
    """One route of the API and its handler.

    `limit` names the bucket; "": one of its own. With `by_token` the token in the path authorizes the call, not the
    bot's.
    """

    method: str
    template: str
    handler: Handler
    limit: str = ""
    by_token: bool = False
    status: int = 200


class Router:
    """The handlers of all routes below /api/v10, and a log of the requests."""

    def __init__(self, hub: Hub, faults: Faults, contract: Contract | None) -> None:
        self.log: list[Request] = []
        self.violations: list[Violation] = []
        self.changed = asyncio.Event()  # set after every request, for `until`
        self.on_request: Callable[[Request], None] = lambda request: None  # called before each answer leaves
        self._hub = hub
        self._faults = faults
        self._contract = contract

    def mount(self, app: web.Application, routes: Sequence[Route]) -> None:
        for route in routes:
            app.router.add_route(route.method, API + route.template, self._make_handler(route))
        app.router.add_route(
            "*", API + "/{rest:.*}", self._make_handler(Route("*", "/{rest}", _refuse_unknown, by_token=True))
        )

    def _make_handler(self, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def serve(request: web.Request) -> web.StreamResponse:
            return await self._serve(request, route)

        return serve

    async def _serve(self, request: web.Request, route: Route) -> web.StreamResponse:
        at, port = self._hub.world.now(), read_port(request)
        body, uploads = await _read_body(request)
        path = request.path.removeprefix(API)
        fault = self._faults.take_next(request.method, path)
        if fault is not None:
            await asyncio.sleep(fault.stall_s)
        limit = self._hub.buckets.limits.bucket(route.limit or f"{route.method} {route.template}")
        bucket = f"{limit}:{_major_parameters(request.match_info)}"
        reply = None if _is_without_effect(fault) else self._reply(request, route, body, uploads)
        if fault is not None and fault.status is not None:
            reply = _fault_reply(fault)
        if fault is not None:
            await asyncio.sleep(fault.late_s)
        status, code = (0, 0) if reply is None else (reply.status, reply.code)
        template = route.template if route.method != "*" else path
        took = self._hub.world.now() - at
        query, ceiling = dict(request.query), self._ceiling(request)
        scope = "" if reply is None else reply.headers.get("X-RateLimit-Scope", "")
        seen = Request(
            at, request.method, template, path, query, body, status, code, bucket, ceiling, took, scope, port
        )
        self.log.append(seen)
        self.changed.set()
        self.on_request(seen)
        if reply is None:
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=500)
        return reply.response()

    def _reply(self, request: web.Request, route: Route, body: Any, uploads: list[Upload]) -> _Reply:
        headers: dict[str, str] = {}
        call = Call(self._hub, request.match_info, dict(request.query), {} if body is None else body, uploads)
        try:
            self._authorize(request, route)
            headers = self._spend_call(route, request)
            self._validate(request, route, body)
            answer = route.handler(call)
        except DiscordError as refused:
            return _Reply(refused.status, refused.body, {**headers, **refused.headers}, refused.code)
        return _Reply(204 if answer is None else route.status, answer, headers)

    def _authorize(self, request: web.Request, route: Route) -> None:
        if not route.by_token and request.headers.get("Authorization") != f"Bot {self._hub.token}":
            raise unauthorized_request()

    def _ceiling(self, request: web.Request) -> Ceiling:
        """Return who has the limit over all routes that this call spends from.

        A call that carries the bot's token spends from the bot's limit, even where it needs no token. An interaction's
        call spends from nobody's limit, any other call from that of its address.

        https://docs.discord.com/developers/topics/rate-limits#global-rate-limit
        https://github.com/discord/discord-api-docs/issues/4142
        """
        if "Authorization" in request.headers:
            return "bot"
        path = request.match_info
        return "" if "interaction_id" in path or path.get("webhook_id") == str(self._hub.world.bot.id) else "address"

    def _spend_call(self, route: Route, request: web.Request) -> dict[str, str]:
        if ceiling := self._ceiling(request):
            self._hub.buckets.take_global(ceiling)
        if route.template.startswith("/interactions/"):
            return {}
        return self._hub.buckets.take(
            route.limit or f"{route.method} {route.template}", _major_parameters(request.match_info)
        )

    def _validate(self, request: web.Request, route: Route, body: Any) -> None:
        if route.method == "*":
            path = request.path.removeprefix(API)
            self.violations.append(Violation(request.method, path, "path", "this server does not serve it"))
        elif self._contract is not None:
            found = self._contract.check(request.method, route.template, request.match_info, dict(request.query), body)
            self.violations += found
            if found:  # Discord refuses such a request as well
                raise invalid_form(Problem(v.where, "CONTRACT", v.reason) for v in found)


class _Reply(NamedTuple):
    status: int
    body: Any  # JSON; None: no body; bytes: as they are
    headers: Mapping[str, str]
    code: int = 0

    def response(self) -> web.Response:
        """Build the response.

        Discord's content type has no charset, and discord.py reads JSON only under that content type.
        """
        if self.body is None:
            return web.Response(status=self.status, headers=self.headers)
        if isinstance(self.body, bytes):
            return web.Response(status=self.status, body=self.body, headers=self.headers)
        kind = {"Content-Type": "application/json"}
        return web.Response(status=self.status, body=json.dumps(self.body).encode(), headers={**self.headers, **kind})


def snowflake(text: str, name: str) -> int:
    if not text.isdigit():
        raise invalid_form([Problem(name, "NUMBER_TYPE_COERCE", f'Value "{text}" is not snowflake.')])
    return int(text)


def _refuse_unknown(call: Call) -> Any:
    raise DiscordError(404, 0, "404: Not Found")


def _is_without_effect(fault: Fault | None) -> bool:
    return fault is not None and fault.status is not None and not fault.acts


def _fault_reply(fault: Fault) -> _Reply | None:
    if fault.status and fault.raw is not None:
        return _Reply(fault.status, fault.raw.body.encode(), fault.raw.headers)
    error = fault.error()
    return None if error is None else _Reply(error.status, error.body, error.headers, error.code)


def _major_parameters(path: Mapping[str, str]) -> str:
    """Return the major parameters of a path: channel, guild, webhook and its token.

    https://docs.discord.com/developers/topics/rate-limits#per-route-rate-limits
    """
    names = ("channel_id", "guild_id", "webhook_id", "webhook_token")
    return "+".join(path[name] for name in names if name in path)


async def _read_body(request: web.Request) -> tuple[Any, list[Upload]]:
    """Return the JSON body (None: there is none) and the files, from JSON or multipart."""
    if not request.can_read_body:
        return None, []
    if request.content_type != "multipart/form-data":
        text = await request.text()
        return (json.loads(text) if text else None), []
    body, uploads = None, []
    async for part in await request.multipart():
        assert isinstance(part, BodyPartReader)  # Discord sends no multipart inside another
        if part.name == "payload_json":
            body = json.loads(await part.text())
        else:
            kind = part.headers.get("Content-Type", "application/octet-stream")
            uploads.append(Upload(part.filename or part.name or "file", bytes(await part.read()), kind))
    return body, uploads
