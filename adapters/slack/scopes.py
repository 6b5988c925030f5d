"""Scopes that the app asks for, each with its reason, and the methods and events that need them.

The manifest, the handlers and the calls all come from these lists; no other method can be called.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Method = Literal[
    "agents.sessions.setStatus",
    "apps.connections.open",
    "auth.test",
    "chat.appendStream",
    "chat.delete",
    "chat.postEphemeral",
    "chat.postMessage",
    "chat.startStream",
    "chat.stopStream",
    "chat.update",
    "conversations.history",
    "conversations.info",
    "conversations.replies",
    "files.completeUploadExternal",
    "files.getUploadURLExternal",
    "files.info",
    "users.conversations",
    "users.info",
    "views.open",
    "views.publish",
]


@dataclass(frozen=True, slots=True)
class Scope:
    """A scope. `listen`: needed only to listen to plain messages in channels; `optional`: all else works without it."""

    name: str
    why: str
    listen: bool = False
    optional: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """An event: `name` as in a manifest; `scope` that Slack demands for it, or ""."""

    name: str
    scope: str
    why: str
    listen: bool = False


SCOPES = (
    Scope(
        "assistant:write", "be one of Slack's agents: prompts to begin with, and Slack's own stop button", optional=True
    ),
    Scope("app_mentions:read", "be asked by @Moot, in channels and in threads"),
    Scope("channels:read", "see whether a public channel is shared, archived, or lacks the app"),
    Scope("chat:write", "post and edit its own messages"),
    Scope("chat:write.customize", "let each seat speak under its own name and icon"),
    Scope("commands", "slash commands and message shortcuts"),
    Scope("files:read", "read the files that come with a question"),
    Scope("files:write", "hand out exports"),
    Scope("groups:read", "the same as channels:read for private channels the app was invited to"),
    Scope("im:history", "hear what people write to the app itself"),
    Scope("mpim:read", "the same as channels:read for group messages the app was invited to"),
    Scope("reactions:read", "count reactions as votes, skips and stops"),
    Scope("users:read", "see who is an admin, a guest or from outside, and how people are called"),
    Scope("channels:history", "take plain messages in runs' threads as remarks (public channels)", listen=True),
    Scope("groups:history", "the same in private channels", listen=True),
    Scope("mpim:history", "the same in group messages", listen=True),
)

EVENTS = (
    Event("agent_session_stopped", "", "stop a run by the button that Slack itself shows in direct messages"),
    Event("app_home_opened", "", "show the home tab"),
    Event("app_mention", "app_mentions:read", "be asked, and be told remarks"),
    Event("app_uninstalled", "", "end what runs for a workspace that has removed the app"),
    Event("message.im", "im:history", "be asked in direct messages"),
    Event("reaction_added", "reactions:read", "votes, skips and stops by reaction"),
    Event("reaction_removed", "reactions:read", "take a vote away"),
    Event("tokens_revoked", "", "forget a token that is no longer good"),
    Event("app_context_changed", "", "know which message a person is looking at who asks about it", listen=True),
    Event("message.channels", "channels:history", "remarks in runs' threads", listen=True),
    Event("message.groups", "groups:history", "remarks in runs' threads", listen=True),
    Event("message.mpim", "mpim:history", "remarks in runs' threads", listen=True),
)

_READ = ("channels:read", "groups:read", "mpim:read")  # one for each kind of channel; direct messages are not looked up
_HISTORY = ("channels:history", "groups:history", "im:history", "mpim:history")
NEEDS: Mapping[Method, tuple[str, ...]] = {
    "agents.sessions.setStatus": ("chat:write",),
    "apps.connections.open": (),  # by the app's own token
    "auth.test": (),
    "chat.appendStream": ("chat:write",),
    "chat.delete": ("chat:write",),
    "chat.postEphemeral": ("chat:write",),
    "chat.postMessage": ("chat:write", "chat:write.customize"),
    "chat.startStream": ("chat:write",),
    "chat.stopStream": ("chat:write",),
    "chat.update": ("chat:write",),
    "conversations.history": _HISTORY,
    "conversations.info": _READ,
    "conversations.replies": _HISTORY,
    "files.completeUploadExternal": ("files:write",),
    "files.getUploadURLExternal": ("files:write",),
    "files.info": ("files:read",),
    "users.conversations": _READ,
    "users.info": ("users:read",),
    "views.open": (),
    "views.publish": (),
}
# commands and shortcuts are delivered; Slack gives an agent its scope, which no method here takes
SCOPES_WITHOUT_METHOD = ("assistant:write", "commands")


def wanted_scopes(*, listen: bool) -> tuple[Scope, ...]:
    """Return the scopes to ask for."""
    return tuple(scope for scope in SCOPES if listen or not scope.listen)


def wanted_events(*, listen: bool) -> tuple[Event, ...]:
    """Return the events to subscribe to."""
    return tuple(event for event in EVENTS if listen or not event.listen)
