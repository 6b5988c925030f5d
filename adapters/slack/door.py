"""The HTTP door: Slack's deliveries, and installing by OAuth. What anybody else sends is refused in a sentence.

A delivery's signature is checked over the bytes that came, before anything reads them:
https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

from __future__ import annotations

import asyncio
import hmac
import logging
import re
import time
from collections.abc import Awaitable, Callable
from ipaddress import ip_address, ip_network
from typing import Any

import aiohttp
import structlog
from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.request.async_request import AsyncBoltRequest
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackClientError

from bot.actions.quota import RefusalCount
from bot.concurrency import KeyedSemaphore
from bot.errors import Refused
from bot.ports.process import Clock

log = structlog.get_logger()

PATH = "/slack/events"
MAX_BODY_BYTES = 1 << 20  # Slack's largest deliveries are forms with all of their fields full
BODY_S = 10.0  # Slack itself waits for three seconds
LINGER_S = 1.0  # for the rest of a body that was refused, so that its sender reads why
MAX_AGE_S = 300  # of a signature, as Slack asks
BODIES_AT_ONCE = 50  # of one address, that are being read; others wait
TYPES = ("application/json", "application/x-www-form-urlencoded")
UNREADABLE = "The signature is good, but nothing can be read in the body."
SENTENCES = {
    404: "There is nothing at this address.",
    405: "That method means nothing at this address.",
    413: f"A request holds at most {MAX_BODY_BYTES} bytes, and this one holds more.",
}
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_TIMESTAMP = re.compile("[0-9]{1,12}")
_SIGNATURE = re.compile("v0=[0-9a-f]{64}")


class Door:
    """What is served over HTTP for an app of bolt's. `clock` tells seconds, for limits by address.

    Whoever was refused too often, or has begun too many installations, waits a minute; what Slack has signed is neither
    counted nor refused. The address is the one that connects: of a reverse proxy, all that comes through it.
    """

    def __init__(self, app: AsyncApp, signing_secret: str, clock: Clock) -> None:
        self._app = app
        self._secret = signing_secret.encode()
        self._counted = RefusalCount(clock)
        self._reading = KeyedSemaphore(BODIES_AT_ONCE)

    def make_runner(self) -> web.AppRunner:
        """Return the runner that serves it."""
        served = web.Application(middlewares=[self._answer], client_max_size=MAX_BODY_BYTES)
        served.router.add_post(PATH, self._take_delivery)
        if (flow := self._app.oauth_flow) is not None:

            async def begin(request: web.Request) -> web.StreamResponse:
                return await self._install(request, flow.handle_installation)

            async def finish(request: web.Request) -> web.StreamResponse:
                return await self._install(request, flow.handle_callback)

            served.router.add_get(flow.install_path, begin, allow_head=False)
            served.router.add_get(flow.redirect_uri_path, finish, allow_head=False)
        logger = logging.getLogger("aiohttp.server")
        logger.addFilter(_is_no_junk)
        return web.AppRunner(served, access_log=None, logger=logger, lingering_time=LINGER_S)

    @web.middleware
    async def _answer(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer a request; whatever goes wrong becomes a status and a sentence."""
        try:
            return await handler(request)
        except web.HTTPException as error:
            return self._refuse(request, error)
        except Exception:
            log.exception("a request could not be answered")
            return web.Response(
                status=500, text="That went wrong here, and whoever runs this app finds why in its log."
            )

    def _refuse(self, request: web.Request, error: web.HTTPException) -> web.Response:
        """Count a refusal and answer it; the connection is closed, as the rest of the body may never come."""
        try:
            self._count(request)
        except web.HTTPException as enough:
            error = enough
        else:
            log.info("a request was refused", status=error.status, address=request.remote)
        text = SENTENCES.get(error.status, error.text)
        headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else None
        answer = web.Response(status=error.status, text=text, headers=headers)
        answer.force_close()
        return answer

    def _count(self, request: web.Request) -> None:
        """Count a request against its address. Raises HTTPTooManyRequests after too many."""
        address = _name_address(request)
        try:
            self._counted.check(address)
        except Refused as error:
            raise web.HTTPTooManyRequests(text=str(error)) from None
        self._counted.add(address)

    async def _take_delivery(self, request: web.Request) -> web.StreamResponse:
        """Hand a delivery that Slack has signed to bolt. Raises HTTPException for any other one."""
        body = await self._read_signed(request)
        if request.content_type not in TYPES:
            raise web.HTTPBadRequest(text=f"A delivery is of the type {' or '.join(TYPES)}.")
        try:
            delivery = _to_bolt(request, body.decode())
        except Exception:  # of any sort, as bolt looks into what was sent while it reads it
            raise web.HTTPBadRequest(text=UNREADABLE) from None
        if not delivery.body:
            raise web.HTTPBadRequest(text=UNREADABLE)
        return await to_aiohttp_response(await self._app.async_dispatch(delivery))

    async def _read_signed(self, request: web.Request) -> bytes:
        """Return the body of a delivery, whose signature is good. Raises HTTPException."""
        timestamp = request.headers.get("X-Slack-Request-Timestamp", "")
        signature = request.headers.get("X-Slack-Signature", "")
        if not (_TIMESTAMP.fullmatch(timestamp) and _SIGNATURE.fullmatch(signature)):
            raise web.HTTPUnauthorized(text="This address takes what Slack has signed, and nothing else.")
        if abs(time.time() - int(timestamp)) > MAX_AGE_S:
            raise web.HTTPUnauthorized(
                text="That was signed more than five minutes ago, or to come: look at the clocks."
            )
        if (request.content_length or 0) > MAX_BODY_BYTES:
            raise web.HTTPRequestEntityTooLarge(MAX_BODY_BYTES)
        try:
            async with self._reading.of(_name_address(request)), asyncio.timeout(BODY_S):
                body = await request.read()
        except TimeoutError:
            raise web.HTTPRequestTimeout(text=f"The body did not come within {BODY_S:.0f} s.") from None
        except (web.RequestPayloadError, HttpProcessingError, ConnectionError):
            raise web.HTTPBadRequest(text="The body is not what its headers say.") from None
        good = "v0=" + hmac.digest(self._secret, f"v0:{timestamp}:".encode() + body, "sha256").hex()
        if not hmac.compare_digest(signature, good):
            raise web.HTTPUnauthorized(text="The signature is wrong: the app's signing secret makes a good one.")
        return body

    async def _install(
        self, request: web.Request, walk: Callable[[AsyncBoltRequest], Awaitable[BoltResponse]]
    ) -> web.StreamResponse:
        """Take one step of an installation. Raises HTTPTooManyRequests, as each costs a seal or a call to Slack."""
        self._count(request)
        try:
            return await to_aiohttp_response(await walk(_to_bolt(request, "")))
        except (SlackClientError, aiohttp.ClientError, TimeoutError) as error:
            log.warning("Slack gave no answer to an installation", reason=repr(error))
            return web.Response(status=502, text="Slack gave no answer: begin the installation once more.")


def _to_bolt(request: web.Request, body: str) -> AsyncBoltRequest:
    """Return a request as bolt takes it; it reads the body at once, and raises what it likes."""
    headers: Any = request.headers
    return AsyncBoltRequest(body=body, query=request.query_string, headers=headers)


def _name_address(request: web.Request) -> str:
    """Return what requests are counted by: the address, and of one in IPv6 its network, which one person has whole."""
    address = ip_address((request.remote or "::").partition("%")[0])
    return str(address) if address.version == 4 or address.ipv4_mapped else str(ip_network((address, 64), strict=False))


def _is_no_junk(record: logging.LogRecord) -> bool:
    """Return whether a record of aiohttp's is about more than a request that is no HTTP, which it has answered."""
    return not (record.exc_info and isinstance(record.exc_info[1], HttpProcessingError))
