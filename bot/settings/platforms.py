"""Settings of Discord and Slack, and of each server there."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, PositiveFloat, PositiveInt, field_validator, model_validator

from bot.settings.value_types import MAX_ROUNDS, MAX_SEATS, Address, Runs, SealingKeys, Secret, SocketAddress, Strict


def _as_ids(value: Any) -> Any:
    """Accept ids that are written as numbers."""
    return [str(one) if isinstance(one, int) else one for one in value] if isinstance(value, list) else value


def _as_allowed(value: Any) -> Any:
    """Check that it is a list of ids, or everyone. Raises ValueError."""
    ids = _as_ids(value)
    if ids != "everyone" and not (isinstance(ids, list) and all(isinstance(one, str) for one in ids)):
        raise ValueError('write "everyone", or a list of ids: ["123", "456"]')
    return ids


Ids = Annotated[list[str], BeforeValidator(_as_ids)]
Allowed = Annotated[Literal["everyone"] | list[str], BeforeValidator(_as_allowed)]
DirectMessages = Literal["off", "members", "everyone"]


StartableFormat = Literal["council", "compare", "debate"]  # those that need no more than a question
STARTABLE_FORMATS: tuple[StartableFormat, ...] = get_args(StartableFormat)
MessageStart = Literal["nothing", "ask", StartableFormat]


class PlaceLimits(Strict):
    """Limits in one server or channel. Left out, those of [limits] hold, which those on seats and rounds never pass."""

    seats: int | None = Field(None, ge=2, le=MAX_SEATS, description="at one table")
    rounds: int | None = Field(None, ge=1, le=MAX_ROUNDS, description="of one debate")
    runs: Runs | None = Field(None, description="that may go on at once")
    starts: Runs | None = Field(None, description="runs that may start within a minute")


class ServerSettings(Strict):
    """Settings of one server or workspace, by its id; "default" holds for those that are not named.

    Roles and channels are given by id or by name.
    """

    channels: list[str] = Field(default_factory=list, description="where runs may be started; empty: everywhere")
    start_roles: list[str] = Field(default_factory=list, description="who may start runs; empty: everyone")
    panel_roles: list[str] = Field(default_factory=list, description="who may edit panels and write personas")
    deny: Ids = Field(default_factory=list, description="who may do nothing: people by id, roles by id or name")
    words: list[str] = Field(default_factory=list, description="not allowed in questions, blanked in answers")
    keep_days: PositiveFloat | None = Field(None, description="how long runs are kept, where it differs from [storage]")
    limits: PlaceLimits = Field(PlaceLimits(), description="of the whole server")
    channel_limits: dict[str, PlaceLimits] = Field(default_factory=dict, description="of single channels, by their ids")

    @field_validator("channel_limits")
    @classmethod
    def _check_channels(cls, limits: dict[str, PlaceLimits]) -> dict[str, PlaceLimits]:
        if wrong := [name for name in limits if not re.fullmatch(r"\d{5,20}|[CDG][A-Z0-9]{1,30}", name)]:
            raise ValueError(f"it takes channels by their ids (Copy Channel ID), and {wrong[0]!r} is none")
        return limits


def _check_ids(allowed: list[str] | str, pattern: str, what: str) -> None:
    """Raise ValueError for what is no id, as anybody can give a server the name of another."""
    if wrong := [one for one in allowed if not re.fullmatch(pattern, one)] if isinstance(allowed, list) else []:
        raise ValueError(f"allow takes {what}, and {wrong[0]!r} is none")


class MessageSettings(Strict):
    """What a message to the bot starts: nothing, a format, or whichever its writer chooses when asked (ask)."""

    mention_starts: MessageStart = Field("council", description="what a mention starts: nothing, ask or a format")
    direct_message_starts: MessageStart = Field("ask", description="what a direct message starts, likewise")

    def start_of(self, *, is_direct: bool) -> MessageStart:
        """Return what a message starts."""
        return self.direct_message_starts if is_direct else self.mention_starts


class DiscordSettings(MessageSettings):
    token: Secret = Field(description="the bot's; rather in .env")
    allow: Allowed = Field("everyone", description="the ids of the servers that may use it, or everyone")
    direct_messages: DirectMessages = Field("members", description="who may write to it directly; members of servers")
    listen: bool = Field(False, description="read plain messages in runs' threads; needs the message-content intent")
    members: bool = Field(False, description="note who joins runs' threads; needs the server-members intent")
    api_base: Address = Field("https://discord.com/api/v10", description="another REST host: a proxy, a test server")
    gateway_url: SocketAddress = Field("", description="another gateway; the one that the API names where left out")
    operator_channel: str = Field("", description="the id of the channel that is told of faults of keys and billing")
    shard_count: PositiveInt | None = Field(None, description="of all processes; 1 where left out")
    shard_ids: list[int] | None = Field(None, description="those of this process; gateways share all where left out")

    @model_validator(mode="after")
    def _check_allowed(self) -> DiscordSettings:
        _check_ids(self.allow, r"\d{5,20}", "the numbers of servers (Copy Server ID)")
        return self

    @model_validator(mode="after")
    def _check_shards(self) -> DiscordSettings:
        if self.shard_ids is not None and self.shard_count is None:
            raise ValueError("shard_ids needs shard_count beside it, the number of all shards")
        count = self.shard_count or 1
        if wrong := [shard for shard in self.shard_ids or () if not 0 <= shard < count]:
            raise ValueError(f"shard_ids counts from 0 up to shard_count, and {wrong[0]} is not below {count}")
        return self


class SlackSettings(MessageSettings):
    """Slack: one workspace by `bot_token`, or many by `client_id`, `client_secret` and `installations_key`."""

    bot_token: Secret | None = Field(None, description="xoxb-…, of the one workspace")
    app_token: Secret | None = Field(None, description="xapp-…, for Socket Mode")
    signing_secret: Secret | None = Field(None, description="for HTTP: Slack signs its requests with it")
    mode: Literal["socket", "http"] = Field("socket", description="socket needs no address that Slack can reach")
    host: str = Field("127.0.0.1", description="where HTTP listens")
    port: int = Field(3000, ge=0, le=65535, description="likewise")
    public_url: Address = Field("", description="https://…, where Slack reaches this host")
    client_id: str | None = Field(None, description="with it the app is installed by OAuth, in many workspaces")
    client_secret: Secret | None = Field(None, description="rather in .env")
    installations_key: SealingKeys | None = Field(None, description="a Fernet key that seals stored tokens")
    allow: Allowed = Field("everyone", description="the ids of the workspaces or organisations that may use it")
    direct_messages: DirectMessages = Field("members", description="who may write to it directly; the workspace's own")
    listen: bool = Field(False, description="read plain messages in runs' threads; needs the history scopes")
    allow_shared_channels: bool = Field(False, description="Slack Connect channels")
    allow_guests: bool = Field(False, description="answer guests of the workspace")
    allow_outsiders: bool = Field(False, description="people of other organisations")
    api_base: Address = Field(
        "https://slack.com/api/", description="another API host: GovSlack, a proxy, a test server"
    )
    operator_channel: str = Field("", description="the id of the channel that is told of faults of keys and billing")

    @model_validator(mode="after")
    def _check_credentials(self) -> SlackSettings:
        _check_ids(self.allow, "[TE][A-Z0-9]+", "ids of workspaces (T…) or organisations (E…)")
        if (self.bot_token is None) == (self.client_id is None):
            raise ValueError("either bot_token (one workspace) or client_id (many, by OAuth)")
        if self.client_id and not (self.client_secret and self.installations_key and self.signing_secret):
            raise ValueError("client_id needs client_secret, installations_key and signing_secret")
        if self.mode == "socket" and self.app_token is None:
            raise ValueError('mode "socket" needs app_token')
        if self.mode == "http" and self.signing_secret is None:
            raise ValueError('mode "http" needs signing_secret')
        return self

    @property
    def bot(self) -> str:
        return self.bot_token.get_secret_value().strip() if self.bot_token else ""

    @property
    def app(self) -> str:
        return self.app_token.get_secret_value().strip() if self.app_token else ""

    @property
    def secret(self) -> str:
        """Return a secret that stays the same from start to start."""
        given = (self.signing_secret, self.app_token, self.bot_token)
        return next(secret.get_secret_value().strip() for secret in given if secret)

    @property
    def signing(self) -> str:
        return self.signing_secret.get_secret_value().strip() if self.signing_secret else ""
