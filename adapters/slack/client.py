"""The app on Slack: its handlers, and its connection: Socket Mode, or signed requests over HTTP."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, assert_never, cast

import aiohttp
import structlog
from aiohttp import web
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.app.async_app import AsyncApp
from slack_bolt.oauth.async_oauth_settings import AsyncOAuthSettings
from slack_sdk.oauth.installation_store.sqlalchemy import AsyncSQLAlchemyInstallationStore
from slack_sdk.oauth.state_store.sqlalchemy import AsyncSQLAlchemyOAuthStateStore
from sqlalchemy.ext.asyncio import AsyncEngine

from adapters.common.deliveries import DeliveryLog
from adapters.slack.api import Api, Denied, Workspace
from adapters.slack.dialect import entities
from adapters.slack.handlers import Handlers
from adapters.slack.home import RUNS, home
from adapters.slack.installs import SealedInstallations, sealer
from adapters.slack.interactions import InteractionHandler
from adapters.slack.layout import PLAIN_CHARS, cut
from adapters.slack.listening import Listener
from adapters.slack.people import AccessRules, People
from adapters.slack.places import Places
from adapters.slack.scopes import scopes
from adapters.slack.workspaces import Authorize, Workspaces
from bot.actions.actions import Actions
from bot.concurrency import TaskGroup
from bot.errors import Misconfigured, Refused
from bot.ports import Clock, DocumentStore, Store, SurfaceError
from bot.settings import LimitSettings, SlackSettings

log = structlog.get_logger()

Json = Mapping[str, Any]
PATH = "/slack/events"
STATE_S = 600  # how long somebody who installs may take at Slack


class SlackBot:
    """Serve with `serve`; `places.reopen` finds the runs of an earlier process once `ready` is set."""

    name = "slack"

    def __init__(
        self,
        actions: Actions,
        store: Store,
        shelf: DocumentStore,
        settings: SlackSettings,
        limits: LimitSettings,
        *,
        clock: Clock = time.time,
        engine: AsyncEngine | None = None,
    ) -> None:
        """`engine`: of our own database, for installations by OAuth."""
        self.ready = asyncio.Event()
        self.widened = asyncio.Event()  # never set: workspaces are looked up when they are needed
        self.url = ""  # where it listens, over HTTP
        self._actions = actions
        self._store = store
        self._shelf = shelf
        self._settings = settings
        self._limits = limits
        self._clock = clock
        self._engine = engine

    async def serve(self) -> None:
        """Until cancelled. Raises Misconfigured when Slack will not have us."""
        settings = self._settings
        async with aiohttp.ClientSession() as session, TaskGroup() as tasks:
            self._api = Api(session, settings.api_base)
            installations = await self._installations()
            self._workspaces = Workspaces(self._api, settings.bot, installations)
            self._seen = DeliveryLog("slack", self._shelf, self._clock)
            await self._seen.load()
            await self._check_tokens()
            self._put_together()
            app = await self._app(installations)
            handlers = Handlers(self._desk, self.listener, self._workspaces, self._seen, tasks.create_task, self)
            handlers.register(app, listen=settings.listen)
            async with self._connected(app):
                self.ready.set()
                await asyncio.Event().wait()

    async def tell_operator(self, text: str) -> None:
        """In the operators' channel; without one the log has to do."""
        log.warning("for the operator", text=text)
        if self._settings.operator_channel and self._settings.bot and self.ready.is_set():
            said = {"channel": self._settings.operator_channel, "text": cut(entities(text), PLAIN_CHARS)}
            try:
                await self._api.call(await self._workspaces.sole(), "chat.postMessage", **said)
            except SurfaceError as error:
                log.error("the operators' channel cannot be written", reason=str(error))

    async def show_home(self, at: Workspace, event: Json) -> None:
        """Of the person who looks at it."""
        if event.get("tab") != "home":
            return
        try:
            by = await self.people.person(at, event["user"], "")
        except Refused:
            return

        async def sees(address: str) -> bool:
            return await self.people.sees(at, address, by, "")

        book = self._actions.services.panels
        rows = await self._actions.runs(by, RUNS, sees)
        view = home(rows, await book.all(by.server), await book.usual(by.server, ()))
        await self._api.call(at, "views.publish", user_id=event["user"], view=view)

    async def left(self, body: Json, *, uninstalled: bool) -> None:
        """The workspace has removed the app, or its tokens: what runs for it ends."""
        if not uninstalled and not body["event"].get("tokens", {}).get("bot"):
            return
        team, enterprise = str(body.get("team_id") or ""), str(body.get("enterprise_id") or "")
        for gone in await self._workspaces.forget(enterprise, team, uninstalled=uninstalled):
            for server in self.places.servers(gone):
                await self._actions.left(server)

    def _put_together(self) -> None:
        listen = self._settings.listen
        loop_time = asyncio.get_running_loop().time
        walls = AccessRules(
            self._settings.allow_shared_channels, self._settings.allow_guests, self._settings.allow_outsiders
        )
        self.people = People(self._api, walls, loop_time)
        words = self._actions.services.words.of
        self.places = Places(self._store, self._api, self._workspaces, words, self._clock, listen=listen)
        self._desk = InteractionHandler(self._api, self._actions, self.places, self.people, self._limits)
        self.listener = Listener(self._api, self._desk, self.places, self.people, listen=listen)

    async def _check_tokens(self) -> None:
        settings = self._settings
        try:
            if settings.bot:
                await self._workspaces.sole()
            if settings.mode == "socket":
                await self._api.call_with(settings.app, "apps.connections.open")
        except Denied as error:
            which = "bot_token" if settings.bot and not self._workspaces.known else "app_token"
            raise Misconfigured(f"slack.{which}: {error}. docs/slack.md tells where tokens are found.") from error
        except SurfaceError as error:
            raise Misconfigured(f"slack: {error}. Is slack.api_base right?") from error

    async def _installations(self) -> SealedInstallations | None:
        settings = self._settings
        if settings.client_id is None:
            return None
        if self._engine is None or settings.installations_key is None:
            raise Misconfigured("slack.client_id needs slack.installations_key: tokens are stored sealed.")
        inner = AsyncSQLAlchemyInstallationStore(settings.client_id, self._engine)
        await inner.create_tables()
        return SealedInstallations(inner, sealer(settings.installations_key.get_secret_value()))

    async def _app(self, installations: SealedInstallations | None) -> AsyncApp:
        settings = self._settings
        oauth = await self._oauth(installations) if installations else None
        return AsyncApp(
            name="moot",
            signing_secret=settings.signing,
            client=self._api.client(),
            authorize=cast(Any, Authorize(self._workspaces)),  # bolt takes an AsyncAuthorize, its types do not say so
            oauth_settings=oauth,
        )

    async def _oauth(self, installations: SealedInstallations) -> AsyncOAuthSettings:
        settings = self._settings
        assert self._engine is not None, "installations stand in it"
        states = AsyncSQLAlchemyOAuthStateStore(STATE_S, self._engine)
        await states.create_tables()
        host = settings.api_base.removesuffix("/").removesuffix("/api")
        return AsyncOAuthSettings(
            client_id=settings.client_id,
            client_secret=settings.client_secret.get_secret_value() if settings.client_secret else "",
            scopes=[scope.name for scope in scopes(listen=settings.listen)],
            redirect_uri=f"{settings.public_url}/slack/oauth_redirect" if settings.public_url else None,
            authorization_url=f"{host}/oauth/v2/authorize",
            installation_store=installations,
            state_store=states,
        )

    @asynccontextmanager
    async def _connected(self, app: AsyncApp) -> AsyncIterator[None]:
        match self._settings.mode:
            case "socket":
                if self._settings.client_id:
                    async with self._listening(app), self._socket(app):
                        yield
                else:
                    async with self._socket(app):
                        yield
            case "http":
                async with self._listening(app):
                    yield
            case _:
                assert_never(self._settings.mode)

    @asynccontextmanager
    async def _socket(self, app: AsyncApp) -> AsyncIterator[None]:
        handler = AsyncSocketModeHandler(app, self._settings.app, web_client=self._api.client())
        client = handler.client
        try:
            await handler.connect_async()
            yield
        finally:
            await handler.close_async()
            ended = (client.message_processor, client.current_session_monitor, client.message_receiver)
            await asyncio.gather(*filter(None, ended), return_exceptions=True)  # closing only cancels them

    @asynccontextmanager
    async def _listening(self, app: AsyncApp) -> AsyncIterator[None]:
        """bolt's own routes: events, and installing by OAuth."""
        runner = web.AppRunner(app.server(port=0, path=PATH).web_app, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, self._settings.host, self._settings.port).start()
            self.url = f"http://{self._settings.host}:{runner.addresses[0][1]}"
            yield
        finally:
            await runner.cleanup()
