"""Deliveries to a Request URL, signed as Slack signs them.

https://docs.slack.dev/authentication/verifying-requests-from-slack
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Literal, assert_never
from urllib.parse import urlencode

import aiohttp

from tests.servers.slack.deliveries import Delivery, Undelivered
from tests.servers.slack.world import Json, World

Signing = Literal["right", "wrong", "old"]
OLD_S = 60 * 5 + 1  # the app must refuse requests older than five minutes


def signature(secret: str, timestamp: str, body: bytes) -> str:
    """Return the value of X-Slack-Signature."""
    return "v0=" + hmac.new(secret.encode(), f"v0:{timestamp}:".encode() + body, hashlib.sha256).hexdigest()


class HttpDeliveries:
    """The transport that posts to `url`. `signing` says how the next requests are signed."""

    def __init__(self, world: World) -> None:
        self.url = ""
        self.signing: Signing = "right"
        self._world = world
        self._session: aiohttp.ClientSession | None = None

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def offer(self, delivery: Delivery, retry: int, reason: str) -> Json | None:
        """Make one attempt; see `deliveries.Transport`."""
        body, content_type = _encode_body(delivery)
        headers = {"Content-Type": content_type, **self._sign(body)}
        if retry:
            named = reason if reason.startswith("http") else f"http_{reason}"
            headers |= {"X-Slack-Retry-Num": str(retry), "X-Slack-Retry-Reason": named}
        if self._session is None:
            self._session = aiohttp.ClientSession()
        try:
            async with self._session.post(self.url, data=body.encode(), headers=headers) as response:
                said = await response.text()
                if response.status != 200:
                    raise Undelivered("http_error")
                return _parse_answer(said, response.content_type)
        except aiohttp.ClientError as failed:
            raise Undelivered("connection_failed") from failed

    def _sign(self, body: str) -> dict[str, str]:
        timestamp = str(int(self._world.wall() - (OLD_S if self.signing == "old" else 0)))
        secret = "another" if self.signing == "wrong" else self._world.app.signing_secret
        return {
            "X-Slack-Request-Timestamp": timestamp,
            "X-Slack-Signature": signature(secret, timestamp, body.encode()),
        }


def _encode_body(delivery: Delivery) -> tuple[str, str]:
    """Return body and content type: an event is JSON, a command a form, an interaction JSON in a form."""
    form = "application/x-www-form-urlencoded"
    match delivery.kind:
        case "events_api":
            return json.dumps(delivery.payload), "application/json"
        case "slash_commands":
            said = {k: str(v).lower() if isinstance(v, bool) else v for k, v in delivery.payload.items()}
            return urlencode(said), form
        case "interactive":
            return urlencode({"payload": json.dumps(delivery.payload)}), form
        case _:
            assert_never(delivery.kind)


def _parse_answer(said: str, content_type: str) -> Json | None:
    if not said:
        return None
    if content_type == "application/json":
        found: Json = json.loads(said)
        return found
    return {"text": said}
