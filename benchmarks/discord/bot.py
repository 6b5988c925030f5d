"""The bot as `bot.cli.serve` puts it together, with another voice behind the seats and a meter beside it."""

from __future__ import annotations

import asyncio
import importlib.resources
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

from pydantic import SecretStr

from adapters.discord.budgets import discord_budget
from adapters.discord.client import DiscordBot, make_client
from benchmarks.discord.meter import CountingRest, Meter
from benchmarks.discord.scenes import Scene, draw_lines, panel_name, seat_keys
from benchmarks.discord.speaker import Replaying
from benchmarks.limits import FEW_PEOPLE
from bot.actions.actions import Actions
from bot.actions.panels import PanelBook
from bot.actions.pipeline_files import PipelineBook
from bot.actions.resolver import RequestResolver
from bot.actions.services import Services
from bot.engine.supervisor import RunSupervisor
from bot.live.budget import Budgets
from bot.live.schedule import Scheduler
from bot.models.catalogue import Model
from bot.settings.platforms import DiscordSettings
from bot.settings.settings import LimitSettings, PanelSettings, SeatSettings, Settings
from storage import SqlStore, open_store


@dataclass(frozen=True, slots=True)
class Bot:
    """The connected bot with the parts that a benchmark reads."""

    meter: Meter
    speaker: Replaying
    rest: CountingRest
    store: SqlStore
    hall: RunSupervisor

    async def wait_until_finished(self, runs: int) -> None:
        """Wait until so many runs that were begun are over and shown."""
        for row in await self.store.runs(limit=runs):
            if self.hall.transcript(row.run) is not None:
                await self.hall.wait_until_finished(row.run)


@asynccontextmanager
async def run_bot(scene: Scene, folder: Path, api_base: str, gateway_url: str, token: str) -> AsyncIterator[Bot]:
    """Run the bot and yield it once it is connected; it has one panel a run, and its database in `folder`."""
    now = asyncio.get_running_loop().time
    settings = DiscordSettings(token=SecretStr(token), api_base=api_base, gateway_url=gateway_url)
    limits = LimitSettings(**FEW_PEOPLE)
    meter, speaker, budgets = Meter(), Replaying(draw_lines(scene)), Budgets(discord_budget, now())
    async with (
        open_store(folder / "moot.db", clock=time.time) as store,
        Scheduler(budgets) as scheduler,
        RunSupervisor(
            store=store, speaker=speaker, scheduler=scheduler, clock=time.time, trace=meter, owner="benchmark"
        ) as hall,
    ):
        services = Services(
            settings=Settings(limits=limits),
            panels=PanelBook(_make_panels(scene), store),
            pipelines=PipelineBook({}, store),
            models={key: Model(key, key, key, key) for run in range(scene.runs) for key in seat_keys(run)},
        )
        resolver = RequestResolver(
            services,
            prompts=_read_prompts(),
            vote_s=0.0,
            why_absent=lambda model: None,
            random=Random(scene.seed),
        )
        actions = Actions(services, resolver, store=store, supervisor=hall, clock=time.time)
        rest = CountingRest(budgets, now)
        bot = DiscordBot(make_client(settings, rest), rest, actions, store, store, settings)
        serving = asyncio.create_task(bot.serve())
        ready = asyncio.create_task(bot.ready.wait())
        try:
            await asyncio.wait({serving, ready}, return_when=asyncio.FIRST_COMPLETED)
            if serving.done():
                await serving
            yield Bot(meter, speaker, rest, store, hall)
        finally:
            for task in (ready, serving):
                task.cancel()
            await asyncio.wait({ready, serving})


def _make_panels(scene: Scene) -> dict[str, PanelSettings]:
    return {
        panel_name(run): PanelSettings(seats=[SeatSettings(model=key) for key in seat_keys(run)])
        for run in range(scene.runs)
    }


def _read_prompts() -> dict[str, str]:
    folder = importlib.resources.files("bot.formats") / "prompts"
    return {p.name.removesuffix(".md"): p.read_text("utf-8") for p in folder.iterdir() if p.name.endswith(".md")}
