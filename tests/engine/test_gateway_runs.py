"""The runs of a gateway while one begins: it is counted once, and reaches the others also where the gateway stops."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, nullcontext

from bot.domain.facts import Fact
from bot.engine.conductor import Conductor
from bot.engine.gateway import GatewayRuns
from bot.engine.planner import Planner
from bot.engine.trace import NoTrace
from bot.formats import FORMATS
from bot.formats.plan import Format
from bot.live.budget import Budgets, TokenBucket
from bot.live.schedule import Scheduler
from bot.ports.process import Trace
from bot.ports.store import Starter
from tests.support.conducted_runs import RUN
from tests.support.speakers import ScriptedSpeaker
from tests.support.stores import MemoryStore
from tests.support.surfaces import Place, Platform
from tests.support.transcripts import make_start
from tests.support.virtual_time import in_virtual_time


class SlowStore(MemoryStore):
    """A store that takes a run only after a while, as a database that is away for a moment does."""

    async def claim(self, run: str, owner: str, facts: Sequence[Fact] = (), *, key: str | None = None) -> int:
        await asyncio.sleep(4.0)
        return await super().claim(run, owner, facts, key=key)


class LateStore(MemoryStore):
    """A store that takes a run at once and says so only after a while."""

    async def claim(self, run: str, owner: str, facts: Sequence[Fact] = (), *, key: str | None = None) -> int:
        epoch = await super().claim(run, owner, facts, key=key)
        await asyncio.sleep(4.0)
        return epoch


@asynccontextmanager
async def open_gateway(store: MemoryStore, handed: list[str]) -> AsyncIterator[GatewayRuns]:
    """Open the runs of a gateway on a store; `handed` gets the runs that it hands over."""
    now, speaker = asyncio.get_running_loop().time, ScriptedSpeaker()

    def make_conductor(run: str, form: Format, trace: Trace) -> Conductor:
        planner = Planner(form, now, nullcontext)
        return Conductor(
            run, planner, store=store, speaker=speaker, clock=now, trace=trace, owner="here", tell_operator=None
        )

    async def list_open() -> dict[str, int]:
        return {RUN: len(entries)} if (entries := await store.read(RUN)) else {}

    async def list_nobody(within_s: float) -> dict[str, Starter]:
        return {}

    async def hand_over(run: str) -> None:
        handed.append(run)

    async with (
        Scheduler(Budgets(lambda name, started: TokenBucket(1000, 1000), now())) as scheduler,
        GatewayRuns(
            store=store,
            scheduler=scheduler,
            trace=NoTrace(),
            make_conductor=make_conductor,
            list_open=list_open,
            list_begun=list_nobody,
            hand_over=hand_over,
            signal=lambda run, note: None,
            watch=lambda run: nullcontext(),
        ) as runs,
    ):
        yield runs


@in_virtual_time
async def test_a_gateway_that_stops_hands_over_a_run_that_is_just_beginning() -> None:
    handed, place = list[str](), Place(Platform(round_trip_s=0.01))
    async with open_gateway(SlowStore(asyncio.get_running_loop().time), handed) as runs:
        beginning = asyncio.create_task(runs.begin(RUN, FORMATS["compare"], [place], [make_start("compare")]))
        await asyncio.sleep(1.0)
        await runs.hand_over()
        assert handed == [RUN]
        await beginning
    assert [lane.stage for lane, _ in place.read_texts()] == ["board"]


@in_virtual_time
async def test_a_run_that_is_just_being_stored_is_not_counted_beside_its_start() -> None:
    place = Place(Platform(round_trip_s=0.01))
    async with open_gateway(LateStore(asyncio.get_running_loop().time), []) as runs:
        beginning = asyncio.create_task(runs.begin(RUN, FORMATS["compare"], [place], [make_start("compare")]))
        await asyncio.sleep(3.0)
        assert runs.unfinished_starts() == []
        await beginning
        assert runs.unfinished_starts() == [make_start("compare")]
        await asyncio.sleep(3.0)
        assert runs.unfinished_starts() == [make_start("compare")]
