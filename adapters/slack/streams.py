"""A native stream: one message that Slack lets grow, for five minutes at most, and only at its end.

https://docs.slack.dev/reference/methods/chat.startStream
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from adapters.slack.api import Api, Workspace
from bot.ports import RateLimited, SurfaceError

ROLL_OVER_S = 240.0  # Slack ends a stream after five minutes; from here on the message is edited instead


class Broken(SurfaceError):
    """Whether the stream holds what was sent last is not known, or it is over: the message must be written whole."""


@dataclass(slots=True)
class Stream:
    """`sent` stands in the message. `began` in loop seconds."""

    api: Api
    at: Workspace
    channel: str
    ts: str
    sent: str
    began: float
    _read: str = ""

    def goes_on(self, text: str, now: float) -> bool:
        """Whether the stream can come to read `text`."""
        return text.startswith(self.sent) and now < self.began + ROLL_OVER_S

    async def grow(self, text: str) -> None:
        """Append what this text and the one before agree on: the marks that close half-written Markdown may yet go.

        Raises RateLimited, or Broken.
        """
        settled = text[: _agree(text, self._read)]
        self._read = text
        if len(settled) > len(self.sent):
            await self._call("chat.appendStream", markdown_text=settled[len(self.sent) :])
            self.sent = settled

    async def end(self, text: str, blocks: list[dict[str, Any]]) -> None:
        """The last of it, and what stands below. Raises as `grow`."""
        rest = {"markdown_text": text[len(self.sent) :]} if len(text) > len(self.sent) else {}
        await self._call("chat.stopStream", **rest, **({"blocks": blocks} if blocks else {}))
        self.sent = text

    async def _call(self, method: Any, **arguments: Any) -> None:
        try:
            await self.api.call(self.at, method, channel=self.channel, ts=self.ts, **arguments)
        except RateLimited:
            raise
        except SurfaceError as error:
            raise Broken(str(error), error.status) from error


def _agree(one: str, other: str) -> int:
    """How many characters both begin with."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((k for k, (a, b) in pairs if a != b), min(len(one), len(other)))
