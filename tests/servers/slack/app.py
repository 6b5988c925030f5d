"""The app: its secrets, the events it is subscribed to, and its bot tokens with their scopes."""

from __future__ import annotations

from dataclasses import dataclass, field

# the scopes of the app unless a test names others: all that the server knows
ALL_SCOPES = frozenset(
    [
        "app_mentions:read",
        "assistant:write",
        "channels:history",
        "channels:join",
        "channels:manage",
        "channels:read",
        "chat:write",
        "chat:write.customize",
        "chat:write.public",
        "commands",
        "files:read",
        "files:write",
        "groups:history",
        "groups:read",
        "groups:write",
        "im:history",
        "im:read",
        "im:write",
        "mpim:history",
        "mpim:read",
        "mpim:write",
        "reactions:read",
        "reactions:write",
        "team:read",
        "users:read",
    ]
)
# the app's subscriptions; to read channels, a test must add `message.channels` and the like
QUIET_EVENTS = frozenset(
    [
        "agent_session_stopped",
        "app_mention",
        "app_home_opened",
        "app_uninstalled",
        "tokens_revoked",
        "reaction_added",
        "reaction_removed",
        "member_joined_channel",
        "message.im",
    ]
)


@dataclass(slots=True)
class App:
    """The app as its manifest sets it up; `is_agent`: with `agent_view`."""

    id: str = "A00000001"
    app_token: str = "xapp-1-A00000001-1-test"
    client_id: str = "1.1"
    client_secret: str = "client-secret"
    signing_secret: str = "signing-secret"
    is_agent: bool = True
    events: set[str] = field(default_factory=lambda: set(QUIET_EVENTS))


@dataclass(slots=True)
class Token:
    """A bot token. `team` is "" for an organisation-wide installation, which `enterprise` then names."""

    token: str
    team: str
    enterprise: str
    bot_user: str
    bot_id: str
    scopes: set[str]
    revoked: bool = False
