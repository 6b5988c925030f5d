"""Deleted runs leave nothing: no byte of their texts in the files, in copies made later, or by what comes late."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

from bot.actions.retention import erase_expired
from bot.domain.facts import CaughtUp, Deleted, Interjected, RunFinished
from bot.domain.run import TurnId
from bot.ports.process import Clock
from bot.ports.store import Fenced, PostedPage
from bot.settings.platforms import ServerSettings
from bot.settings.settings import Settings, StorageSettings
from storage import SqlStore, erasure, open_store
from storage.backup import back_up, examine_database
from storage.batch import Erase
from storage.locations import Location
from tests.support.kept_runs import find_words, mark, store_run
from tests.support.transcripts import make_start

RUNS = [f"r{n}" for n in range(12)]
DAY_S = 86_400.0


def ticking() -> Clock:
    return itertools.count(1_000.0).__next__


@pytest.fixture
async def store(location: Location) -> AsyncIterator[SqlStore]:
    """Yield a store with whole runs in it, begun one in the middle of another, as people begin them."""
    dice = Random(22)
    async with open_store(location, clock=ticking()) as opened:
        await asyncio.gather(*(store_run(opened, run, Random(dice.random())) for run in RUNS))
        yield opened


async def test_no_byte_of_a_deleted_run_is_left(tmp_path: Path, location: Location, store: SqlStore) -> None:
    marks = [mark(run) for run in RUNS]
    assert find_words(location, *marks) == marks
    for n, run in enumerate(RUNS[:9]):  # each leaves its neighbours' rows to be moved together
        await store.append(run, [Deleted("ann")])
        await store.erase_runs([run])
        assert find_words(location, *marks) == marks[n + 1 :]
        assert not await store.read(run)
        assert not await store.snapshots(run)
    assert (await examine_database(location)).wrong == ()
    if isinstance(location, Path):
        await back_up(location, tmp_path / "copy.db")
        assert find_words(tmp_path / "copy.db", *marks) == marks[9:]
    assert [row.run for row in await store.runs()] == ["r11", "r10", "r9"]


async def test_what_a_deleted_run_has_cost_stays_without_a_name(store: SqlStore) -> None:
    before = await store.costs("model", 0.0)
    await store.erase_runs(RUNS[:5])
    assert await store.costs("model", 0.0) == before
    assert {row.name: row.calls for row in await store.costs("person", 0.0)} == {"": 5, "ann": 7}


async def test_a_run_that_is_deleted_while_it_goes_on_takes_nothing_more(location: Location, store: SqlStore) -> None:
    turn, late = TurnId("answer", 1, "ada"), "words that come late"
    epoch = await store.claim("r0", "me")
    await store.erase_runs(["r0"])
    await store.append("r0", [Interjected("ann", late)], key="an event")
    for owned in (
        store.append("r0", [RunFinished("verdict")], epoch=epoch),
        store.snapshot("r0", turn, late, epoch=epoch),
        store.record_page("r0", PostedPage("discord:1", turn.lane, 2, "discord:2"), epoch=epoch),
        store.claim("r0", "another"),
    ):
        with pytest.raises(Fenced, match="run r0 is deleted"):
            await owned
    assert await store.read("r0") == []
    assert "r0" not in [*await store.unfinished_runs(), *(row.run for row in await store.runs())]
    assert find_words(location, late, mark("r0")) == []
    assert [page.ref for page in await store.posted_pages("r0")] == ["discord:r0"]  # to be deleted there


async def test_a_long_run_goes_in_shares_between_which_others_write(
    monkeypatch: pytest.MonkeyPatch, store: SqlStore
) -> None:
    monkeypatch.setattr(erasure, "SHARE_ROWS", 3)
    written: list[object] = []
    write = store._writer.write

    async def note(item: object) -> int | None:
        written.append(item)
        return await write(item)  # type: ignore[arg-type]

    monkeypatch.setattr(store._writer, "write", note)
    await asyncio.gather(store.erase_runs(["r0"]), *(store.put(f"{n}", n) for n in range(3)))
    assert sum(isinstance(item, Erase) for item in written) > 5
    assert not isinstance(written[2], Erase)
    assert await store.read("r0") == []


async def test_an_erasing_that_was_cut_off_is_finished_by_the_next_process(location: Location) -> None:
    now = [1_000.0]
    async with open_store(location, clock=lambda: now[0]) as store:
        for run in ("cut", "noted", "kept"):
            await store_run(store, run, Random(1))
        await store.append("noted", [Deleted("ann")])
        await store._writer.write(Erase("cut", 1_000.0))
    async with open_store(location, clock=lambda: now[0]) as store:
        await store.tidy()
        assert find_words(location, mark("cut"), mark("noted"), mark("kept")) == [mark("kept")]
        assert await store.find_page("discord:cut")
        now[0] += 2 * DAY_S
        await store.tidy()
        assert await store.find_page("discord:cut") is None  # nobody needs to know any more where it stood
        assert await store.find_page("discord:kept")
        assert (await examine_database(location)).runs == 1


async def test_runs_go_once_they_are_older_than_their_server_keeps_them(location: Location) -> None:
    now = [0.0]
    settings = Settings(
        storage=StorageSettings(keep_days=90.0),
        servers={"short": ServerSettings(keep_days=7.0), "long": ServerSettings(keep_days=float("inf"))},
    )
    async with open_store(location, clock=lambda: now[0]) as store:
        for day in (0, 85, 99):
            now[0] = day * DAY_S
            for server in ("", "discord:any", "discord:short", "discord:long"):
                await store.append(f"{day} {server}", [replace(make_start("compare"), server=server), CaughtUp()])
        now[0] = 100 * DAY_S
        assert await erase_expired(store, settings, now[0], lambda run: run == "0 discord:any") == 3
        left = {row.run for row in await store.runs()}
    assert left == {
        *("85 ", "99 ", "0 discord:any", "85 discord:any", "99 discord:any", "99 discord:short"),
        *("0 discord:long", "85 discord:long", "99 discord:long"),
    }
