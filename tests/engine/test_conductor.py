"""The conductor against a store in memory, a scripted speaker and a simulated platform, in virtual time."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import replace

import pytest
from structlog.contextvars import merge_contextvars
from structlog.testing import capture_logs

from bot.domain.facts import Fact, SkipAsked, Stopped, TurnEnded, TurnStarted, VoteCast
from bot.domain.run import Rules
from bot.domain.transcript import Entry, Transcript
from bot.engine.supervisor import RunSupervisor
from bot.errors import StoreFailed
from tests.support.conducted_runs import ADA, BOB, RUN, ConductedRun, conduct_run, read_ends
from tests.support.speakers import make_refusal
from tests.support.stores import MemoryStore, replay_snapshots
from tests.support.transcripts import make_start
from tests.support.virtual_time import run_virtual


def test_all_seats_speak_at_once_and_are_shown_in_panel_order() -> None:
    run, t = conduct_run("compare", {"ada": [3.0, "late"], "bob": ["first"], "cyd": [1.0, "second"]})
    assert read_ends(t) == {
        "answer/1/ada": ("done", "late"),
        "answer/1/bob": ("done", "first"),
        "answer/1/cyd": ("done", "second"),
    }
    shown = [lane.seat for lane, _ in run.place.read_texts() if lane.stage == "answer"]
    assert shown == ["ada", "bob", "cyd"]
    assert t.finished is not None
    assert t.finished.outcome == "compared"


def test_what_is_stored_is_what_was_conducted() -> None:
    run, t = conduct_run("council", {})

    async def stored() -> Transcript:
        return await run.transcript()

    assert run_virtual(stored()) == t
    assert [e.seq for e in t.entries] == list(range(1, len(t.entries) + 1))


def test_a_skip_cancels_its_turn_alone_and_keeps_what_it_said() -> None:
    async def skip(run: ConductedRun, supervisor: RunSupervisor) -> None:
        await asyncio.sleep(1)
        await run.tell(supervisor, SkipAsked(ADA, "p"))

    _, t = conduct_run("compare", {"ada": ["so far", 999.0], "bob": [2.0, "b"], "cyd": [2.0, "c"]}, skip)
    assert read_ends(t)["answer/1/ada"] == ("skipped", "so far")
    assert read_ends(t)["answer/1/bob"] == ("done", "b")
    ended = t.turns[ADA].ended
    assert ended is not None
    assert ended.timings.first_token_s == 0
    assert ended.timings.total_s == pytest.approx(1)


def test_a_stop_ends_all_and_keeps_what_is_there() -> None:
    async def stop(run: ConductedRun, supervisor: RunSupervisor) -> None:
        await asyncio.sleep(1)
        await run.tell(supervisor, Stopped("p"))

    run, t = conduct_run("debate", {seat: [f"{seat} began", 999.0] for seat in ("ada", "bob", "cyd")}, stop)
    assert {finish for finish, _ in read_ends(t).values()} == {"stopped"}
    assert t.finished is not None
    assert t.finished.outcome == "stopped"
    assert any("ada began" in text for _, text in run.place.read_texts())


def test_a_failed_seat_says_why_and_the_others_go_on() -> None:
    run, t = conduct_run("compare", {"ada": ["half", make_refusal()]})
    ended = t.turns[ADA].ended
    assert ended is not None
    assert (ended.finish, ended.text) == ("failed", "half")
    assert ended.failure is not None
    assert ended.failure.kind == "key"
    [shown] = [text for lane, text in run.place.read_texts() if lane == ADA.lane]
    assert shown.startswith("half")
    assert "failed: its key was refused" in shown


def test_a_bug_in_a_turn_fails_that_turn_and_nothing_else() -> None:
    with capture_logs([merge_contextvars]) as logs:
        _, t = conduct_run("compare", {"ada": [ZeroDivisionError("oops")]})
    assert read_ends(t)["answer/1/ada"][0] == "failed"
    assert read_ends(t)["answer/1/bob"] == ("done", "bob")
    assert "oops" not in str(t)
    assert [(line["log_level"], line["turn"], line["seat"]) for line in logs] == [("error", "answer/1/ada", "ada")]


class SlowStore(MemoryStore):
    """A store whose answer to a read is as old as the question."""

    async def read(self, run: str, after: int = 0) -> list[Entry]:
        found = await super().read(run, after)
        await asyncio.sleep(0.05)
        return found


def test_an_end_that_a_read_under_way_has_missed_is_not_asked_for_again() -> None:
    store = SlowStore(lambda: 0.0)
    run, t = conduct_run("compare", {"ada": [1.0, "a"], "bob": [1.02, "b"], "cyd": [1.04, "c"]}, store=store)
    assert sorted(seat for seat, _ in run.speaker.asked) == ["ada", "bob", "cyd"]
    assert [type(e.fact) for e in t.entries].count(TurnEnded) == 3


def test_a_turn_left_open_by_another_process_is_asked_again() -> None:
    run, t = conduct_run("compare", {}, before=[TurnStarted(ADA), TurnStarted(BOB), TurnEnded(BOB, "done", "kept")])
    assert read_ends(t)["answer/1/bob"] == ("done", "kept")
    assert read_ends(t)["answer/1/ada"] == ("done", "ada")
    assert sorted(seat for seat, _ in run.speaker.asked) == ["ada", "cyd"]


def test_a_turn_left_open_and_skipped_meanwhile_ends_with_what_it_showed() -> None:
    async def run() -> Transcript:
        now = asyncio.get_running_loop().time
        run = ConductedRun(make_start("compare"), {}, MemoryStore(now))
        await run.store.append(RUN, [run.started, TurnStarted(ADA)])
        await run.store.snapshot(RUN, ADA, "half a")
        await run.store.snapshot(RUN, ADA, "half an answer")
        await run.store.append(RUN, [SkipAsked(ADA, "p")])
        async with run.supervise() as supervisor:
            return await supervisor.wait_until_finished(RUN)

    assert read_ends(run_virtual(run()))["answer/1/ada"] == ("skipped", "half an answer")


def test_what_became_visible_before_the_end_is_kept() -> None:
    run, _ = conduct_run("compare", {"ada": ["one ", 2.0, "two ", 2.0, "three"]})

    async def kept() -> list[str]:
        return [text for turn, _, text in replay_snapshots(await run.store.snapshots(RUN)) if turn == ADA]

    assert run_virtual(kept()) == ["one ", "one two "]


class FullDisk(MemoryStore):
    """A disk that fills up once the run has begun."""

    full = False

    async def append(
        self, run: str, facts: Sequence[Fact], *, epoch: int | None = None, key: str | None = None
    ) -> None:
        if self.full:
            raise StoreFailed("the disk is full")
        await super().append(run, facts, epoch=epoch, key=key)


def test_with_the_disk_full_the_run_goes_on_in_memory_and_says_so() -> None:
    store = FullDisk(lambda: 0.0)

    async def fill(run: ConductedRun, supervisor: RunSupervisor) -> None:
        await asyncio.sleep(1)
        store.full = True

    run, t = conduct_run("compare", {"ada": ["a", 2.0, "b"]}, fill, store=store)
    assert read_ends(t)["answer/1/ada"] == ("done", "ab")
    assert t.finished is not None
    assert any(
        "Not being saved: the disk is full" in text for lane, text in run.place.read_texts() if lane.stage == "board"
    )


def test_leaving_at_once_cancels_everything_and_leaves_the_run_to_be_gone_on_with() -> None:
    async def run() -> tuple[ConductedRun, Transcript]:
        run = ConductedRun(
            make_start("compare"), {"ada": ["so far", 999.0]}, MemoryStore(asyncio.get_running_loop().time)
        )
        await run.store.append(RUN, [run.started])

        async def held() -> None:
            async with run.supervise() as supervisor:
                await supervisor.wait_until_finished(RUN)

        task = asyncio.create_task(held())
        await asyncio.sleep(5)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert asyncio.all_tasks() == {asyncio.current_task()}
        assert run.speaker.speaking == 0
        return run, await run.transcript()

    _, t = run_virtual(run())
    assert t.finished is None
    assert t.turns[ADA].ended is None
    assert read_ends(t)["answer/1/bob"] == ("done", "bob")


def test_a_run_that_another_process_has_taken_is_left_as_it_stands_however_that_is_heard() -> None:
    """Two turns hear of it at one time, each as it would store its end."""

    async def take(run: ConductedRun, supervisor: RunSupervisor) -> None:
        await asyncio.sleep(1)
        await run.store.claim(RUN, "another")

    lines: dict[str, list[float | str]] = {"ada": [2.0, "a"], "bob": [2.0, "b"], "cyd": [9.0, "c"]}
    with capture_logs() as logs:
        run, _ = conduct_run("compare", lines, take)

    async def stored() -> Transcript:
        return await run.transcript()

    t = run_virtual(stored())
    assert t.set_aside is None
    assert read_ends(t) == {}
    assert [log["event"] for log in logs] == ["another process has taken the run over"]


def test_a_vote_that_is_stored_a_moment_after_the_vote_has_closed_is_counted_on_the_end_card() -> None:
    async def vote(run: ConductedRun, supervisor: RunSupervisor) -> None:
        while (t := await run.transcript()).finished is None:
            await asyncio.sleep(0.05)
        await asyncio.sleep(t.finished_at + 3.0 + 0.1 - asyncio.get_running_loop().time())
        await run.store.append(RUN, [VoteCast("p", 1, "bob")])

    started = replace(make_start("compare"), rules=Rules(vote_s=3.0))
    run, _ = conduct_run("compare", {}, vote, started=started)
    end = [text for lane, text in run.place.read_texts() if lane.stage == "end"]
    assert "Votes: Bob 1." in end[-1]
