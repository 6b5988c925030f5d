"""Places and messages on Discord as text that finds them again: addresses and references."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from bot.ports.surface import MessageRef

WEBHOOK_SUFFIX = "@face"  # ends the reference of a message that a webhook sent

AddressKind = Literal["channel", "inside", "forum"]


@dataclass(frozen=True, slots=True)
class Address:
    """A place where a run is shown. `guild` None: a direct message; `parent`: the thread's, or the channel itself.

    `kind` "channel": a board with a thread; "inside": everything in one thread or direct message; "forum": a new post.
    `nonce` tells the runs of one place apart.
    """

    guild: int | None
    channel: int
    parent: int
    kind: AddressKind
    nonce: str

    @property
    def text(self) -> str:
        return f"discord:{self.guild or '@me'}:{self.channel}:{self.parent}:{self.kind}:{self.nonce}"


def read_address(text: str) -> Address | None:
    """Return the address that a text names; None: it is another platform's."""
    match text.split(":"):
        case ["discord", guild, channel, parent, ("channel" | "inside" | "forum") as kind, nonce]:
            return Address(None if guild == "@me" else int(guild), int(channel), int(parent), kind, nonce)
    return None


def message_ref(channel: int, message: int, *, by_webhook: bool = False) -> MessageRef:
    """Return the reference of a message. `by_webhook`: a webhook sent it."""
    return f"discord:{channel}/{message}{WEBHOOK_SUFFIX if by_webhook else ''}"


def read_ref(ref: MessageRef) -> tuple[int, int, bool]:
    """Return channel, message, and whether a webhook sent it."""
    channel, message = ref.removeprefix("discord:").removesuffix(WEBHOOK_SUFFIX).split("/")
    return int(channel), int(message), ref.endswith(WEBHOOK_SUFFIX)
