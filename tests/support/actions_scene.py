"""Everything that people may do, with what stands behind it: a store, scripted models, and a place to show runs in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from random import Random

import pytest

from bot.actions.actions import Actions
from bot.actions.paces import PaceBook
from bot.actions.panels import PanelBook
from bot.actions.permissions import Person
from bot.actions.pipeline_files import PipelineBook
from bot.actions.request import RunRequest
from bot.actions.resolver import RequestResolver
from bot.actions.services import Services
from bot.domain.transcript import Transcript, fold_all
from bot.engine.supervisor import RunSupervisor
from bot.engine.trace import NoTrace
from bot.live.budget import Budgets, TokenBucket
from bot.live.schedule import Scheduler
from bot.models.catalogue import Model
from bot.settings.platforms import ServerSettings
from bot.settings.settings import LimitSettings, PanelSettings, SeatSettings, Settings
from tests.support.speakers import ScriptedSpeaker
from tests.support.stores import MemoryStore
from tests.support.surfaces import Place, Platform
from tests.support.transcripts import PIPELINES, PROMPTS
from tests.support.virtual_time import VirtualLoop

MODELS = {key: Model(key, f"openai/{key}", key.capitalize(), "openai") for key in ("ada", "bob", "cyd")}
PAT = Person("p", "Pat")
MO = Person("mo", "Mo", moderator=True)
STRICT_SERVER = ServerSettings(channels=["talk", "7"], start_roles=["speakers"], panel_roles=["elders"], words=["newt"])
LIMITS = LimitSettings(question_chars=100, remark_chars=20)
PANELS = {
    "default": PanelSettings(seats=[SeatSettings(model=m) for m in MODELS]),
    "twins": PanelSettings(seats=[SeatSettings(model="ada"), SeatSettings(model="ada")]),
    "strange": PanelSettings(seats=[SeatSettings(model="dan")]),
}


class ActionsScene:
    """Actions in one process, with the parts behind them that tests look into; `beside`: others on the same store."""

    def __init__(self, actions: Actions, beside: Actions, store: MemoryStore, speaker: ScriptedSpeaker) -> None:
        self.actions = actions
        self.beside = beside
        self.speaker = speaker
        self.store = store
        self.place = Place(Platform(round_trip_s=0.01))

    async def start_run(self, form: str = "compare", panel: str = "default", rounds: int | None = None) -> str:
        """Begin a run that Pat asks for, shown in the scene's place."""
        return await self.actions.start_run(RunRequest(form, "Why?", PAT, panel, rounds), lambda run, title: self.place)

    async def finish(self, run: str) -> None:
        """Wait until a run that was stopped is over."""
        while (await self.read_stored(run)).finished is None:
            await asyncio.sleep(0.1)

    async def read_stored(self, run: str) -> Transcript:
        """Return what the store knows of a run."""
        return fold_all(Transcript(), await self.store.read(run))


@pytest.fixture
async def scene(request: pytest.FixtureRequest) -> AsyncIterator[ActionsScene]:
    """Yield actions with three seats that each speak for a minute, in virtual time.

    Its parameter, where a test gives one: the models that are away, each with the reason.
    """
    away: Mapping[str, str] = getattr(request, "param", {})
    now = asyncio.get_running_loop().time
    store = MemoryStore(now)
    speaker = ScriptedSpeaker({"ada": ["a", 60.0], "bob": ["b", 60.0], "cyd": ["c", 60.0]})
    async with (
        Scheduler(Budgets(lambda name, started: TokenBucket(100, 100), now())) as scheduler,
        RunSupervisor(
            store=store, speaker=speaker, scheduler=scheduler, clock=now, trace=NoTrace(), owner="test"
        ) as supervisor,
    ):
        services = Services(
            settings=Settings(limits=LIMITS, servers={"strict": STRICT_SERVER}),
            panels=PanelBook(PANELS, store),
            pipelines=PipelineBook(PIPELINES, store),
            models=MODELS,
        )
        resolver = RequestResolver(
            services,
            prompts={p.stem: p.read_text("utf-8") for p in PROMPTS.iterdir()},
            vote_s=600.0,
            why_absent=lambda model: away.get(model.key),
            random=Random(1),
            paces=PaceBook(store),
        )
        actions, beside = [Actions(services, resolver, store=store, supervisor=supervisor, clock=now) for _ in range(2)]
        yield ActionsScene(actions, beside, store, speaker)


def pytest_asyncio_loop_factories(item: pytest.Item) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run the tests that use the scene in virtual time, and all others in real time."""
    is_virtual = isinstance(item, pytest.Function) and "scene" in item.fixturenames
    return {"virtual": VirtualLoop} if is_virtual else {"real": asyncio.SelectorEventLoop}
