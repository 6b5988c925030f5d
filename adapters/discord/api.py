"""Discord's REST for the surface: through discord.py's client, with one try a call, every limit passed to the budgets.

discord.py waits out a 429 and then sends the text that it was given before (http.py, `request`). It also keeps the
answer of a call that spends a bucket until the bucket is full again (`Ratelimit.__aexit__`). Here a call that shows
text ends with its response: when it is refused its budget pauses, and the next try takes the newest text.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Mapping
from contextvars import ContextVar
from types import SimpleNamespace
from typing import Any

import aiohttp
import discord
import yarl
from discord.gateway import DiscordWebSocket
from discord.http import Route

from adapters.common.retry import read_retry_after, read_seconds
from adapters.discord.buckets import Buckets, Counted, hidden_name
from adapters.discord.budgets import ADDRESS_CEILING, BOT_CEILING, DEFAULT_WINDOW_S, ceiling_name, old_bucket_name
from bot.live.budget import FORGET_S, Budgets, SentRequest
from bot.ports.process import Clock, hold_run
from bot.ports.surface import Forbidden, Gone, RateLimited, SurfaceError

GONE = {10003: "the channel is gone", 10008: "the message is gone"}
UNKNOWN_WEBHOOK = 10015
ARCHIVED = 50083
THREAD_EXISTS = 160004
OLD_MESSAGE = 30046  # has status 429: too many edits of old messages, though the bucket has room
FORBIDDEN = {50001: "I have no access", 50013: "a permission is missing", 160005: "the thread is locked"}

CALL_ERRORS = (discord.HTTPException, aiohttp.ClientError, OSError)  # refused or not answered; time-outs are OSErrors

BLOCKED_S = 60.0  # for which an address that is refused stays silent, unless told how long
POLL_S = 0.05  # between looks for room below the ceiling: only an answer tells when there will be some

_ends_with_response: ContextVar[bool] = ContextVar("the call ends with its response", default=False)


def set_up_library(api_base: str, gateway_url: str) -> None:
    """Make every client of this process speak with this host, and none warn that it has no voice.

    discord.py has no settings for it: it reads Discord's own addresses, and what to warn of, from class attributes.
    """
    discord.VoiceClient.warn_nacl = discord.VoiceClient.warn_dave = False
    Route.BASE = api_base.rstrip("/")
    if gateway_url:
        DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(gateway_url)


class _Success(Exception):
    """A success on its way past discord.py, which would keep it while its bucket is spent. `data`: JSON or None."""

    def __init__(self, data: Any) -> None:
        self.data = data


class Missing(SurfaceError):
    """The refusal of a call that needs something that can be made again: a webhook, a thread that is not archived."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text, 404)
        self.code = code


class AlreadyExists(SurfaceError):
    """The refusal of a call that would make something that exists already."""

    status = 400


class Rest:
    """Calls to Discord within the budgets. Hand `trace` to the client before it is used."""

    def __init__(self, budgets: Budgets, time: Clock) -> None:
        """Set up calls within `budgets`; `time` is the event loop's clock."""
        self._budgets = budgets
        self._time = time
        self._client: discord.Client | None = None
        self.buckets = Buckets()
        self.trace = aiohttp.TraceConfig()
        self.trace.on_request_start.append(self._on_start)
        self.trace.on_request_end.append(self._on_response)

    def use_client(self, client: discord.Client) -> None:
        """Send the calls through this client."""
        self._client = client

    async def call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        query: Mapping[str, str] | None = None,
        **parameters: Any,
    ) -> dict[str, Any]:
        """Call Discord once; return the JSON of its answer. Raises SurfaceError.

        `parameters` fill in `path` and are named as in discord.py's routes.
        """
        assert self._client is not None, "`use_client` comes before the first call"
        if self._client.is_closed():
            raise SurfaceError("the connection to Discord is closed")
        route = Route(method, path, **parameters)
        more: dict[str, Any] = {"json": body} if body is not None else {}
        if query:
            more["params"] = query
        shows_text = self.buckets.read_path(method, yarl.URL(route.url).path)
        ticket: SentRequest | None = None
        if shows_text:
            await hold_run()
        else:  # a call outside the scheduler, such as for a thread or a webhook, takes its place here
            ticket = await self._wait_for_room()
        token = _ends_with_response.set(True)
        try:
            answer = await self._client.http.request(route, **more)
        except _Success as answered:
            answer = answered.data
        except discord.HTTPException as error:
            raise translate_error(error) from error
        except (aiohttp.ClientError, OSError) as error:
            raise SurfaceError(f"Discord could not be reached: {error}") from error
        finally:
            _ends_with_response.reset(token)
            if ticket is not None:
                self._budgets[BOT_CEILING].record_answer(ticket, self._time())
        return answer if isinstance(answer, dict) else {"list": answer}

    async def _wait_for_room(self) -> SentRequest:
        """Wait for a place below the bot's ceiling, and return it."""
        budget = self._budgets[BOT_CEILING]
        while (free_at := budget.free_at(self._time())) > self._time():  # noqa: ASYNC110 – no event
            await asyncio.sleep(min(free_at - self._time(), POLL_S))
        return budget.take(self._time())

    async def _on_start(
        self, session: aiohttp.ClientSession, context: SimpleNamespace, start: aiohttp.TraceRequestStartParams
    ) -> None:
        """Note when a call is sent, and remove the bot's token from a webhook's call.

        The call needs none, but discord.py sends it, and with it the call would count as the bot's.
        """
        context.sent = self._time()
        if ceiling_name(start.url.path) == ADDRESS_CEILING:
            start.headers.popall("Authorization", None)

    async def _on_response(
        self, session: aiohttp.ClientSession, context: SimpleNamespace, ended: aiohttp.TraceRequestEndParams
    ) -> None:
        """Learn the limit from a response before discord.py reads it, and end our calls with it."""
        response, headers = ended.response, ended.response.headers
        call = self.buckets.read_path(ended.method, ended.url.path)
        if call and response.status != 429:
            self._learn(call, headers, context.sent)
        if not _ends_with_response.get():
            return
        data = await _read_json(response)
        response.release()
        if response.status == 429:
            said = data if isinstance(data, dict) else {}
            raise self._read_limit(headers, said, call, ceiling_name(ended.url.path))
        if response.status >= 500 or (response.status >= 400 and not isinstance(data, dict)):
            raise SurfaceError(f"Discord answered {response.status}", response.status)
        if data is None and response.status != 204:
            raise SurfaceError("the answer is not Discord's")
        if response.status >= 400:
            raise discord.HTTPException(response, data)
        raise _Success(data)

    def _learn(self, call: Counted, headers: Mapping[str, str], sent: float) -> None:
        """Learn a limit from an answer, unless a part of it is missing or cannot be meant."""
        parts = [read_seconds(headers.get(f"X-RateLimit-{part}")) for part in ("Limit", "Remaining", "Reset-After")]
        limit, remaining, reset_after_s = (math.nan if part is None else part for part in parts)
        if not (limit >= 1 and remaining >= 0 and 0 < reset_after_s <= FORGET_S):
            return
        now, bucket = self._time(), headers.get("X-RateLimit-Bucket", call.kind)
        name = self.buckets.learn(call, bucket, sent, now, int(remaining), reset_after_s)
        self._budgets[name].learn(sent, now, limit=int(limit), remaining=int(remaining), reset_after_s=reset_after_s)

    def _read_limit(
        self, headers: Mapping[str, str], data: Mapping[str, Any], call: Counted | None, above: str
    ) -> RateLimited:
        """Return which budget a 429 pauses, and for how long. `above`: the call's ceiling.

        Where the bucket has room left, or is not the one that answers name, a limit that no header shows has refused
        it. A 429 that says nothing as Discord says it refuses the whole address, as Cloudflare does.
        """
        retry_after_s = _read_wait(headers, data)
        name = self.buckets.name(call) if call else ""
        if data.get("code") == OLD_MESSAGE:
            name = old_bucket_name(name)
        elif not ("X-RateLimit-Scope" in headers or "retry_after" in data or data.get("code")):
            return RateLimited(above, BLOCKED_S if retry_after_s is None else retry_after_s)
        elif headers.get("X-RateLimit-Scope") == "global" or data.get("global"):
            name = above
        elif call and self._is_hidden(call, headers):
            name = hidden_name(call)
        return RateLimited(name, DEFAULT_WINDOW_S if retry_after_s is None else retry_after_s)

    def _is_hidden(self, call: Counted, headers: Mapping[str, str]) -> bool:
        """Return whether the headers of earlier answers have not told of the limit that refuses a call."""
        has_room = (read_seconds(headers.get("X-RateLimit-Remaining")) or 0) > 0
        bucket = headers.get("X-RateLimit-Bucket")
        return has_room or (bucket is not None and not self.buckets.is_foretold(call, bucket))


async def _read_json(response: aiohttp.ClientResponse) -> Any:
    """Return the JSON of an answer; None where it has none, as a page of whoever stands before Discord."""
    if response.content_type != "application/json":
        return None
    try:
        return await response.json()
    except ValueError:
        return None


def _read_wait(headers: Mapping[str, str], data: Mapping[str, Any]) -> float | None:
    """Return the seconds that a 429 asks to wait; None where it does not say.

    The body is exact, the header rounded up. Where they differ by more, the header is right
    (https://github.com/discord/discord-api-docs/issues/7394).
    """
    exact, rounded = read_seconds(data.get("retry_after")), read_retry_after(headers.get("Retry-After"))
    if exact is None or (rounded is not None and rounded > exact + 1):
        return rounded
    return exact


def translate_error(error: discord.HTTPException) -> SurfaceError:
    """Return a refusal of Discord's as the error that it means for showing text."""
    if error.code in (UNKNOWN_WEBHOOK, ARCHIVED):
        return Missing(error.code, error.text)
    if error.code == THREAD_EXISTS:
        return AlreadyExists(error.text)
    if error.code in GONE:
        return Gone(GONE[error.code])
    if error.status == 403 or error.code in FORBIDDEN:
        return Forbidden(FORBIDDEN.get(error.code, error.text))
    if error.status == 404:
        return Gone(error.text)
    return SurfaceError(error.text or str(error), error.status)


async def retry_missing(call: Callable[[], Awaitable[None]]) -> None:
    """Call once more where something was missing that has been made again. Raises the other SurfaceErrors."""
    try:
        await call()
    except Missing:
        await call()
