"""A native stream: one message that grows at its end, for at most five minutes.

https://docs.slack.dev/reference/methods/chat.startStream
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from adapters.slack.api import Api, Workspace
from bot.ports.surface import RateLimited, SurfaceError

ROLL_OVER_S = 240.0  # Slack ends a stream after five minutes; from this age on the message is edited instead


class StreamBroken(SurfaceError):
    """A stream that is over, or may lack the text that was sent last: the message must be written whole."""


@dataclass(slots=True)
class MessageStream:
    """A stream that Slack has begun. `sent`: the text in the message; `began`: loop seconds."""

    api: Api
    workspace: Workspace
    channel: str
    ts: str
    sent: str
    began: float
    _read: str = ""

    def may_continue(self, text: str, now: float) -> bool:
        """Return whether the stream can still grow into `text`."""
        return text.startswith(self.sent) and now < self.began + ROLL_OVER_S

    async def append(self, text: str) -> None:
        """Append the beginning that this text and the one before share. Raises RateLimited or StreamBroken.

        The rest may yet change: it ends with marks that close half-written Markdown.
        """
        settled = text[: _common_length(text, self._read)]
        self._read = text
        if len(settled) > len(self.sent):
            await self._call("chat.appendStream", markdown_text=settled[len(self.sent) :])
            self.sent = settled

    async def end(self, text: str, blocks: list[dict[str, Any]]) -> None:
        """Append the rest of the text and the blocks below it, and end the stream. Raises as `append` does."""
        rest = {"markdown_text": text[len(self.sent) :]} if len(text) > len(self.sent) else {}
        await self._call("chat.stopStream", **rest, **({"blocks": blocks} if blocks else {}))
        self.sent = text

    async def _call(self, method: Any, **arguments: Any) -> None:
        try:
            await self.api.call(self.workspace, method, channel=self.channel, ts=self.ts, **arguments)
        except RateLimited:
            raise
        except SurfaceError as error:
            raise StreamBroken(str(error), error.status) from error


def _common_length(one: str, other: str) -> int:
    """Return how many characters two texts share at their beginning."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((k for k, (a, b) in pairs if a != b), min(len(one), len(other)))
