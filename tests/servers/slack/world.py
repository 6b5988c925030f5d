"""The state of the server: one app, its workspaces, their people, channels, messages, views and files.

This is plain data without rules; the rules are in the Web API (`web_api_*.py`) and in people's acts (`people.py`).
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol

from tests.servers.slack.app import ALL_SCOPES, App, Token
from tests.servers.slack.blocks import mentions

Json = dict[str, Any]
ChannelKind = Literal["public", "private", "im", "mpim"]
UserKind = Literal["member", "guest", "single_channel_guest", "admin", "owner", "stranger", "bot"]
StreamState = Literal["", "streaming", "stopped", "expired", "halted"]  # halted: by a person


class Located(Protocol):
    """Anything with the channel and ts of a message."""

    @property
    def channel(self) -> str: ...
    @property
    def ts(self) -> str: ...


class Ref(NamedTuple):
    channel: str
    ts: str


@dataclass(slots=True)
class Team:
    """A workspace. `edit_window_s`: how long messages may be edited, None for ever."""

    id: str
    name: str
    enterprise: str = ""
    bot_user: str = ""
    bot_id: str = ""
    bot_token: str = ""
    edit_window_s: float | None = None


@dataclass(slots=True)
class User:
    id: str
    team: str
    name: str
    kind: UserKind = "member"


@dataclass(slots=True)
class Channel:
    """A channel; with `ext_shared` a Slack Connect channel, shared with another organisation."""

    id: str
    team: str
    name: str
    kind: ChannelKind = "public"
    members: list[str] = field(default_factory=list)
    archived: bool = False
    ext_shared: bool = False


class Edit(NamedTuple):
    """The content of a message from `at` (server loop seconds) on."""

    at: float
    text: str
    blocks: list[Json]


@dataclass(slots=True)
class Message:
    """A message as it stands. `edits` starts with its first form.

    `mentions` are those whom its present content would ping. `notified` are those whom it did ping, since only posting
    pings.
    """

    channel: str
    ts: str
    user: str
    at: float
    text: str = ""
    blocks: list[Json] = field(default_factory=list)
    attachments: list[Json] = field(default_factory=list)
    bot_id: str = ""
    username: str = ""
    icon: str = ""
    thread_ts: str = ""
    broadcast: bool = False
    metadata: Json | None = None
    files: list[str] = field(default_factory=list)
    odd_files: list[Json] = field(default_factory=list)  # as they are sent, beside `files`
    reactions: dict[str, list[str]] = field(default_factory=dict)
    edits: list[Edit] = field(default_factory=list)
    mentions: tuple[str, ...] = ()
    notified: tuple[str, ...] = ()
    edited: bool = False  # whether people see "(edited)"
    stream: StreamState = ""
    recipient: str = ""  # the one person who sees a channel's stream live
    deleted: bool = False

    def record_form(self, at: float) -> None:
        """Add the present form to the history, and renew `mentions`."""
        self.mentions = mentions(self.text, self.blocks, self.attachments)
        self.edits.append(Edit(at, self.text, list(self.blocks)))


@dataclass(slots=True)
class Ephemeral:
    """A message for one person. `via` is the response_url that it came through; "" where a method posted it."""

    channel: str
    user: str
    at: float
    text: str = ""
    blocks: list[Json] = field(default_factory=list)
    thread_ts: str = ""
    via: str = ""
    ts: str = ""  # its name in interactions; no method takes it
    deleted: bool = False


@dataclass(slots=True)
class View:
    """A modal or home tab; `body` is what the app sent. `open` is False once a modal was submitted or closed."""

    id: str
    team: str
    user: str
    body: Json
    hash: str
    root: str
    previous: str = ""
    open: bool = True
    state: Json = field(default_factory=dict)


@dataclass(slots=True)
class File:
    id: str
    team: str
    user: str
    name: str
    length: int
    title: str = ""
    content: bytes | None = None
    done: bool = False
    channels: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Session:
    """A thread as a session of an agent; `statuses`: each that the app has set, the present one last."""

    title: str
    initiator: str
    statuses: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Trigger:
    team: str
    user: str
    at: float
    used: bool = False


@dataclass(slots=True)
class ResponseUrl:
    """An address for answers to an interaction; `ts` is the message it came from, "" for a command."""

    url: str
    team: str
    channel: str
    user: str
    at: float
    ts: str = ""
    uses: int = 0


class World:
    """All state of the server, by id. Times `at` are the server's loop seconds."""

    def __init__(self, clock: Callable[[], float], now: Callable[[], float]) -> None:
        self.app = App()
        self.teams: dict[str, Team] = {}
        self.tokens: dict[str, Token] = {}
        self.codes: dict[str, Token] = {}
        self.users: dict[str, User] = {}
        self.channels: dict[str, Channel] = {}
        self.posts: dict[Ref, Message] = {}
        self._threads: dict[Ref, list[Message]] = {}  # by parent, the parent first
        self._rows: dict[str, list[Message]] = {}  # by channel: the messages outside threads
        self.ephemerals: list[Ephemeral] = []
        self.views: dict[str, View] = {}
        self.homes: dict[str, View] = {}
        self.files: dict[str, File] = {}
        self.sessions: dict[Ref, Session] = {}  # by channel and the first message of the thread
        self.triggers: dict[str, Trigger] = {}
        self.response_urls: dict[str, ResponseUrl] = {}
        self.now = now
        self.base = ""  # the server's own address, once it has one
        self._clock = clock
        self._count = itertools.count(1)
        self._last_us = 0

    def add_team(
        self, name: str, enterprise: str = "", scopes: Iterable[str] = ALL_SCOPES, installed: bool = True
    ) -> Team:
        """Add a workspace, by default with the app installed in it under `scopes`."""
        team = Team(self.id("T"), name, enterprise)
        self.teams[team.id] = team
        team.bot_user = self.add_user(team.id, f"{name}-bot", "bot").id
        team.bot_id = self.id("B")
        if installed:
            team.bot_token = self.install(team.id, scopes).token
        return team

    def install(self, team: str, scopes: Iterable[str] = ALL_SCOPES, org_wide: bool = False) -> Token:
        """Add a bot token; `org_wide`: for all workspaces of the team's enterprise, which then share one bot."""
        home = self.teams[team]
        for other in self.teams.values():
            if org_wide and other.enterprise == home.enterprise:
                other.bot_user, other.bot_id = home.bot_user, home.bot_id
        secret = f"xoxb-{self.id('X')}"
        token = Token(secret, "" if org_wide else team, home.enterprise, home.bot_user, home.bot_id, set(scopes))
        self.tokens[secret] = token
        return token

    def code(self, team: str, scopes: Iterable[str] = ALL_SCOPES, org_wide: bool = False) -> str:
        """Create an OAuth code, good for one `oauth.v2.access`."""
        code = self.id("code-")
        self.codes[code] = self.install(team, scopes, org_wide)
        return code

    def add_user(self, team: str, name: str, kind: UserKind = "member") -> User:
        user = User(self.id("U"), team, name, kind)
        self.users[user.id] = user
        return user

    def add_channel(
        self,
        team: str,
        name: str,
        members: Iterable[str] = (),
        kind: ChannelKind = "public",
        bot: bool = True,
        archived: bool = False,
        ext_shared: bool = False,
    ) -> Channel:
        """Add a channel; with `bot` the app's bot is a member too."""
        prefix = {"public": "C", "private": "C", "im": "D", "mpim": "G"}[kind]
        joined = [*members, *([self.teams[team].bot_user] if bot else [])]
        channel = Channel(self.id(prefix), team, name, kind, joined, archived, ext_shared)
        self.channels[channel.id] = channel
        return channel

    def im(self, user: str) -> Channel:
        """Return the direct message between a person and the app, opened when needed."""
        for channel in self.channels.values():
            if channel.kind == "im" and user in channel.members:
                return channel
        return self.add_channel(self.users[user].team, "", [user], "im")

    def trigger(self, team: str, user: str) -> str:
        key = self.id("trigger.")
        self.triggers[key] = Trigger(team, user, self.now())
        return key

    def subscribe(self, *events: str) -> None:
        """Subscribe the app to more events, such as `message.channels`."""
        self.app.events.update(events)

    def put(self, message: Message, named: bool = False) -> None:
        """Place a finished message in its channel; with `named` a bare @channel pings as well."""
        message.record_form(self.now())
        message.notified = mentions(message.text, message.blocks, message.attachments, named)
        self.posts[Ref(message.channel, message.ts)] = message
        self._threads.setdefault(Ref(message.channel, message.thread_ts or message.ts), []).append(message)
        if not message.thread_ts or message.broadcast:
            self._rows.setdefault(message.channel, []).append(message)

    def messages(self, channel: str, thread_ts: str | None = None) -> list[Message]:
        """Return a channel's own messages, or a thread with its parent, the oldest first."""
        found = self._rows.get(channel) if thread_ts is None else self._threads.get(Ref(channel, thread_ts))
        return [m for m in found or [] if not m.deleted]

    def bot_token(self, team: str) -> Token | None:
        """Return the token that events of this workspace are for: its own, or its enterprise's."""
        enterprise = self.teams[team].enterprise
        live = [t for t in self.tokens.values() if not t.revoked]
        own = [t for t in live if t.team == team]
        return next(iter(own + [t for t in live if not t.team and t.enterprise == enterprise]), None)

    def id(self, prefix: str) -> str:
        return f"{prefix}{next(self._count):08d}"

    def ts(self) -> str:
        """Return wall time in Slack's form, later than every time before."""
        self._last_us = max(self._last_us + 1, int(self._clock() * 1e6))
        return f"{self._last_us // 10**6}.{self._last_us % 10**6:06d}"

    def wall(self) -> float:
        return self._clock()
