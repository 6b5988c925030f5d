"""Moot as `moot run` serves it, on the Discord wire server, with the real discord.py, litellm and SQLite."""

from __future__ import annotations

import asyncio
import gc
import sys
import time
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from unittest.mock import patch

import discord
import pytest

from adapters.common.failures import report_failure
from adapters.discord import interactions, listening
from adapters.discord.client import make_client
from bot.cli import serve as serving
from bot.cli.provision import Provision
from bot.models import prices
from bot.models.catalogue import resolve_models
from bot.settings.platforms import ServerSettings
from bot.settings.settings import Settings
from storage import open_store
from tests.servers.discord import DiscordServer, Intent, Limits, Rule
from tests.servers.discord.client import redirect_clients
from tests.servers.discord.gateway import PRIVILEGED
from tests.servers.model_server import ModelServer, Reply, answer
from tests.support.discord_guild import DiscordGuild
from tests.support.planted import PLANTED

SEATS = {"claude": "Claude", "gpt": "GPT", "gemini": "Gemini"}
ROOMY = Rule(1000, 1.0)
UNLIMITED = Limits(
    dict.fromkeys(("message.create", "message.edit", "webhook.execute", "webhook.edit", "webhook.delete"), ROOMY),
    other=ROOMY,
    global_rule=ROOMY,
)
PATIENCE_S = 30.0  # until an interaction is answered; Discord allows 3 s, but tests run on busy machines
THINKING = Reply(then="hang")  # a model that says nothing until it is skipped or stopped
RANKING = answer("FINAL RANKING:\n1. A\n2. B\n3. C")


def make_endless(*texts: str) -> Reply:
    """Return a reply that says these texts and never ends."""
    return Reply(answer(*texts).pieces[: len(texts)], then="hang")


def make_settings(models: ModelServer, token: str, **more: Any) -> Settings:
    """Return settings of three seats, each with an endpoint of its own.

    `more` replaces whole tables; its `discord` is merged into that table.
    """
    tables: dict[str, Any] = {
        "models": {
            key: {"litellm": f"hosted_vllm/{key}", "name": name, "api_base": f"{models.url}/{key}", "api_key": PLANTED}
            for key, name in SEATS.items()
        },
        "panels": {"default": {"seats": list(SEATS)}, "pair": {"seats": ["claude", "gpt"]}},
        "retries": {"tries": 1},
    }
    direct = {"direct_message_starts": "council"}  # without a question first
    given = {"discord": {"token": token, **direct, **more.pop("discord", {})}}
    return Settings.model_validate({**tables, **more, **given})


class Moot(DiscordGuild):
    """The bot in its guild. `start` and `stop` begin and end a process: database and messages outlast it."""

    def __init__(self, server: DiscordServer, models: ModelServer, path: Path, settings: Settings) -> None:
        super().__init__(server, models)
        self.settings = settings
        self.client: discord.Client | None = None
        self.loads = 0  # how often `on_loaded` ran
        self._path = path

    def change_settings(self, table: str, **values: object) -> None:
        """Change a table of the settings from the next start on."""
        changed = getattr(self.settings, table).model_copy(update=values)
        self.settings = self.settings.model_copy(update={table: changed})

    async def restart(self, servers: Mapping[str, Any] | None = None, **discord: object) -> None:
        """Start the bot anew with rules for servers by their ids, and settings of Discord."""
        await self.stop()
        rules = {server: ServerSettings(**given) for server, given in (servers or {}).items()}
        self.settings = self.settings.model_copy(update={"servers": rules})
        self.change_settings("discord", **discord)
        await self.start()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()
        if self.faults:
            raise self.faults[0] from error

    async def start(self) -> None:
        """Start the bot and return once it hears what people do."""
        connected = len(await self.server.connects())
        self._serving = asyncio.create_task(self._serve(), name="moot")
        while len(await self.server.connects()) == connected:
            if self._serving.done():
                await self.wait_for_end()
            await asyncio.sleep(0.005)

    async def stop(self) -> None:
        """Stop the bot as SIGTERM does. Raises the error that has ended it before."""
        serving, self._serving = self._serving, None
        if serving is not None and not serving.done():
            serving.cancel()
            with warnings.catch_warnings():
                # Tasks that are cancelled before their first step: calls of litellm, events that discord.py drops.
                warnings.filterwarnings("ignore", "coroutine .* was never awaited", RuntimeWarning)
                await asyncio.wait([serving])
                gc.collect(1)
        if serving is not None and not serving.cancelled():
            serving.result()

    async def wait_for_end(self) -> None:
        """Wait until the bot ends by itself. Raises the error that ended it."""
        serving, self._serving = self._serving, None
        assert serving is not None
        await serving

    async def _serve(self) -> None:
        supply = Provision(resolve_models(self.settings.models), self.settings.panels, "default")
        assert self.settings.discord is not None  # `make_settings` sets it
        make = make_client
        async with open_store(self._path, clock=time.time) as self.store:
            with (
                patch.object(serving, "make_client", lambda *given: self._hurry(make(*given))),
                patch.object(interactions, "report_failure", self._keep_failure),
                patch.object(listening, "report_failure", self._keep_failure),
            ):
                await serving.serve_platforms(
                    self.settings, supply, self.store, asyncio.Event(), on_loaded=self._loaded
                )

    def _keep_failure(self, what: str) -> str:
        """Keep the exception that is being handled, of which people are told a sentence."""
        if error := sys.exception():
            self.faults.append(error)
        return report_failure(what)

    def _loaded(self) -> None:
        self.loads += 1

    def _hurry(self, client: discord.Client) -> discord.Client:
        """Shorten the client's waits: 2 s for further guilds, and 5 s before it identifies once more."""

        async def before_identify_hook(shard_id: int | None, *, initial: bool = False) -> None:
            pass

        async def on_error(event: str, *given: Any) -> None:
            """Keep the exception that is being handled; discord.py would only log it."""
            if error := sys.exception():
                self.faults.append(error)

        dispatch = client._connection.dispatch
        # An event that comes while the client closes would find no loop any more.
        client._connection.dispatch = lambda *event: None if client.is_closed() else dispatch(*event)
        client._connection.guild_ready_timeout = 0.05
        client.event(before_identify_hook)
        client.event(on_error)
        self.client = client
        return client


@asynccontextmanager
async def run_moot(
    tmp_path: Path, limits: Limits = UNLIMITED, *, allowed: Intent = PRIVILEGED, started: bool = True, **more: Any
) -> AsyncIterator[Moot]:
    """Serve the bot in a guild; every seat answers in two words. `more` goes to `make_settings`.

    `started` False: the test itself starts the bot, which is stopped at the end in any case.
    """
    async with AsyncExitStack() as stack:
        models = await stack.enter_async_context(ModelServer())
        server = await stack.enter_async_context(DiscordServer(limits, allowed=allowed, deadline_s=PATIENCE_S))
        stack.enter_context(redirect_clients(server))
        stack.enter_context(patch.object(prices, "read_map", dict))  # no model of a test has a price there
        more["discord"] = {
            "api_base": server.api_base,
            "gateway_url": server.gateway_url,
            **more.get("discord", {}),
        }
        made = Moot(server, models, tmp_path / "moot.db", make_settings(models, server.token, **more))
        for seat, name in SEATS.items():
            made.script_model(seat, answer(f"{name} ", "speaks."))
        await made.create_guild()
        if started:
            await made.start()
        stack.push_async_exit(made)
        yield made


StartMoot = Callable[..., Awaitable[Moot]]  # takes what `run_moot` takes, but the path


@pytest.fixture
async def start_moot(tmp_path: Path) -> AsyncIterator[StartMoot]:
    """Return a function that serves the bot with the options of `run_moot`, until the test is over."""
    async with AsyncExitStack() as stack:
        yield lambda *limits, **options: stack.enter_async_context(run_moot(tmp_path, *limits, **options))


@pytest.fixture
async def moot(start_moot: StartMoot) -> Moot:
    """Return the bot in its guild, without further options."""
    return await start_moot()
