"""Slack's Web API with one try a call, a token a workspace, and refusals as our own errors."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError
from slack_sdk.web.async_client import AsyncWebClient

from adapters.common.downloads import download, is_same_site
from adapters.common.retry import read_retry_after
from adapters.slack.budgets import method_bucket
from adapters.slack.scopes import NEEDS, Method
from bot.network import describe_certificate_error, find_proxy
from bot.ports.process import hold_run
from bot.ports.surface import Forbidden, Gone, RateLimited, SurfaceError
from bot.text import as_bytes

DEFAULT_PAUSE_S = 30.0  # after a refusal that names none
CALL_TIMEOUT_S = 30

# these methods take no JSON: https://docs.slack.dev/reference/methods
_BY_QUERY = (
    "conversations.info",
    "conversations.replies",
    "conversations.history",
    "files.getUploadURLExternal",
    "files.info",
    "users.conversations",
    "users.info",
)
GONE = {
    "message_not_found": "the message is gone",
    "cant_update_message": "the message is not mine any more",
    "edit_window_closed": "the message may not be edited any longer",
    "cannot_reply_to_message": "the thread is gone",
    "thread_not_found": "the thread is gone",
}
FORBIDDEN = {
    "account_inactive": "the app was removed from this workspace",
    "channel_not_found": "I cannot see this channel; `/invite` me to it",
    "invalid_auth": "Slack refuses the token",
    "is_archived": "the channel is archived",
    "is_inactive": "the channel is archived",
    "missing_scope": "a scope is missing; `moot doctor` says which",
    "no_permission": "the app may not write here",
    "not_allowed_token_type": "Slack refuses the token",
    "not_authed": "Slack refuses the token",
    "not_in_channel": "I am not in this channel; `/invite` me to it",
    "restricted_action": "an admin does not let me write here",
    "restricted_action_read_only_channel": "only some people may write here",
    "restricted_action_thread_only_channel": "only replies may be written here",
    "team_access_not_granted": "the app may not act in this workspace",
    "token_expired": "the token has expired",
    "token_revoked": "the app was removed from this workspace",
}
TOO_LONG = ("msg_too_long", "msg_blocks_too_long", "invalid_blocks")


class Rejected(SurfaceError):
    """A refusal with a `code` other than those for limits and for places that are closed or gone."""

    def __init__(self, code: str, needed: str = "") -> None:
        super().__init__(f"Slack answered {code}", 400)
        self.code = code
        self.needed = needed  # the scope, with missing_scope


class Denied(Forbidden):
    """A `Forbidden` with Slack's `code` and, after missing_scope, the scope that is `needed`."""

    def __init__(self, code: str, needed: str = "") -> None:
        super().__init__(FORBIDDEN[code])
        self.code = code
        self.needed = needed


@dataclass(frozen=True, slots=True)
class Workspace:
    """A workspace where the app is installed. `enterprise`: its organisation's id, or "". `url` ends with a slash."""

    id: str
    enterprise: str
    token: str
    bot_user: str
    bot_id: str
    url: str

    @property
    def server(self) -> str:
        """Return its name as in `Person.server`."""
        return f"slack:{self.id}"


class MissingFeatures:
    """The workspaces, by id, that were found to lack a feature, so that nobody tries again.

    Names of seats, native streams, sessions of an agent, blocks that are newer than text and buttons, and
    charts, which are newer still.
    """

    def __init__(self) -> None:
        self.names: set[str] = set()
        self.streams: set[str] = set()
        self.sessions: set[str] = set()
        self.blocks: set[str] = set()
        self.charts: set[str] = set()


class Api:
    """Calls with a workspace's token over one session. Every call raises SurfaceError and no other error."""

    def __init__(self, session: aiohttp.ClientSession, api_base: str) -> None:
        self.session = session
        self.missing = MissingFeatures()
        self._base = api_base

    def client(self, token: str = "") -> AsyncWebClient:
        """Return Slack's own client without its retries, which could post a message twice."""
        client = AsyncWebClient(
            token or None, self._base, timeout=CALL_TIMEOUT_S, session=self.session, retry_handlers=[]
        )
        client.proxy = find_proxy(self._base)  # it has taken the environment's, whatever the host
        return client

    async def call(self, workspace: Workspace, method: Method, **arguments: Any) -> dict[str, Any]:
        """Call a method for a workspace; return the answer."""
        return await self.call_with_token(workspace.token, method, workspace.id, **arguments)

    async def call_with_token(self, token: str, method: Method, team: str = "", **arguments: Any) -> dict[str, Any]:
        """Call a method with a token; return the answer. `team`: the workspace whose budget a refusal pauses."""
        return (await self.call_with_headers(token, method, team, **arguments))[0]

    async def call_with_headers(
        self, token: str, method: Method, team: str = "", **arguments: Any
    ) -> tuple[dict[str, Any], Mapping[str, str]]:
        """Call a method with a token; return the answer and its headers, their names in lower case."""
        assert method in NEEDS, "`scopes.NEEDS` declares the scopes of every method that is called"
        sent: dict[str, Any] = {"http_verb": "GET", "params": arguments} if method in _BY_QUERY else {"json": arguments}
        if method.startswith("chat."):
            await hold_run()
        try:
            answer = await self.client(token).api_call(method, **sent)
        except SlackApiError as error:
            raise _translate_error(error, method, team, str(arguments.get("channel", ""))) from error
        except (SlackClientError, aiohttp.ClientError, OSError, ValueError) as error:
            why = describe_certificate_error(error) or type(error).__name__
            raise SurfaceError(f"Slack could not be reached: {why}") from error
        data = dict(answer.data) if isinstance(answer.data, dict) else {}
        return data, {name.lower(): value for name, value in answer.headers.items()}

    async def upload(self, workspace: Workspace, channel: str, name: str, content: str | bytes) -> None:
        """Send a file to a channel (https://docs.slack.dev/messaging/working-with-files#upload)."""
        data = as_bytes(content)
        place = await self.call(workspace, "files.getUploadURLExternal", filename=name, length=len(data))
        try:
            async with self.session.post(place["upload_url"], data=data) as answer:
                answer.raise_for_status()
        except aiohttp.ClientError as error:
            raise SurfaceError(f"the file could not be sent: {type(error).__name__}") from error
        files = [{"id": place["file_id"], "title": name}]
        await self.call(workspace, "files.completeUploadExternal", files=files, channel_id=channel)

    async def download(self, workspace: Workspace, url: str, size: int, max_bytes: int) -> bytes:
        """Return a file of a message, whole. `size`: as Slack says; 0 where it says nothing.

        The token goes to Slack's own hosts alone, since a remote file may be anywhere.
        """
        if not is_same_site(url, self._base):
            raise SurfaceError("it does not lie at Slack")

        def check(answer: aiohttp.ClientResponse) -> None:
            if answer.content_type == "text/html" and answer.content_length != size:  # Slack's page for signing in
                raise Denied("missing_scope", "files:read")

        headers = {"Authorization": f"Bearer {workspace.token}"}
        return await download(
            self.session, url, size=size, max_bytes=max_bytes, home=self._base, headers=headers, check=check
        )


def _translate_error(error: SlackApiError, method: Method, team: str, channel: str) -> SurfaceError:
    """Return a refusal of Slack's as our own error. Each method's page lists its codes."""
    response = error.response
    data: Mapping[str, Any] = response.data if isinstance(getattr(response, "data", None), dict) else {}
    status, code = int(getattr(response, "status_code", 0)), str(data.get("error", ""))
    if status == 429 or code in ("ratelimited", "rate_limited"):
        name = method_bucket(team, method, channel if method == "chat.postMessage" else "")
        told_s = read_retry_after(response.headers.get("Retry-After"))
        return RateLimited(name, DEFAULT_PAUSE_S if told_s is None else told_s)
    if code in GONE:
        return Gone(GONE[code])
    if code in FORBIDDEN:
        return Denied(code, str(data.get("needed", "")))
    return Rejected(code, str(data.get("needed", ""))) if code else SurfaceError(f"Slack answered {status}", status)
