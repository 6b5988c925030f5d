"""One call of the Web API as its method sees it, and the declaration of a method."""

from __future__ import annotations

import base64
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.servers.slack.app import Token
from tests.servers.slack.deliveries import Courier
from tests.servers.slack.limits import Tier, Times
from tests.servers.slack.sockets import Sockets
from tests.servers.slack.world import Channel, Json, Message, Ref, World


class SlackError(Exception):
    """An answer `ok: false` with this error code; with `retry_after_s` it is sent as HTTP 429."""

    def __init__(self, code: str, retry_after_s: int = 0, **fields: Any) -> None:
        super().__init__(code)
        self.code, self.retry_after_s, self.fields = code, retry_after_s, fields


@dataclass(slots=True)
class Call:
    """A call with all that its method may use. `team` is the workspace that the call counts for."""

    method: str
    args: Json
    world: World
    times: Times
    courier: Courier
    sockets: Sockets
    token: Token | None = None
    team: str = ""

    @property
    def bot(self) -> Token:
        assert self.token is not None  # a method that uses it identifies the bot first
        return self.token

    def text(self, name: str) -> str:
        value = self.args.get(name)
        return "" if value is None else str(value)

    def flag(self, name: str) -> bool:
        """Return whether an argument is true; forms write that as `1` or `true`."""
        return self.text(name).lower() in ("1", "true")

    def page_bounds(self) -> tuple[int, int]:
        """Return offset and length of the page asked for; the cursor is the offset."""
        cursor = self.text("cursor")
        if cursor and not cursor.isdigit():
            raise SlackError("invalid_cursor")
        return int(cursor or 0), int(self.text("limit") or 100)

    def take_page(self, items: list[Any]) -> tuple[list[Any], Json]:
        """Return a page of `items`, and the fields that lead to the next."""
        start, length = self.page_bounds()
        more = start + length < len(items)
        return items[start : start + length], {"next_cursor": str(start + length) if more else ""}

    def channel(self, name: str = "channel") -> Channel:
        """Return the channel named in the call.

        Raises channel_not_found, also for a channel that the bot may not know of.
        """
        channel = self.world.channels.get(self.text(name))
        if channel is None and self.text(name) in self.world.users:  # posting to a person opens the conversation
            channel = self.world.im(self.text(name))
        if channel is None or not self.may_reach(channel.team):
            raise SlackError("channel_not_found")
        if channel.kind != "public" and self.bot.bot_user not in channel.members:
            raise SlackError("channel_not_found")
        return channel

    def may_reach(self, team: str) -> bool:
        """Return whether the token is valid for this workspace."""
        return self.bot.team == team or (not self.bot.team and self.world.teams[team].enterprise == self.bot.enterprise)

    def message(self, ts: str = "ts") -> Message:
        message = self.world.posts.get(Ref(self.channel().id, self.text(ts)))
        if message is None or message.deleted:
            raise SlackError("message_not_found")
        return message


def identify_bot(call: Call, secret: str) -> None:
    """Identify a live bot token, and set the workspace that the call counts for.

    Raises not_authed, not_allowed_token_type, invalid_auth, token_revoked.
    """
    if not secret:
        raise SlackError("not_authed")
    token = call.world.tokens.get(secret)
    if token is None:
        raise SlackError("not_allowed_token_type" if secret == call.world.app.app_token else "invalid_auth")
    if token.revoked:
        raise SlackError("token_revoked")
    channel = call.world.channels.get(call.text("channel"))
    in_org = [t.id for t in call.world.teams.values() if t.enterprise and t.enterprise == token.enterprise]
    call.token = token
    call.team = token.team or (channel.team if channel else call.text("team_id")) or next(iter(in_org), "")


def identify_app(call: Call, secret: str) -> None:
    """Identify the app by its app-level token. Raises not_authed, invalid_auth."""
    if secret != call.world.app.app_token:
        raise SlackError("not_authed" if not secret else "invalid_auth")


def identify_client(call: Call, secret: str) -> None:
    """Identify an OAuth client by its id and secret, sent by HTTP Basic or among the arguments."""
    basic = base64.b64decode(secret.removeprefix("Basic ")).decode() if secret.startswith("Basic ") else ""
    client, _, password = basic.partition(":")
    if (client or call.text("client_id")) != call.world.app.client_id:
        raise SlackError("invalid_client_id")
    if (password or call.text("client_secret")) != call.world.app.client_secret:
        raise SlackError("bad_client_secret")


@dataclass(frozen=True, slots=True)
class Method:
    """The declaration of a method of the Web API.

    `run` is its function and `tier` its rate tier. `scope` is the scope it needs: "" for none, `*:read` for the one of
    the channel's kind. `identify` checks the caller's secret.
    """

    run: Callable[[Call], Json]
    scope: str = ""
    tier: Tier = "t3"
    identify: Callable[[Call, str], None] = identify_bot
