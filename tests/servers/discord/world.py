"""The state of the server: guilds, channels, people, messages, webhooks.

These are flat dataclasses, kept by id. Nothing acts here.
"""

from __future__ import annotations

import enum
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from pydantic import ConfigDict

from bot.ports.process import Clock
from tests.servers.discord import errors

T = TypeVar("T")

DISCORD_EPOCH_MS = 1_420_070_400_000
V2 = 1 << 15  # the message flag of Components V2
EPHEMERAL, LOADING, SILENT = 1 << 6, 1 << 7, 1 << 12  # message flags


class ChannelKind(enum.IntEnum):
    """Kinds of channels.

    https://docs.discord.com/developers/resources/channel#channel-object-channel-types
    """

    TEXT = 0
    DM = 1
    PUBLIC_THREAD = 11
    PRIVATE_THREAD = 12
    FORUM = 15


@dataclass(slots=True)
class User:
    id: int
    name: str
    bot: bool = False


@dataclass(slots=True)
class Role:
    id: int
    name: str
    permissions: int
    bot_id: int | None = None  # of the bot whose own role it is


@dataclass(slots=True)
class Member:
    user_id: int
    role_ids: list[int] = field(default_factory=list)


@dataclass(slots=True)
class Guild:
    """A guild; `roles` holds @everyone under the guild's own id."""

    id: int
    name: str
    owner_id: int
    roles: dict[int, Role] = field(default_factory=dict)
    members: dict[int, Member] = field(default_factory=dict)


@dataclass(slots=True)
class Overwrite:
    """The permissions that a channel gives to a role or a member, and takes away."""

    allow: int = 0
    deny: int = 0
    member: bool = False


@dataclass(slots=True)
class Channel:
    """A text channel, a forum, a thread (`parent_id` is set) or a DM (`guild_id` is None)."""

    id: int
    kind: ChannelKind
    name: str
    guild_id: int | None = None
    parent_id: int | None = None
    overwrites: dict[int, Overwrite] = field(default_factory=dict)
    owner_id: int = 0
    archived: bool = False
    locked: bool = False
    auto_archive_minutes: int = 1440
    member_ids: list[int] = field(default_factory=list)  # of a thread or a DM

    @property
    def is_thread(self) -> bool:
        return self.kind in (ChannelKind.PUBLIC_THREAD, ChannelKind.PRIVATE_THREAD)


@dataclass(slots=True)
class Upload:
    """A file. The server sets `id` and `url`; a test leaves them 0 and ""."""

    __pydantic_config__ = ConfigDict(ser_json_bytes="base64", val_json_bytes="base64")

    filename: str
    data: bytes
    content_type: str = "text/plain"
    id: int = 0
    url: str = ""


@dataclass(slots=True)
class Edit:
    """The content of a message before the edit that was made at `at` (loop time)."""

    at: float
    content: str
    embeds: list[dict[str, Any]]
    components: list[dict[str, Any]]


@dataclass(slots=True)
class Message:
    """A message as it reads now.

    `created_at` and `edited_at` are loop times. `notified` are those who were really pinged. `allowed_mentions` is what
    the request said. `edits` holds the earlier contents, the oldest first.
    """

    id: int
    channel_id: int
    author: User
    content: str
    created_at: float
    embeds: list[dict[str, Any]] = field(default_factory=list)
    components: list[dict[str, Any]] = field(default_factory=list)
    attachments: list[Upload] = field(default_factory=list)
    flags: int = 0
    webhook_id: int | None = None
    avatar_url: str | None = None
    allowed_mentions: dict[str, Any] | None = None
    mentions: list[int] = field(default_factory=list)
    notified: list[int] = field(default_factory=list)
    reply_to: int | None = None
    extra: dict[str, Any] = field(default_factory=dict)  # further fields of its JSON: snapshots, stickers, a poll
    nonce: str | int | None = None
    kind: int = 0
    edited_at: float | None = None
    edits: list[Edit] = field(default_factory=list)
    reactions: dict[str, list[int]] = field(default_factory=dict)

    @property
    def ephemeral(self) -> bool:
        return bool(self.flags & EPHEMERAL)

    @property
    def text(self) -> str:
        """All text that people read in it, in order: content, embeds, text displays."""
        embeds = [e[key] for e in self.embeds for key in ("title", "description") if e.get(key)]
        shown = [c["content"] for c in walk(self.components) if c.get("type") == 10]
        return "\n".join([*([self.content] if self.content else []), *embeds, *shown])


@dataclass(slots=True)
class Webhook:
    id: int
    channel_id: int
    name: str
    token: str
    application_id: int | None


class HasId(Protocol):
    @property
    def id(self) -> int: ...


Ref = int | HasId  # a thing of the world, or its id


def id_of(ref: Ref) -> int:
    return ref if isinstance(ref, int) else ref.id


def walk(components: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Yield all components in the order in which they are read, nested ones and accessories included."""
    for component in components:
        yield component
        yield from walk(component.get("components") or [])
        inner = [component[key] for key in ("accessory", "component") if component.get(key)]
        yield from walk(inner)


class World:
    """All state of the server. Look-ups raise the DiscordError that the API answers with."""

    def __init__(self, wall: Clock, now: Callable[[], float]) -> None:
        self.wall = wall
        self.now = now
        self.users: dict[int, User] = {}
        self.guilds: dict[int, Guild] = {}
        self.channels: dict[int, Channel] = {}
        self.messages: defaultdict[int, dict[int, Message]] = defaultdict(dict)  # by channel, in order
        self.webhooks: dict[int, Webhook] = {}
        self.files: dict[int, Upload] = {}
        self._last_id = 0
        self.bot = User(self.new_id(), "moot", bot=True)
        self.users[self.bot.id] = self.bot

    def new_id(self) -> int:
        """Return a new snowflake: milliseconds since 2015 above 22 bits, always larger than the one before."""
        self._last_id = max(self._last_id + 1, (int(self.wall() * 1000) - DISCORD_EPOCH_MS) << 22)
        return self._last_id

    def user(self, user_id: int) -> User:
        return require_known(self.users.get(user_id), errors.unknown_user)

    def guild(self, guild_id: int) -> Guild:
        return require_known(self.guilds.get(guild_id), errors.unknown_guild)

    def channel(self, channel_id: int) -> Channel:
        return require_known(self.channels.get(channel_id), errors.unknown_channel)

    def message(self, channel_id: int, message_id: int) -> Message:
        return require_known(self.messages[channel_id].get(message_id), errors.unknown_message)

    def find_message(self, message_id: int) -> Message:
        """Return a message by its id alone, whatever channel it is in."""
        hits = (m[message_id] for m in self.messages.values() if message_id in m)
        return require_known(next(hits, None), errors.unknown_message)

    def threads_of(self, channel_id: int) -> list[Channel]:
        return [c for c in self.channels.values() if c.parent_id == channel_id]

    def channels_of(self, guild_id: int) -> list[Channel]:
        return [c for c in self.channels.values() if c.guild_id == guild_id]


def require_known(thing: T | None, error: Callable[[], errors.DiscordError]) -> T:
    if thing is None:
        raise error()
    return thing
