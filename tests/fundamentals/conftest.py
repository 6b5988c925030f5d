"""Moot put together from its own parts, without a disk, a platform or a model: one fixture a part.

Every asynchronous test of this folder runs in virtual time: `asyncio.sleep(60)` returns at once and the loop's clock
is a minute later.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from random import Random

import pytest

from bot.actions.actions import Actions
from bot.actions.panels import PanelBook
from bot.actions.permissions import Person
from bot.actions.pipeline_files import PipelineBook
from bot.actions.resolver import RequestResolver
from bot.actions.services import Services
from bot.domain.transcript import Transcript
from bot.engine.runs import Reopen
from bot.engine.supervisor import RunSupervisor
from bot.engine.trace import NoTrace
from bot.live.budget import Budget, Budgets
from bot.live.fixed_window import FixedWindow
from bot.live.schedule import Scheduler
from bot.live.view import Display
from bot.models.catalogue import Model
from bot.ports.store import PostedPage
from bot.ports.surface import OpenSurface, Surface
from bot.settings.settings import LimitSettings, PanelSettings, SeatSettings, Settings
from commands.command import Here
from tests.support.speakers import ScriptedSpeaker
from tests.support.stores import MemoryStore
from tests.support.surfaces import Place, Platform, WindowLimit
from tests.support.transcripts import PIPELINES, PROMPTS
from tests.support.virtual_time import VirtualLoop

SEATS = ("ada", "bob", "cyd")
EDITS, WINDOW_S = 5, 5.0  # what the platform allows in one place, as Discord does


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run the asynchronous tests of this folder in virtual time."""
    return {"virtual": VirtualLoop}


@pytest.fixture
def pat() -> Person:
    """Return the person who asks."""
    return Person("p", "Pat")


@pytest.fixture
def gus() -> Person:
    """Return somebody else, who has no rights over Pat's runs."""
    return Person("g", "Gus")


@pytest.fixture
def speaker() -> ScriptedSpeaker:
    """Return the models: every seat begins to speak at once and needs a minute."""
    return ScriptedSpeaker({seat: [f"{seat} thinks so", 60.0, ", certainly"] for seat in SEATS})


@pytest.fixture
async def store() -> MemoryStore:
    """Return a store in memory. It passes the same tests as the one on SQLite."""
    return MemoryStore(asyncio.get_running_loop().time)


@pytest.fixture
def platform() -> Platform:
    """Return a chat platform that refuses the sixth edit of a place within five seconds."""
    return Platform({"edits": WindowLimit(EDITS, WINDOW_S)}, round_trip_s=0.1)


@pytest.fixture
def place(platform: Platform) -> Place:
    """Return the thread on that platform in which runs are shown."""
    return Place(platform, edits=["edits"])


@pytest.fixture
def show(place: Place) -> OpenSurface:
    """Return the function that an action calls for the place of a new run."""
    return lambda run, question: place


@pytest.fixture
def reopen(place: Place) -> Reopen:
    """Return the function that a process calls for the places of runs that an earlier one has left."""

    async def reopen(address: str, run: str, t: Transcript, posted: Sequence[PostedPage]) -> Surface | None:
        return place if address == place.address else None

    return reopen


@pytest.fixture
def here(pat: Person, show: OpenSurface) -> Here:
    """Return who calls a command, and where."""
    return Here(pat, show)


def allow(name: str, started: float) -> Budget:
    """Return the bot's own count of what the platform allows."""
    return FixedWindow(EDITS, WINDOW_S)


@asynccontextmanager
async def running_process(store: MemoryStore, speaker: ScriptedSpeaker) -> AsyncIterator[RunSupervisor]:
    """Conduct runs as one process does; at its end hand over the runs that still go on, as SIGTERM does."""
    now = asyncio.get_running_loop().time
    async with (
        Scheduler(Budgets(allow, now())) as scheduler,
        RunSupervisor(
            store=store, speaker=speaker, scheduler=scheduler, clock=now, trace=NoTrace(), owner="test"
        ) as supervisor,
    ):
        yield supervisor
        await supervisor.hand_over()


@pytest.fixture
async def supervisor(store: MemoryStore, speaker: ScriptedSpeaker) -> AsyncIterator[RunSupervisor]:
    """Yield the supervisor of the runs in this process."""
    async with running_process(store, speaker) as supervisor:
        yield supervisor


@pytest.fixture
async def next_supervisor(store: MemoryStore, speaker: ScriptedSpeaker) -> AsyncIterator[RunSupervisor]:
    """Yield the supervisor of the runs in the process after this one."""
    async with running_process(store, speaker) as supervisor:
        yield supervisor


@pytest.fixture
async def actions(store: MemoryStore, supervisor: RunSupervisor) -> Actions:
    """Return everything that people may do, with a panel of Ada, Bob and Cyd."""
    services = Services(
        settings=Settings(limits=LimitSettings(question_chars=100)),
        panels=PanelBook({"default": PanelSettings(seats=[SeatSettings(model=seat) for seat in SEATS])}, store),
        pipelines=PipelineBook(PIPELINES, store),
        models={seat: Model(seat, f"openai/{seat}", seat.capitalize(), "openai") for seat in SEATS},
    )
    resolver = RequestResolver(
        services,
        prompts={path.stem: path.read_text("utf-8") for path in PROMPTS.iterdir()},
        vote_s=600.0,
        why_absent=lambda model: None,
        random=Random(9),
    )
    return Actions(services, resolver, store=store, supervisor=supervisor, clock=asyncio.get_running_loop().time)


@pytest.fixture
async def display(place: Place) -> AsyncIterator[Display]:
    """Yield a display that shows lanes in the place, within the budget."""
    async with Scheduler(Budgets(allow, 0.0)) as scheduler:
        display = Display(scheduler, trace=NoTrace())
        display.attach(place)
        yield display
