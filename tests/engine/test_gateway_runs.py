"""The runs of a gateway that stops while one begins: the run reaches the others, and its person is told no failure."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import nullcontext

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


@in_virtual_time
async def test_a_gateway_that_stops_hands_over_a_run_that_is_just_beginning() -> None:
    now = asyncio.get_running_loop().time
    store, speaker, handed = SlowStore(now), ScriptedSpeaker(), list[str]()

    def make_conductor(run: str, form: Format, trace: Trace) -> Conductor:
        planner = Planner(form, now, nullcontext)
        return Conductor(
            run, planner, store=store, speaker=speaker, clock=now, trace=trace, owner="here", tell_operator=None
        )

    async def list_nothing() -> dict[str, int]:
        return {}

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
            list_open=list_nothing,
            list_begun=list_nobody,
            hand_over=hand_over,
            signal=lambda run, note: None,
            watch=lambda run: nullcontext(),
        ) as runs,
    ):
        place = Place(Platform(round_trip_s=0.01))
        beginning = asyncio.create_task(runs.begin(RUN, FORMATS["compare"], [place], [make_start("compare")]))
        await asyncio.sleep(1.0)
        await runs.hand_over()
        assert handed == [RUN]
        await beginning
    assert [lane.stage for lane, _ in place.read_texts()] == ["board"]
