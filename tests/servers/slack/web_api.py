"""The entry of the Web API: the steps that all calls have in common, in Slack's order.

The steps are token → fault on demand → rate → scope → method → answer. Each request is kept, and checked by the
contract.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, assert_never

from aiohttp import web

from tests.servers.ports import read_port
from tests.servers.slack.calls import Call, Method, SlackError
from tests.servers.slack.contract import Contract
from tests.servers.slack.deliveries import Courier
from tests.servers.slack.faults import Fail, Fault, Faults, Reset, Stall
from tests.servers.slack.limits import Limits
from tests.servers.slack.sockets import Sockets
from tests.servers.slack.web_api_agents import AGENTS
from tests.servers.slack.web_api_auth import AUTH
from tests.servers.slack.web_api_chat import CHAT
from tests.servers.slack.web_api_conversations import CONVERSATIONS
from tests.servers.slack.web_api_files import FILES
from tests.servers.slack.web_api_reactions import REACTIONS
from tests.servers.slack.web_api_streams import STREAMS
from tests.servers.slack.web_api_views import VIEWS
from tests.servers.slack.world import Channel, Json, World

METHODS: Mapping[str, Method] = {
    **AGENTS,
    **AUTH,
    **CHAT,
    **STREAMS,
    **CONVERSATIONS,
    **VIEWS,
    **REACTIONS,
    **FILES,
}
_HISTORY = {"public": "channels", "private": "groups", "im": "im", "mpim": "mpim"}


@dataclass(slots=True)
class Request:
    """One call as the server received it; `at` in loop seconds. `status` 0: the answer never left.

    `port`: of the client's end of the connection, by which processes can be told apart.
    """

    at: float
    method: str
    args: Json
    port: int
    team: str = ""
    status: int = 0
    error: str = ""
    duration_s: float = 0.0
    answer: Json = field(default_factory=dict)


class WebApi:
    def __init__(
        self,
        world: World,
        limits: Limits,
        faults: Faults,
        courier: Courier,
        sockets: Sockets,
        contract: Contract | None,
    ) -> None:
        self.requests: list[Request] = []
        self.on_request: Callable[[Request], None] = lambda request: None  # called before each answer leaves
        self._world, self._limits, self._faults = world, limits, faults
        self._courier, self._sockets, self._contract = courier, sockets, contract

    async def handle(self, http: web.Request) -> web.StreamResponse:
        """Handle a request for /api/{method}, for aiohttp."""
        loop = asyncio.get_running_loop()
        port = read_port(http)
        seen = Request(loop.time(), http.match_info["method"], await read_arguments(http), port)
        self.requests.append(seen)
        try:
            return await self._respond(http, seen)
        finally:
            seen.duration_s = loop.time() - seen.at
            self.on_request(seen)

    async def _respond(self, http: web.Request, seen: Request) -> web.StreamResponse:
        secret = str(seen.args.pop("token", "")) or http.headers.get("Authorization", "").removeprefix("Bearer ")
        fault = self._faults.take_next(seen.method)
        match fault:
            case Reset(done=False):
                return _tear_connection(http)
            case Fail(status=status) if status:
                seen.status = status
                after = {"Retry-After": fault.retry_after} if fault.retry_after else {}
                return web.Response(status=status, text="upstream error", headers=after)
            case Stall():
                await self._faults.wait(fault)
            case Reset() | Fail() | None:
                pass  # handled below, once the caller is known or the call has had its effect
            case _:
                assert_never(fault)
        headers = self._answer(seen, secret, fault)
        self._check(seen, bool(secret) and not secret.startswith("Basic "))
        if isinstance(fault, Reset):
            seen.status = 0
            return _tear_connection(http)
        return web.json_response(seen.answer, status=seen.status, headers=headers)

    def _answer(self, seen: Request, secret: str, fault: Fault | None) -> dict[str, str]:
        """Fill in status and answer of the call, and return the headers that go with them."""
        try:
            seen.answer, seen.status = {"ok": True, **self._run(seen, secret, fault)}, 200
        except SlackError as refused:
            seen.answer, seen.status = {"ok": False, "error": refused.code, **refused.fields}, 200
            seen.error = refused.code
            if refused.retry_after_s:
                seen.status = 429
                told = fault.retry_after if isinstance(fault, Fail) else None
                return {"Retry-After": str(refused.retry_after_s) if told is None else told}
        return {}

    def _run(self, seen: Request, secret: str, fault: Fault | None) -> Json:
        method = METHODS.get(seen.method)
        if method is None:
            raise SlackError("unknown_method", req_method=seen.method)
        call = Call(seen.method, seen.args, self._world, self._limits.times, self._courier, self._sockets)
        method.identify(call, secret)
        seen.team = call.team
        if isinstance(fault, Fail):
            raise SlackError(fault.error, retry_after_s=fault.retry_after_s if fault.error == "ratelimited" else 0)
        wait = self._limits.spend(seen.method, method.tier, call.team, str(seen.args.get("channel", "")))
        if wait is not None:
            raise SlackError("ratelimited", retry_after_s=wait)
        _require_scope(call, method)
        return method.run(call)

    def _check(self, seen: Request, with_token: bool) -> None:
        if self._contract is not None:
            self._contract.check_request(seen.method, seen.args, seen.error, with_token)
            self._contract.check_response(seen.method, seen.answer)


def _require_scope(call: Call, method: Method) -> None:
    """Raise missing_scope when the token lacks the method's scope; `*:history` is that of the channel's kind."""
    if not method.scope or call.token is None:
        return
    needed = method.scope
    if needed.startswith("*"):
        channel = call.world.channels.get(str(call.args.get("channel", "")))
        needed = needed.replace("*", _family(channel))
    if needed not in call.token.scopes:
        raise SlackError("missing_scope", needed=needed, provided=",".join(sorted(call.token.scopes)))


def _family(channel: Channel | None) -> str:
    return "channels" if channel is None else _HISTORY[channel.kind]


def _tear_connection(http: web.Request) -> web.Response:
    if http.transport is not None:
        http.transport.abort()
    return web.Response()


async def read_arguments(http: web.Request) -> Json:
    """Return query, form and JSON body as one, with the JSON text in a form decoded."""
    args: Json = dict(http.query)
    if http.content_type == "application/json":
        body = await http.json() if http.can_read_body else {}
        args |= body if isinstance(body, dict) else {}
    else:
        args |= {name: value for name, value in (await http.post()).items() if isinstance(value, str)}
    for name in ("blocks", "attachments", "metadata", "view", "chunks", "files"):
        if isinstance(args.get(name), str):
            args[name] = _decode_json(args[name])
    return args


def _decode_json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text  # the method refuses it
