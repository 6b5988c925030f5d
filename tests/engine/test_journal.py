"""A store that fails under a run and works again: the run in memory, what people see, and what is stored in the end."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from math import inf
from types import SimpleNamespace
from typing import cast

import pytest
from structlog.testing import capture_logs

from bot.domain.facts import CaughtUp, Fact, SkipAsked, TurnEnded, TurnStarted
from bot.domain.transcript import Entry, Transcript
from bot.engine.journal import BEGIN_PATIENCE_S, PATIENCE_S, TRY_AGAIN_S, Journal
from bot.engine.quarantine import BROKEN
from bot.engine.supervisor import RunSupervisor
from bot.engine.trace import NoTrace
from bot.errors import MaybeStored, StoreFailed
from bot.formats import FORMATS
from bot.formats.plan import Format, Plan
from bot.ports.store import Snapshot
from tests.support.conducted_runs import ADA, BOB, RUN, ConductedRun, conduct_run, read_ends
from tests.support.speakers import Step
from tests.support.stores import MemoryStore
from tests.support.surfaces import Place, Platform
from tests.support.transcripts import make_start
from tests.support.virtual_time import run_virtual

WHY = "the disk is full"


class FailingDisk(MemoryStore):
    """A store that may stop taking or giving; `takes_silently`: a write is stored and then reported as failed."""

    takes = gives = True
    takes_silently = False

    def _check(self, run: str, epoch: int | None) -> None:
        if not self.takes and not self.takes_silently:
            raise StoreFailed(WHY)
        super()._check(run, epoch)

    async def append(
        self, run: str, facts: Sequence[Fact], *, epoch: int | None = None, key: str | None = None
    ) -> None:
        await super().append(run, facts, epoch=epoch, key=key)
        if not self.takes:
            raise StoreFailed(WHY)

    async def read(self, run: str, after: int = 0) -> list[Entry]:
        if not self.gives:
            raise StoreFailed(WHY)
        return await super().read(run, after)

    async def snapshots(self, run: str) -> list[Snapshot]:
        if not self.gives:
            raise StoreFailed(WHY)
        return await super().snapshots(run)


def conduct_on_failing_disk(
    lines: Mapping[str, Sequence[Step]],
    *,
    at_s: float,
    for_s: float | None,
    fault: str,
    patience_s: float = PATIENCE_S,
) -> tuple[ConductedRun, Transcript, list[Fact]]:
    """Conduct a run while the disk fails for so long.

    Returns it, its transcript, and the facts that are stored afterwards.
    """

    async def fail(run: ConductedRun, supervisor: RunSupervisor) -> None:
        await asyncio.sleep(at_s)
        setattr(run.store, fault, fault == "takes_silently")
        if fault == "takes_silently":
            cast(FailingDisk, run.store).takes = False
        if for_s is None:
            return
        await asyncio.sleep(for_s)
        cast(FailingDisk, run.store).takes = cast(FailingDisk, run.store).gives = True

    run, t = conduct_run("compare", lines, fail, store=FailingDisk(lambda: 0.0), patience_s=patience_s)

    async def stored() -> list[Fact]:
        return [entry.fact for entry in await run.store.read(RUN)]

    return run, t, run_virtual(stored())


@pytest.mark.parametrize("fault", ["takes", "gives", "takes_silently"])
def test_what_happened_meanwhile_is_stored_once_the_store_works_again(fault: str) -> None:
    lines: Mapping[str, Sequence[Step]] = {"ada": ["a", 2.0, "b"], "bob": ["c", 30.0, "d"]}
    run, t, stored = conduct_on_failing_disk(lines, at_s=1, for_s=5, fault=fault)
    assert read_ends(t) == {
        "answer/1/ada": ("done", "ab"),
        "answer/1/bob": ("done", "cd"),
        "answer/1/cyd": ("done", "cyd"),
    }
    assert sorted(seat for seat, _ in run.speaker.asked) == ["ada", "bob", "cyd"]
    assert [entry.fact for entry in t.entries] == stored
    assert len([fact for fact in stored if isinstance(fact, TurnStarted | TurnEnded)]) == 6  # each once
    boards = [text for lane, text in run.place.read_texts() if lane.stage == "board"]
    assert all("Not being saved" not in text for text in boards)


def test_a_run_waits_with_its_end_for_a_store_that_is_long_away_where_the_process_lives_on() -> None:
    run, t, stored = conduct_on_failing_disk(
        {"ada": ["a", 2.0, "b"]}, at_s=1, for_s=5 * PATIENCE_S, fault="takes", patience_s=inf
    )
    assert [entry.fact for entry in t.entries] == stored
    assert isinstance(stored[-1], CaughtUp)
    assert sorted(seat for seat, _ in run.speaker.asked) == ["ada", "bob", "cyd"]
    boards = [text for lane, text in run.place.read_texts() if lane.stage == "board"]
    assert all("Not being saved" not in text for text in boards)


def test_a_disk_that_stays_full_ends_nothing_and_the_board_says_so() -> None:
    run, t, stored = conduct_on_failing_disk({"ada": ["a", 2.0, "b"]}, at_s=1, for_s=None, fault="takes")
    assert t.finished is not None
    assert read_ends(t)["answer/1/ada"] == ("done", "ab")
    assert not any(isinstance(fact, TurnEnded) and fact.turn == ADA for fact in stored)
    assert any(f"Not being saved: {WHY}" in text for lane, text in run.place.read_texts() if lane.stage == "board")


def test_people_are_refused_while_it_fails_and_heard_as_soon_as_it_does_not() -> None:
    ended_at: list[float] = []

    async def skip(run: ConductedRun, supervisor: RunSupervisor) -> None:
        disk = cast(FailingDisk, run.store)
        await asyncio.sleep(1)
        disk.takes = False
        await asyncio.sleep(1.5)  # Bob's end cannot be stored
        with pytest.raises(StoreFailed):
            await run.tell(supervisor, SkipAsked(ADA, "p"))
        disk.takes = True
        await run.tell(supervisor, SkipAsked(ADA, "p"))
        await asyncio.sleep(0.1)
        t = supervisor.transcript(RUN)
        assert t is None or t.turns[ADA].ended is not None, "before the store would have been tried by itself"
        ended_at.append(asyncio.get_running_loop().time())

    _, t = conduct_run(
        "compare",
        {"ada": ["so far", 999.0], "bob": [2.0, "b"], "cyd": [9.0, "c"]},
        skip,
        store=FailingDisk(lambda: 0.0),
    )
    assert ended_at[0] < TRY_AGAIN_S
    assert read_ends(t) == {
        "answer/1/ada": ("skipped", "so far"),
        "answer/1/bob": ("done", "b"),
        "answer/1/cyd": ("done", "c"),
    }


def test_what_is_recorded_while_the_store_is_tried_is_kept() -> None:
    class Slow(FailingDisk):
        slow = False

        async def read(self, run: str, after: int = 0) -> list[Entry]:
            entries = await super().read(run, after)
            if self.slow:
                await asyncio.sleep(1)
            return entries

    async def scene() -> None:
        store = Slow(lambda: 0.0)
        journal = Journal(RUN, store, lambda: 0.0, NoTrace())
        await store.append(RUN, [make_start("compare")])
        await journal.claim("me")
        store.takes = False
        await journal.record([TurnStarted(ADA)])
        assert str(journal.failing) == WHY
        store.takes, store.slow = True, True
        journal.try_soon()
        reading = asyncio.create_task(journal.read())
        await asyncio.sleep(0.5)
        await journal.record([TurnStarted(BOB)])
        await reading
        assert journal.failing is None
        assert [*journal.transcript.turns] == [ADA, BOB]
        assert list(journal.transcript.entries) == await store.read(RUN)

    run_virtual(scene())


@pytest.mark.parametrize("is_stored", [True, False])
@pytest.mark.parametrize("away_s", [2.0, 60.0])
def test_a_start_waits_some_seconds_for_the_store_and_is_told_as_it_is(away_s: float, is_stored: bool) -> None:
    class Away(FailingDisk):
        async def claim(self, run: str, owner: str, facts: Sequence[Fact] = (), *, key: str | None = None) -> int:
            is_away = asyncio.get_running_loop().time() < away_s
            if is_away and not is_stored:
                raise StoreFailed(WHY)
            epoch = await super().claim(run, owner, facts, key=key)
            if is_away:
                raise MaybeStored(WHY)
            return epoch

    async def scene() -> list[Fact]:
        store = Away(lambda: 0.0)
        journal = Journal(RUN, store, lambda: 0.0, NoTrace())
        if away_s < BEGIN_PATIENCE_S:
            await journal.claim("me", [make_start("compare")])
            assert journal.transcript.start is not None
        else:
            with pytest.raises(StoreFailed) as raised:
                await journal.claim("me", [make_start("compare")])
            assert isinstance(raised.value, MaybeStored) == is_stored
            assert asyncio.get_running_loop().time() < 2 * BEGIN_PATIENCE_S
        return [entry.fact for entry in await store.read(RUN)]

    stored = run_virtual(scene())
    assert stored.count(make_start("compare")) == (away_s < BEGIN_PATIENCE_S or is_stored)


def test_a_bug_in_one_run_ends_it_alone_and_its_board_says_so() -> None:
    def broken(t: Transcript, now: float) -> Plan:
        if any(turn.ended for turn in t.turns.values()):
            raise ZeroDivisionError("oops")
        return FORMATS["compare"].plan(t, now)

    async def scene() -> None:
        run = ConductedRun(make_start("compare"), {"bob": [1.0, "b"]}, MemoryStore(asyncio.get_running_loop().time))
        await run.store.append(RUN, [run.started])
        await run.store.append("other", [run.started])
        async with run.supervise() as supervisor:
            form = SimpleNamespace(plan=broken, ask=FORMATS["compare"].ask)
            await supervisor.begin("other", cast(Format, form), [place := Place(Platform(round_trip_s=0.01))])
            other, t = await asyncio.gather(
                supervisor.wait_until_finished("other"), supervisor.wait_until_finished(RUN)
            )
        assert t.finished is not None
        assert other.finished is None
        assert any(BROKEN in text for lane, text in place.read_texts() if lane.stage == "board")
        assert "oops" not in str(place.read_texts())

    with capture_logs() as logs:
        run_virtual(scene())
    assert [(line["log_level"], line["run"]) for line in logs] == [("error", "other")]
