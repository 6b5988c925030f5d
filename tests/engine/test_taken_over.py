"""A process that slept over its lease: what another one has begun of its run is not asked a second time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

import pytest

from bot.domain.facts import Claimed, Fact, TurnStarted
from bot.engine.journal import Journal
from bot.engine.supervisor import RunSupervisor
from bot.engine.trace import NoTrace
from bot.errors import MaybeStored
from bot.ports.store import Fenced
from tests.support.conducted_runs import ADA, BOB, RUN, ConductedRun, conduct_run
from tests.support.speakers import Step
from tests.support.stores import MemoryStore
from tests.support.transcripts import make_start
from tests.support.virtual_time import run_virtual


class TakenStore(MemoryStore):
    """A store of which another process takes the run, and begins turns of it, as soon as this one has claimed it."""

    async def claim(self, run: str, owner: str, facts: Sequence[Fact] = (), *, key: str | None = None) -> int:
        epoch = await super().claim(run, owner, facts, key=key)
        later = await super().claim(run, "another")
        await self.append(run, [TurnStarted(ADA), TurnStarted(BOB)], epoch=later)
        return epoch


def test_who_sleeps_between_claiming_a_run_and_reading_it_leaves_it() -> None:
    async def scene() -> ConductedRun:
        run = ConductedRun(make_start("compare"), {}, TakenStore(asyncio.get_running_loop().time))
        await run.store.append(RUN, [run.started])
        with pytest.raises(Fenced, match="another"):
            async with run.supervise():
                pass
        return run

    assert run_virtual(scene()).speaker.asked == []


def test_who_sleeps_in_the_middle_of_a_run_leaves_it_when_it_reads_on() -> None:
    async def take(run: ConductedRun, supervisor: RunSupervisor) -> None:
        await asyncio.sleep(1.0)
        epoch = await run.store.claim(RUN, "another")
        await run.store.append(RUN, [TurnStarted(BOB)], epoch=epoch)
        supervisor.wake(RUN)

    lines: Mapping[str, Sequence[Step]] = {"ada": ["a", 30.0, "b"], "bob": ["c", 30.0, "d"], "cyd": ["e", 30.0, "f"]}
    run, t = conduct_run("compare", lines, take)
    assert sorted(seat for seat, _ in run.speaker.asked) == ["ada", "bob", "cyd"]
    assert not any(isinstance(entry.fact, Claimed) and entry.fact.owner == "another" for entry in t.entries)


def test_who_sleeps_as_it_begins_a_run_does_not_tell_its_person_of_a_fault() -> None:
    async def scene() -> list[Fact]:
        store = TakenStore(lambda: 0.0)
        with pytest.raises(MaybeStored):
            await Journal(RUN, store, lambda: 0.0, NoTrace()).claim("me", [make_start("compare")])
        return [entry.fact for entry in await store.read(RUN)]

    assert run_virtual(scene()).count(make_start("compare")) == 1
