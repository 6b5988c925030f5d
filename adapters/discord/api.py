"""Discord's REST as the surface calls it: through discord.py's client, but one try a call and every limit told.

discord.py waits out a 429 and then sends the text of before (http.py, `request`), and holds the answer of a call that
spends a bucket back until it is full again (`Ratelimit.__aexit__`). Here a call that shows text ends with its response:
when it is refused its budget pauses, and the next try takes the text of then.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from types import SimpleNamespace
from typing import Any

import aiohttp
import discord
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

from adapters.discord.budgets import ADDRESS, BOT, ceiling, old_name, route_name
from bot.live.budget import Budgets, SentRequest
from bot.ports import Clock, Forbidden, Gone, RateLimited, SurfaceError

GONE = {10003: "the channel is gone", 10008: "the message is gone"}
UNKNOWN_WEBHOOK = 10015
ARCHIVED = 50083
THREAD_EXISTS = 160004
OLD_MESSAGE = 30046  # comes with status 429: too many edits of old messages, while the bucket has room
FORBIDDEN = {50001: "I have no access", 50013: "a permission is missing", 160005: "the thread is locked"}

UNANSWERED = (discord.HTTPException, aiohttp.ClientError, OSError)  # refused, or told nothing; OSError: time-outs too

LOOK_AGAIN_S = 0.05  # for room below the ceiling, where only an answer tells when there will be some

_at_once: ContextVar[bool] = ContextVar("the call ends with its response", default=False)


def at(api_base: str, gateway_url: str) -> None:
    """Speak with this host instead of Discord's own; discord.py knows one host a process."""
    Route.BASE = api_base.rstrip("/")
    if gateway_url:
        DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway_url)


class _Answered(Exception):
    """Takes a success past discord.py, which would keep it while its bucket is spent. `data`: its JSON, or None."""

    def __init__(self, data: Any) -> None:
        self.data = data


class Missing(SurfaceError):
    """What a call needs is not there any more, and can be made again: a webhook, a thread that is not archived."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text, 404)
        self.code = code


class Exists(SurfaceError):
    """What a call would make is there already."""

    status = 400


class Rest:
    """Calls that show text. Hand `trace` to the client before it is used."""

    def __init__(self, budgets: Budgets, time: Clock) -> None:
        """`time`: the event loop's."""
        self._budgets = budgets
        self._time = time
        self._client: discord.Client | None = None
        self._speaks_in: dict[int, int] = {}  # webhook → its channel
        self.trace = aiohttp.TraceConfig()
        self.trace.on_request_start.append(_unsigned)
        self.trace.on_request_end.append(self._ended)

    def serve(self, client: discord.Client) -> None:
        self._client = client

    def found(self, webhook: int, channel: int) -> None:
        """From now on what that webhook's answers tell is known to be about the channel's."""
        self._speaks_in[webhook] = channel

    async def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        **parameters: Any,
    ) -> dict[str, Any]:
        """`path` with its `parameters` named as discord.py's routes name them. Raises SurfaceError."""
        assert self._client is not None, "the client is there before the first call"
        if self._client.is_closed():
            raise SurfaceError("the connection to Discord is closed")
        route = Route(method, path, **parameters)
        more: dict[str, Any] = {"json": body} if body is not None else {}
        if query:
            more["params"] = query
        shows_text = route_name(method, yarl.URL(route.url).path, self._speaks_in)
        unbidden = None if shows_text else await self._room()
        token = _at_once.set(True)
        try:
            answer = await self._client.http.request(route, **more)
        except _Answered as answered:
            answer = answered.data
        except discord.HTTPException as error:
            raise meaning(error) from error
        except (aiohttp.ClientError, OSError) as error:
            raise SurfaceError(f"Discord could not be reached: {error}") from error
        finally:
            _at_once.reset(token)
            if unbidden is not None:  # no lane has bid for it: a thread, a webhook
                self._budgets[BOT].record_answer(unbidden, self._time())
        return answer if isinstance(answer, dict) else {"list": answer}

    async def _room(self) -> SentRequest:
        """A place below the bot's ceiling for a call that no lane has bid for."""
        budget = self._budgets[BOT]
        while (free_at := budget.free_at(self._time())) > self._time():  # noqa: ASYNC110 – time makes room, no event
            await asyncio.sleep(min(free_at - self._time(), LOOK_AGAIN_S))
        return budget.take(self._time())

    async def _ended(
        self, session: aiohttp.ClientSession, context: SimpleNamespace, ended: aiohttp.TraceRequestEndParams
    ) -> None:
        """Every response passes here first: its limit is learnt, and our calls end with it."""
        response, now = ended.response, self._time()
        name = route_name(ended.method, ended.url.path, self._speaks_in)
        said = response.headers
        if name and response.status != 429 and "X-RateLimit-Remaining" in said:
            self._budgets[name].learn(
                now,
                limit=int(said["X-RateLimit-Limit"]),
                remaining=int(said["X-RateLimit-Remaining"]),
                reset_after_s=float(said["X-RateLimit-Reset-After"]),
            )
        if not _at_once.get():
            return
        data = await response.json() if response.content_type == "application/json" else None
        response.release()
        if response.status == 429:
            raise _limited(said, data or {}, name, ceiling(ended.url.path))
        if response.status >= 500:
            raise SurfaceError(f"Discord answered {response.status}", response.status)
        if response.status >= 400:
            raise discord.HTTPException(response, data)
        raise _Answered(data)


async def _unsigned(
    session: aiohttp.ClientSession, context: SimpleNamespace, start: aiohttp.TraceRequestStartParams
) -> None:
    """A webhook's call needs no token of the bot's. With it, as discord.py sends it, it would count as the bot's."""
    if ceiling(start.url.path) == ADDRESS:
        start.headers.popall("Authorization", None)


def _limited(headers: Mapping[str, str], data: Mapping[str, Any], name: str, above: str) -> RateLimited:
    """Which budget a 429 pauses, and for how long; `name`: of the call's bucket, `above`: of its ceiling."""
    if headers.get("X-RateLimit-Scope") == "global":
        name = above
    elif data.get("code") == OLD_MESSAGE:
        name = old_name(name)
    return RateLimited(name, float(data.get("retry_after", headers.get("Retry-After", "1"))))


def meaning(error: discord.HTTPException) -> SurfaceError:
    """What a refusal of Discord's means for showing text."""
    if error.code in (UNKNOWN_WEBHOOK, ARCHIVED):
        return Missing(error.code, error.text)
    if error.code == THREAD_EXISTS:
        return Exists(error.text)
    if error.code in GONE:
        return Gone(GONE[error.code])
    if error.status == 403 or error.code in FORBIDDEN:
        return Forbidden(FORBIDDEN.get(error.code, error.text))
    if error.status == 404:
        return Gone(error.text)
    return SurfaceError(error.text or str(error), error.status)


async def mending(call: Callable[[], Awaitable[None]]) -> None:
    """Tries once more where something was missing that has been made again. Raises the other SurfaceErrors."""
    try:
        await call()
    except Missing:
        await call()
