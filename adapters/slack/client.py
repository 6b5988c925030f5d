"""The app on Slack: its handlers, and its connection by Socket Mode or by signed requests over HTTP."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, assert_never
from urllib.parse import urlsplit

import aiohttp
import structlog
from aiohttp import web
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.error import BoltUnhandledRequestError
from slack_bolt.oauth.async_oauth_settings import AsyncOAuthSettings
from slack_bolt.response import BoltResponse
from slack_sdk.errors import SlackClientError
from slack_sdk.oauth.installation_store.sqlalchemy import AsyncSQLAlchemyInstallationStore
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.common.deliveries import DeliveryLog
from adapters.common.question_log import QuestionLog
from adapters.common.seals import Seal
from adapters.slack.api import Api, Denied, Workspace
from adapters.slack.dialect import escape_entities
from adapters.slack.door import Door
from adapters.slack.handlers import Handlers
from adapters.slack.home import RUNS, build_home
from adapters.slack.installs import SETTING, SealedInstallations, SealedStates
from adapters.slack.interactions import InteractionHandler
from adapters.slack.layout import PLAIN_CHARS, shorten_escaped
from adapters.slack.listening import Listener
from adapters.slack.names import SlackReader
from adapters.slack.people import AccessRules, People
from adapters.slack.places import Places
from adapters.slack.quoted import QuotedMessages
from adapters.slack.scopes import wanted_scopes
from adapters.slack.workspaces import Authorize, Workspaces
from bot.actions.actions import Actions
from bot.concurrency import KeyedSemaphore, TaskGroup
from bot.errors import Misconfigured, Refused, Unreachable
from bot.network import describe_certificate_error, find_proxy
from bot.ports.process import Clock
from bot.ports.store import DocumentStore, RunFilter, Store
from bot.ports.surface import SurfaceError
from bot.sealing import make_sealer
from bot.settings.platforms import SlackSettings

log = structlog.get_logger()


async def _go_on() -> None:
    """Connect at once."""


Json = Mapping[str, Any]
STATE_S = 600  # an installation must be finished at Slack within this time


class SlackBot:
    """Moot on Slack. `serve` runs it; `places.reopen` finds the runs of an earlier process once `ready` is set.

    `engine`: of our own database, for installations by OAuth.
    """

    name = "slack"

    def __init__(
        self,
        actions: Actions,
        store: Store,
        documents: DocumentStore,
        settings: SlackSettings,
        *,
        clock: Clock = time.time,
        engine: AsyncEngine | None = None,
        connects: bool = True,
    ) -> None:
        """Take what the app needs. Without `connects` it only calls Slack, and another process hears it."""
        self.ready = asyncio.Event()
        self.widened = asyncio.Event()  # never set, since workspaces are looked up when they are needed
        self.url = ""  # where it listens for HTTP
        self._socket: SocketModeClient | None = None  # while it is connected by Socket Mode
        self._actions = actions
        self._store = store
        self._documents = documents
        self._settings = settings
        self._clock = clock
        self._engine = engine
        self._connects = connects

    async def is_connected(self) -> bool:
        """Return whether Slack can reach the app now: over its socket, or where it listens for HTTP."""
        return self.ready.is_set() and (self._socket is None or await self._socket.is_connected())

    def describe(self) -> str:
        """Return what is up: the workspace, by the first part of its address, or that there may be many."""
        url = self._workspaces.only_url
        return f"Slack: {(urlsplit(url).hostname or 'one workspace').partition('.')[0] if url else 'by OAuth'}"

    async def serve(self, accepted: Callable[[], Awaitable[None]] = _go_on) -> None:
        """Serve until cancelled; connect once `accepted`, which is called when Slack takes the tokens, returns.

        Raises Misconfigured when Slack refuses a token, Unreachable when it gives no answer.
        """
        try:
            await self._serve(accepted)
        except (SurfaceError, SlackClientError, aiohttp.ClientError, OSError) as error:
            raise Unreachable(describe_certificate_error(error) or f"{type(error).__name__}: {error}") from error
        finally:
            self.ready.clear()

    async def _serve(self, accepted: Callable[[], Awaitable[None]]) -> None:
        settings = self._settings
        async with aiohttp.ClientSession() as session, TaskGroup() as tasks:
            self._api = Api(session, settings.api_base)
            installations = await self._open_installations()
            self._workspaces = Workspaces(self._api, settings.bot, installations)
            self._deliveries = DeliveryLog("slack", self._documents, self._clock)
            await self._deliveries.load()
            self._quoted = QuotedMessages(self._documents, self._clock)
            await self._quoted.forget_old()
            await self._check_tokens()
            await accepted()
            self._build_parts()
            if not self._connects:
                self.ready.set()
                await asyncio.Event().wait()
            app = await self._build_app(installations)
            handlers = Handlers(
                self._interactions, self.listener, self._workspaces, self._deliveries, tasks.create_task, self
            )
            handlers.register(app, listen=settings.listen)
            async with self._connect(app):
                self.ready.set()
                await self._check_operator_channel()
                await asyncio.Event().wait()

    async def tell_operator(self, text: str) -> None:
        """Write to the operators' channel, and in any case to the log."""
        log.warning("for the operator", text=text)
        if self._settings.operator_channel and self._settings.bot and self.ready.is_set():
            message = {
                "channel": self._settings.operator_channel,
                "text": shorten_escaped(escape_entities(text), PLAIN_CHARS),
            }
            try:
                await self._api.call(await self._workspaces.find_only(), "chat.postMessage", **message)
            except SurfaceError as error:
                log.error("the operators' channel cannot be written", reason=str(error))

    async def _check_operator_channel(self) -> None:
        """Say in the log where the operators' channel cannot be written; the app serves all the same."""
        channel = self._settings.operator_channel
        if not channel:
            return
        if not self._settings.bot:
            log.error("slack.operator_channel is nobody's with many workspaces: what it is for stands in the log alone")
            return
        try:
            answer = await self._api.call(await self._workspaces.find_only(), "conversations.info", channel=channel)
        except SurfaceError as error:
            log.error("slack.operator_channel names no channel that the app can see", reason=str(error))
            return
        if not any(answer["channel"].get(kind) for kind in ("is_member", "is_im", "is_mpim")):
            log.error("slack.operator_channel names a channel that the app is not in: /invite it there")

    async def show_home(self, workspace: Workspace, event: Json) -> None:
        """Show the home tab to a person who has opened it."""
        if event.get("tab") != "home":
            return
        try:
            by = await self.people.find_person(workspace, event["user"], "")
        except Refused:
            return

        async def can_see(address: str) -> bool:
            return await self.people.may_see(workspace, address, by, "")

        book = self._actions.services.panels
        rows = await self._actions.list_runs(by, RUNS, can_see, RunFilter(listed=True))
        links = {row.run: link for row in rows if (link := await self.places.find_link(row.run, workspace, can_see))}
        panels, usual = await book.list_panels(by.server), await book.find_usual(by.server, ())
        view = build_home(rows, links, panels, usual, event["channel"])
        await self._api.call(workspace, "views.publish", user_id=event["user"], view=view)

    async def end_runs(self, body: Json, *, uninstalled: bool) -> None:
        """End all runs of a workspace that has removed the app or revoked its token."""
        if not uninstalled and not body["event"].get("tokens", {}).get("bot"):
            return
        team, enterprise = str(body.get("team_id") or ""), str(body.get("enterprise_id") or "")
        for gone in await self._workspaces.forget(enterprise, team, uninstalled=uninstalled):
            for server in self.places.list_servers(gone):
                await self._actions.stop_runs_of(server)

    def _build_parts(self) -> None:
        listen = self._settings.listen
        loop_time = asyncio.get_running_loop().time
        access = AccessRules(
            self._settings.allow_shared_channels,
            self._settings.allow_guests,
            self._settings.allow_outsiders,
            self._settings.allow,
            self._settings.direct_messages,
        )
        self.people = People(self._api, access, self._actions.services.server_settings, loop_time)
        words = self._actions.services.words.of
        self.places = Places(self._store, self._api, self._workspaces, words, self._clock, listen=listen)
        order, questions, seal = KeyedSemaphore(), QuestionLog(), Seal(self._settings.secret)
        self._interactions = InteractionHandler(
            self._api,
            self._actions,
            self.places,
            self.people,
            order,
            questions,
            seal,
            SlackReader(self.people),
            self._quoted,
        )
        self.listener = Listener(
            self._api,
            self._interactions,
            self.places,
            self.people,
            self._deliveries,
            order,
            questions,
            self._clock,
            self._settings,
        )

    async def _check_tokens(self) -> None:
        settings = self._settings
        try:
            if settings.bot:
                await self._workspaces.find_only()
            if settings.mode == "socket" and self._connects:
                await self._api.call_with_token(settings.app, "apps.connections.open")
        except Denied as error:
            which = "bot_token" if settings.bot and not self._workspaces.has_any else "app_token"
            raise Misconfigured(f"slack.{which}: {error}. docs/slack.md tells where tokens are found.") from error

    async def _open_installations(self) -> SealedInstallations | None:
        settings = self._settings
        if settings.client_id is None:
            return None
        if self._engine is None or settings.installations_key is None:
            raise Misconfigured("slack.client_id needs slack.installations_key: tokens are stored sealed.")
        inner = AsyncSQLAlchemyInstallationStore(settings.client_id, self._engine)
        await inner.create_tables()
        return SealedInstallations(inner, make_sealer(settings.installations_key.get_secret_value(), SETTING))

    async def _build_app(self, installations: SealedInstallations | None) -> AsyncApp:
        settings = self._settings
        oauth = self._build_oauth(installations) if installations else None
        authorize: Any = Authorize(self._workspaces)  # bolt takes an AsyncAuthorize, though its types do not say so
        app = AsyncApp(
            name="moot",
            signing_secret=settings.signing,
            client=self._api.client(),
            authorize=authorize,
            oauth_settings=oauth,
            raise_error_for_unhandled_request=True,
            request_verification_enabled=False,  # `Door` verifies them before they are read
        )
        app.error(_answer_error)
        return app

    def _build_oauth(self, installations: SealedInstallations) -> AsyncOAuthSettings:
        settings = self._settings
        assert settings.installations_key is not None, "`_open_installations` has checked it"
        states = SealedStates(make_sealer(settings.installations_key.get_secret_value(), SETTING), STATE_S)
        host = settings.api_base.removesuffix("/").removesuffix("/api")
        return AsyncOAuthSettings(
            client_id=settings.client_id,
            client_secret=settings.client_secret.get_secret_value() if settings.client_secret else "",
            scopes=[scope.name for scope in wanted_scopes(listen=settings.listen)],
            redirect_uri=f"{settings.public_url}/slack/oauth_redirect" if settings.public_url else None,
            authorization_url=f"{host}/oauth/v2/authorize",
            installation_store=installations,
            state_store=states,
        )

    @asynccontextmanager
    async def _connect(self, app: AsyncApp) -> AsyncIterator[None]:
        match self._settings.mode:
            case "socket":
                if self._settings.client_id:
                    async with self._serve_http(app), self._connect_socket(app):
                        yield
                else:
                    async with self._connect_socket(app):
                        yield
            case "http":
                async with self._serve_http(app):
                    yield
            case _:
                assert_never(self._settings.mode)

    @asynccontextmanager
    async def _connect_socket(self, app: AsyncApp) -> AsyncIterator[None]:
        handler = AsyncSocketModeHandler(app, self._settings.app, web_client=self._api.client())
        client = handler.client
        client.proxy = find_proxy(self._settings.api_base)  # it has taken the environment's, whatever the host
        try:
            await handler.connect_async()
            self._socket = client
            yield
        finally:
            self._socket = None
            await handler.close_async()
            ended = (client.message_processor, client.current_session_monitor, client.message_receiver)
            await asyncio.gather(*filter(None, ended), return_exceptions=True)  # `close_async` only cancels them

    @asynccontextmanager
    async def _serve_http(self, app: AsyncApp) -> AsyncIterator[None]:
        runner = Door(app, self._settings.signing, time.monotonic).make_runner()
        await runner.setup()
        try:
            await web.TCPSite(runner, self._settings.host, self._settings.port).start()
            self.url = f"http://{self._settings.host}:{runner.addresses[0][1]}"
            yield
        finally:
            await runner.cleanup()


async def _answer_error(error: Exception) -> BoltResponse:
    """Acknowledge a delivery that nothing here handles, such as the press of a button that is not ours.

    Without an acknowledgement Slack shows an error to the person, and sends events again.
    """
    if isinstance(error, BoltUnhandledRequestError):
        log.info("a delivery is none of ours", kind=str(error.body.get("type", "")))
        return BoltResponse(status=200, body="")
    log.error("a delivery could not be taken", exc_info=error)
    return BoltResponse(status=500, body="")
