"""The bot in virtual time, with scripted models, a store in memory and a place that pages as Discord or Slack does."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from random import Random

from adapters.discord.dialect import DiscordDialect
from adapters.slack.dialect import SlackMarkdown
from benchmarks.limits import FEW_PEOPLE
from bot.actions.actions import Actions
from bot.actions.panels import PanelBook
from bot.actions.permissions import Person
from bot.actions.pipeline_files import PipelineBook
from bot.actions.request import RunRequest
from bot.actions.resolver import RequestResolver
from bot.actions.services import Services
from bot.domain.run import Seat
from bot.domain.word_filter import WordFilter
from bot.engine.supervisor import RunSupervisor
from bot.engine.trace import NoTrace
from bot.live.budget import Budgets, TokenBucket
from bot.live.dialect import Dialect
from bot.live.filtered_pages import FilteredPages
from bot.live.one_page import OnePage
from bot.live.schedule import Scheduler
from bot.models.catalogue import Model
from bot.ports.store import EVERY_RUN, RunFilter, RunRow
from bot.settings.platforms import ServerSettings
from bot.settings.settings import LimitSettings, PanelSettings, SeatSettings, Settings
from commands.command import Here
from tests.support.speakers import ScriptedSpeaker
from tests.support.stores import MemoryStore
from tests.support.surfaces import Place, Platform
from tests.support.transcripts import PIPELINES, PROMPTS

SEATS = ("ada", "bob", "cyd")
BALLOT = "FINAL RANKING:\n1. A\n2. B\n3. C"
BY = Person("p", "Pat", moderator=True)
WORDS = ("newt", "bad word", "worse*")  # not allowed in the server where runs are played
PIECE = 2_000  # characters of an answer that come at once
LIMITS = LimitSettings(**FEW_PEOPLE, runs=1_000)


# a message of each platform, without the line above that names who speaks
PAGERS: Sequence[tuple[Dialect, int]] = ((DiscordDialect(), 3_800), (SlackMarkdown(), 10_800))


class _Store(MemoryStore):
    """A store in memory that searches its runs in a thread, as the one on SQL does."""

    async def runs(self, limit: int = 50, server: str | None = None, wanted: RunFilter = EVERY_RUN) -> list[RunRow]:
        return await asyncio.to_thread(self.list_runs, limit, server, wanted)


class Bot:
    """Actions, with the voice behind the seats."""

    def __init__(self, actions: Actions, speaker: ScriptedSpeaker) -> None:
        self.actions = actions
        self._speaker = speaker
        self._runs = 0

    def here(self, by: Person = BY, run: str = "") -> Here:
        self._runs += 1
        dialect, chars = PAGERS[self._runs % 2]
        words = WordFilter(WORDS)
        place = Place(Platform(round_trip_s=0.0), pages=lambda: FilteredPages(OnePage(dialect, chars), words))
        return Here(by, lambda run, title: place, run=run)

    async def start_slow(self) -> str:
        """Start a run that goes on until it is stopped."""
        self._speaker.lines = {seat: [60.0] for seat in SEATS}
        return await self.actions.start_run(RunRequest("compare", "Why?", BY), self.here().open_surface)

    async def end(self, run: str) -> None:
        await self.actions.stop_run(run, BY)
        await self.actions.wait_until_finished(run)

    async def play(self, request: RunRequest, lines: Mapping[str, str] | None = None) -> str:
        """Play a run to its end. `lines`: what seats say at each of their turns; a ballot where left out."""
        said = {seat: lines.get(seat, BALLOT) if lines else BALLOT for seat in (*SEATS, "chair", "judge", "searcher")}
        self._speaker.lines = {
            seat: [text[at : at + PIECE] for at in range(0, len(text), PIECE)] for seat, text in said.items()
        }
        run = await self.actions.start_run(request, self.here(request.by).open_surface)
        await self.actions.wait_until_finished(run)
        return run


@asynccontextmanager
async def open_bot() -> AsyncIterator[Bot]:
    now = asyncio.get_running_loop().time
    speaker, store = ScriptedSpeaker(), _Store(now)
    async with (
        Scheduler(Budgets(lambda name, started: TokenBucket(10_000, 10_000), now())) as scheduler,
        RunSupervisor(
            store=store, speaker=speaker, scheduler=scheduler, clock=now, trace=NoTrace(), owner="benchmark"
        ) as supervisor,
    ):
        models = {seat: Model(seat, f"openai/{seat}", seat.capitalize(), "openai") for seat in SEATS}
        services = Services(
            settings=Settings(limits=LIMITS, servers={BY.server: ServerSettings(words=list(WORDS))}),
            panels=PanelBook({"default": PanelSettings(seats=[SeatSettings(model=seat) for seat in SEATS])}, store),
            pipelines=PipelineBook(PIPELINES, store),
            models=models,
        )
        resolver = RequestResolver(
            services,
            prompts={path.stem: path.read_text("utf-8") for path in PROMPTS.iterdir()},
            vote_s=0.0,
            why_absent=lambda model: None,
            random=Random(1),
            searcher=Seat("searcher", "ada", "Search"),
        )
        gc.freeze()  # as the bot does once it is loaded
        yield Bot(Actions(services, resolver, store=store, supervisor=supervisor, clock=now), speaker)
