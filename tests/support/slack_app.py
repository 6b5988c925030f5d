"""The whole app on the Slack server: the real Bolt, SDK and store, and a speaker that follows a script."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any

import pytest

pytest.importorskip("slack_bolt", reason="slack_bolt and slack_sdk are not installed")

from adapters.slack.budgets import slack_budget as slack_budget
from adapters.slack.client import SlackBot
from adapters.slack.door import PATH
from adapters.slack.scopes import wanted_events, wanted_scopes
from bot.actions.actions import Actions
from bot.actions.allowance import Allowance
from bot.actions.own_keys import OwnKeyActions
from bot.actions.panels import PanelBook
from bot.actions.pipeline_files import PipelineBook
from bot.actions.resolver import RequestResolver
from bot.actions.services import Services
from bot.domain.run import Seat
from bot.engine.supervisor import RunSupervisor
from bot.engine.trace import NoTrace
from bot.formats import FORMATS
from bot.live.budget import Budget, Budgets, SlidingWindow
from bot.live.schedule import Scheduler
from bot.models.catalogue import Model
from bot.models.own_keys import OwnKeys
from bot.settings.platforms import ServerSettings, SlackSettings
from bot.settings.settings import LimitSettings, MoneySettings, PanelSettings, SeatSettings, Settings
from storage import SqlStore, open_store
from tests.servers.slack import SlackServer
from tests.servers.slack.world import Channel, Message, Team, User
from tests.support.speakers import ScriptedSpeaker, Step
from tests.support.transcripts import PROMPTS

MODELS = {key: Model(key, f"openai/{key}", key.capitalize(), "openai") for key in ("ada", "bob")}
PANELS = {
    "default": PanelSettings(seats=[SeatSettings(model="ada"), SeatSettings(model="bob")]),
    "solo": PanelSettings(seats=[SeatSettings(model="ada")]),
}
LINES: Mapping[str, Sequence[Step]] = {"ada": ["Tabs ", 0.05, "win."], "bob": ["Spaces ", 0.05, "win."]}
SLOW: Mapping[str, Sequence[Step]] = {"ada": ["Tabs ", 60.0], "bob": ["Spaces ", 60.0]}


def make_budget(name: str, started: float) -> Budget:
    """Return the budget of a process that has run for a while, which may post as fast as the test server allows."""
    made = slack_budget(name, started)
    assert isinstance(made, SlidingWindow)
    return SlidingWindow(1_000 if "chat.postMessage" in name else made.limit, made.window_s)


@dataclass
class App:
    """The app and the workspace that it is in."""

    server: SlackServer
    team: Team
    ann: User
    hall: Channel
    bot: SlackBot
    supervisor: RunSupervisor
    actions: Actions
    store: SqlStore
    speaker: ScriptedSpeaker

    async def ask(self, text: str = "tabs or spaces", command: str = "/compare", user: str = "") -> None:
        """Send a slash command and wait until it is acknowledged."""
        await (await self.server.people.command(user or self.ann.id, self.hall.id, command, text))

    def channel_messages(self) -> list[Message]:
        """Return the messages of the channel, replies apart."""
        return self.server.world.messages(self.hall.id)

    async def find_board(self, nth: int = 0) -> Message:
        """Return message number `nth` of the channel, once it is there."""
        await wait_until(lambda: len(self.channel_messages()) > nth)
        return self.channel_messages()[nth]

    def thread_messages(self, board: Message) -> list[Message]:
        """Return the replies to a board."""
        return self.server.world.messages(board.channel, board.ts)[1:]

    async def wait_until_stored(self, messages: int) -> None:
        """Wait until the store knows so many messages of the only run, so that another process can find them."""
        (row,) = await self.store.runs()
        async with asyncio.timeout(60):
            while len([p for p in await self.store.posted_pages(row.run) if p.ref]) < messages:
                await asyncio.sleep(0.005)

    async def wait_until_over(self) -> None:
        """Wait until every run is over and shown."""
        runs = [row.run for row in await self.store.runs()]
        await wait_until(lambda: all(self.supervisor.transcript(run) is None for run in runs))

    async def read_ephemerals(self, count: int = 1) -> list[str]:
        """Return the sentences that people were told alone, once there are so many."""
        await wait_until(lambda: len(self.server.world.ephemerals) >= count)
        return [shown.text for shown in self.server.world.ephemerals]

    def find_calls(self, method: str) -> list[Any]:
        """Return the requests of a method so far."""
        return [request for request in self.server.requests if request.method == method]


async def wait_until(holds: Callable[[], bool], most_s: float = 60.0) -> None:
    """Wait until `holds` returns true. The bound only keeps a broken test from hanging."""
    async with asyncio.timeout(most_s):
        while not holds():
            await asyncio.sleep(0.005)


def make_settings(server: SlackServer, team: Team, **more: Any) -> SlackSettings:
    """Return the settings of the app in that workspace."""
    app = server.world.app
    given: dict[str, Any] = {"bot_token": team.bot_token, "app_token": app.app_token, "api_base": server.api_base}
    given["direct_message_starts"] = "council"  # without a question first
    return SlackSettings(**given | more)


@asynccontextmanager
async def serve_app(
    server: SlackServer,
    team: Team,
    path: Path,
    settings: SlackSettings,
    *,
    lines: Mapping[str, Sequence[Step]] = LINES,
    limits: LimitSettings | None = None,
    places: Mapping[str, ServerSettings] | None = None,
    budget: Callable[[str, float], Budget] = make_budget,
    vote_s: float = 0.0,
    searcher: Seat | None = None,
    models: Mapping[str, Model] = MODELS,
    money: MoneySettings | None = None,
    master_key: str = "",
) -> AsyncIterator[App]:
    """Serve the app until the context is left, which stops it as the end of its process does."""
    limits = limits or LimitSettings()
    speaker = ScriptedSpeaker(lines)
    ann = next(u for u in server.world.users.values() if u.name == "ann")
    hall = next(c for c in server.world.channels.values() if c.name == "hall")
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(path, clock=time.time))
        budgets = Budgets(budget, asyncio.get_running_loop().time())
        scheduler = await stack.enter_async_context(Scheduler(budgets))
        supervisor = RunSupervisor(
            store=store, speaker=speaker, scheduler=scheduler, clock=time.time, trace=NoTrace(), owner="test"
        )
        task = asyncio.current_task()
        assert task is not None
        await stack.enter_async_context(_leave_at_once(supervisor))
        services = Services(
            settings=Settings(limits=limits, servers=dict(places or {}), money=money or MoneySettings()),
            panels=PanelBook(PANELS, store),
            pipelines=PipelineBook({}, store),
            models=models,
        )
        resolver = RequestResolver(
            services,
            prompts={p.stem: p.read_text("utf-8") for p in PROMPTS.iterdir()},
            vote_s=vote_s,
            why_absent=lambda model: None,
            random=Random(1),
            searcher=searcher,
        )
        allowance = Allowance(store, services.settings.money.caps(), time.time)
        keys = OwnKeyActions(services, OwnKeys(store, models, master_key), time.time)
        actions = Actions(
            services,
            resolver,
            store=store,
            supervisor=supervisor,
            clock=time.time,
            own_keys=keys,
            allowance=allowance,
            people=store,
        )
        bot = SlackBot(actions, store, store, settings, engine=store.engine)
        serving = asyncio.create_task(bot.serve())
        try:
            ready = asyncio.create_task(bot.ready.wait())
            await asyncio.wait([ready, serving], return_when=asyncio.FIRST_COMPLETED)
            if serving.done():
                ready.cancel()
                serving.result()
            if settings.mode == "http":
                server.deliver_to(bot.url + PATH)
            else:
                await server.sockets.wait_for_connections()
            await supervisor.resume_in_places(FORMATS, bot.name, bot.places.reopen)
            yield App(server, team, ann, hall, bot, supervisor, actions, store, speaker)
        finally:
            serving.cancel()
            await asyncio.wait([serving])


@asynccontextmanager
async def _leave_at_once(supervisor: RunSupervisor) -> AsyncIterator[None]:
    """Enter the supervisor; at the end cut its runs off, so that they go on at the next start."""
    try:
        async with supervisor:
            yield
            raise _Leave
    except _Leave:
        pass


class _Leave(Exception):
    """The way out of a supervisor that does not wait for its runs."""


@asynccontextmanager
async def open_workspace(*, listen: bool = False, kind: str = "member") -> AsyncIterator[tuple[SlackServer, Team]]:
    """Open a server where the app is installed with exactly what its manifest asks for."""
    async with SlackServer() as server:
        server.limits.set("chat.postMessage", None)
        server.world.app.events = {event.name for event in wanted_events(listen=listen)}
        team = server.world.add_team("acme", scopes=[scope.name for scope in wanted_scopes(listen=listen)])
        ann = server.world.add_user(team.id, "ann")
        server.world.add_channel(team.id, "hall", [ann.id])
        yield server, team


@asynccontextmanager
async def run_app(path: Path, *, listen: bool = False, http: bool = False, **more: Any) -> AsyncIterator[App]:
    """Open a workspace and serve the app in it, over sockets or HTTP."""
    async with open_workspace(listen=listen) as (server, team):
        given: dict[str, Any] = {"listen": listen}
        if http:
            given |= {"mode": "http", "port": 0, "signing_secret": server.world.app.signing_secret}
        given |= more.pop("settings", {})
        async with serve_app(server, team, path, make_settings(server, team, **given), **more) as running:
            yield running


StartApp = Callable[..., Awaitable[App]]  # takes what `run_app` takes, but the path


@pytest.fixture
async def start_app(tmp_path: Path) -> AsyncIterator[StartApp]:
    """Return a function that serves the app with the options of `run_app`, until the test is over."""
    async with AsyncExitStack() as stack:
        yield lambda **options: stack.enter_async_context(run_app(tmp_path / "moot.db", **options))


@pytest.fixture
async def app(start_app: StartApp) -> App:
    """Return the app in its workspace, without further options."""
    return await start_app()
