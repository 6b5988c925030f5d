"""Places and messages on Slack as text that finds them again: addresses and references."""

from __future__ import annotations

from dataclasses import dataclass

from bot.ports.surface import MessageRef


@dataclass(frozen=True, slots=True)
class Address:
    """A place where a run is shown. `thread`: the message whose thread holds all of it; "": its board opens a thread.

    `asker`: the person who asked. `nonce` tells the runs of one place apart.
    """

    team: str
    enterprise: str
    channel: str
    thread: str
    asker: str
    nonce: str

    @property
    def text(self) -> str:
        return f"slack:{self.team}:{self.enterprise}:{self.channel}:{self.thread}:{self.asker}:{self.nonce}"

    @property
    def is_direct(self) -> bool:
        return is_direct(self.channel)


def is_direct(channel: str) -> bool:
    """Return whether a channel is a direct message between a person and the app."""
    return channel.startswith("D")


def read_address(text: str) -> Address | None:
    """Return the address that a text names; None: it is another platform's."""
    platform, *parts = text.split(":")
    return Address(*parts) if platform == "slack" and len(parts) == 6 else None


def message_ref(team: str, channel: str, ts: str) -> MessageRef:
    """Return the reference of a message."""
    return f"slack:{team}/{channel}/{ts}"


def read_ref(ref: MessageRef) -> tuple[str, str]:
    """Return channel and time stamp, by which Slack knows a message."""
    _, channel, ts = ref.removeprefix("slack:").split("/")
    return channel, ts


def link_message(workspace_url: str, channel: str, ts: str, thread: str) -> str:
    """Return the address at which Slack shows a message. `thread`: the message whose thread holds it, "" for none."""
    return f"{workspace_url}archives/{channel}/p{ts.replace('.', '')}" + (
        f"?thread_ts={thread}&amp;cid={channel}" if thread else ""
    )


def question_key(channel: str, ts: str) -> str:
    """Return the key of a message in the `QuestionLog`."""
    return f"{channel}/{ts}"
