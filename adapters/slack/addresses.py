"""Where runs stand on Slack, as text that finds them again: addresses of places, references of messages."""

from __future__ import annotations

from dataclasses import dataclass

from bot.ports import MessageRef


@dataclass(frozen=True, slots=True)
class Address:
    """`thread`: the message in whose thread all of a run stands; "": its board opens one in the channel. `asker`: who
    asked, whom a direct message is with. `nonce` tells the runs of one place apart."""

    team: str
    enterprise: str
    channel: str
    thread: str
    asker: str
    nonce: str

    @property
    def address(self) -> str:
        return f"slack:{self.team}:{self.enterprise}:{self.channel}:{self.thread}:{self.asker}:{self.nonce}"

    @property
    def direct(self) -> bool:
        return is_direct(self.channel)


def is_direct(channel: str) -> bool:
    """Whether it is a direct message between a person and the app."""
    return channel.startswith("D")


def read_address(address: str) -> Address | None:
    """The spot that `address` names; None: it is another platform's."""
    platform, *parts = address.split(":")
    return Address(*parts) if platform == "slack" and len(parts) == 6 else None


def message_ref(team: str, channel: str, ts: str) -> MessageRef:
    return f"slack:{team}/{channel}/{ts}"


def read_ref(ref: MessageRef) -> tuple[str, str]:
    """Channel and time stamp, by which Slack knows a message."""
    _, channel, ts = ref.removeprefix("slack:").split("/")
    return channel, ts
