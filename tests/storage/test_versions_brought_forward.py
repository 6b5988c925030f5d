"""Databases of every earlier version, brought forward with all that they hold."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from bot.domain.facts import (
    Archived,
    CaughtUp,
    Deleted,
    Interjected,
    Named,
    RunFinished,
    RunStarted,
    TurnEnded,
    VoteCast,
)
from bot.domain.run import LaneId, TurnId
from bot.domain.spending import Balance, Payer
from bot.domain.transcript import Entry
from bot.errors import Misconfigured
from bot.ports.spending import Call
from bot.ports.store import PostedPage, RunFilter, RunRow, Snapshot
from storage import open_store
from storage.locations import Location
from storage.schema import HEAD
from tests.support import earlier_databases
from tests.support.earlier_databases import (
    make_0001,
    make_0002,
    make_0003,
    make_0004,
    make_0005,
    make_0006,
    make_0008,
    make_0009,
    tables,
    take_back,
    ticking,
)
from tests.support.paths import ROOT
from tests.support.transcripts import make_start


async def test_a_database_of_the_second_version_is_brought_forward(tmp_path: Path) -> None:
    path, turn = tmp_path / "moot.db", TurnId("answer", 1, "claude")
    make_0002(path)
    async with open_store(path, clock=ticking()) as store:
        assert [(row.run, row.outcome) for row in await store.runs(server="discord:1")] == [
            ("open", ""),
            ("over", "verdict"),
        ]
        facts = [entry.fact for entry in await store.read("over")]
        assert facts[3] == TurnEnded(turn, "done", "Because \ud83d.")
        assert facts[4] == RunFinished("verdict")
        assert await store.snapshots("over") == [Snapshot(turn, 11.5, 0, "Because")]
        placed = PostedPage("discord/1", turn.lane, 1, "discord:1/2")
        assert await store.posted_pages("over") == [placed]
        assert await store.find_page("discord:1/2") == ("over", placed)
        assert await store.documents("discord/") == {"discord/1/words": ["rude"]}
        await store.append("open", [Interjected("ann", "hello")], key="event")  # taken before
        assert len(await store.read("open")) == 1
        assert await store.claim("over", "two") == 3
        await store.append("open", [RunFinished("verdict")])
        assert {row.outcome for row in await store.runs()} == {"verdict"}


async def test_a_database_of_the_third_version_is_read(tmp_path: Path) -> None:
    path, lane = tmp_path / "moot.db", TurnId("answer", 1, "claude").lane
    make_0003(path)
    async with open_store(path, clock=ticking()) as store:
        # what was over before was seen, as far as can be known
        assert await store.unfinished_runs() == ["open", "ended"]
        assert await store.posted_pages("over") == [
            PostedPage("discord/1", lane, 1, "discord:1/2", "digest"),
            PostedPage("discord/1", lane, 2, ""),
        ]


async def test_a_database_of_the_fourth_version_is_read(tmp_path: Path) -> None:
    path = tmp_path / "moot.db"
    make_0004(path)
    async with open_store(path, clock=ticking()) as store:
        assert await store.picture_size("digest") == 5
        assert [await store.picture_piece("digest", number) for number in range(3)] == [b"abc", b"de", None]
        assert await store.picture_bytes("ann", "discord:2") == (5, 0, 5)


async def test_a_database_of_the_fifth_version_is_read(tmp_path: Path) -> None:
    path, payer = tmp_path / "moot.db", Payer("open", "ann", "discord:1", "council")
    make_0005(path)
    async with open_store(path, clock=ticking()) as store:
        assert (await store.balances(payer, 20.0))[0] == Balance(1000, 500)
        await store.settle(Call("call", payer, 20.0, "claude"), 500, 200, 1.0)
        assert (await store.balances(payer, 20.0))[0] == Balance(1200, 0)


RUNS, VOTES = 6, 200  # more facts than the migration reads at once


async def fill_0008(location: Location) -> None:
    """Take a full database back to the eighth version, which knew no panels, names or leases."""
    async with open_store(location, clock=ticking()) as store:
        for n in range(RUNS):
            start = replace(make_start("compare"), by="ann", panel_name="fast" if n % 2 else "")
            votes = [VoteCast("bob", 1, ("ada", "bob")[vote % 2]) for vote in range(VOTES)]
            await store.append(f"r{n}", [start, *votes, RunFinished("compared"), CaughtUp()])
    take_back(location, "0008")


async def test_acts_of_the_first_version_are_found_and_the_ninth_can_be_taken_back(tmp_path: Path) -> None:
    path = tmp_path / "moot.db"
    make_0008(path)
    before = tables(path)
    async with open_store(path, clock=ticking(), read_only=True) as store:  # beside a bot of the eighth
        assert set(await store.acts("ann")) == {"ended", "open", "over"}
        assert [row.name for row in await store.runs(9, None, RunFilter(listed=True))] == ["", "", ""]
    async with open_store(path, clock=ticking()) as store:
        assert set(await store.acts("ann")) == {"ended", "open", "over"}
        await store.append("open", [Named("ann", "Ways")])
        assert [row.name for row in await store.runs(9, None, RunFilter(words="ways"))] == ["Ways"]
    take_back(path, "0008")
    assert tables(path) == before
    async with open_store(path, clock=ticking()) as store:
        assert set(await store.acts("ann")) == {"ended", "open", "over"}


async def test_the_eighth_version_is_brought_forward_with_all_it_holds(location: Location) -> None:
    await fill_0008(location)
    async with open_store(location, clock=ticking()) as store:
        assert {person: set(await store.acts(person)) for person in ("ann", "bob", "cyd")} == {
            "ann": {f"r{n}" for n in range(RUNS)},
            "bob": {f"r{n}" for n in range(RUNS)},
            "cyd": set(),
        }
        assert len(await store.runs(RUNS, wanted=RunFilter(panel="fast", listed=True))) == RUNS / 2
        assert [row.name for row in await store.runs(2)] == ["", ""]
        await store.append("r0", [Named("ann", "Ways"), Archived("ann")])
        assert [row.run for row in await store.runs(9, wanted=RunFilter(words="ways", state="archived"))] == ["r0"]
        assert await store.runs_to_ask(1e12) == []
        assert await store.claim("r1", "one") == 1


async def test_runs_of_the_first_version_are_found_by_who_asked_and_by_words(tmp_path: Path) -> None:
    make_0009(tmp_path / "moot.db")
    async with open_store(tmp_path / "moot.db", clock=ticking()) as store:
        await store.tidy()
        assert [row.run for row in await store.runs(9, None, RunFilter(by="ann", words="why"))] == ["ended", "over"]


async def test_a_database_of_the_sixth_version_is_read(tmp_path: Path) -> None:
    make_0006(tmp_path / "moot.db")
    async with open_store(tmp_path / "moot.db", clock=ticking()) as store:
        assert [(row.usd, row.own_usd) for row in await store.costs("model", 0.0)] == [(0.0003, 0.0003)]


async def test_costs_of_the_fifth_version_are_read_beside_its_bot(tmp_path: Path) -> None:
    make_0005(tmp_path / "moot.db")
    async with open_store(tmp_path / "moot.db", clock=ticking(), read_only=True) as store:
        assert [(row.usd, row.own_usd) for row in await store.costs("model", 0.0)] == [(0.0005, 0.0)]


def test_every_released_version_is_brought_forward_by_a_test() -> None:
    released = {
        revision.revision for revision in ScriptDirectory(str(ROOT / "storage" / "migrations")).walk_revisions()
    }
    assert {f"make_{version}" for version in released} <= vars(earlier_databases).keys(), (
        "fill one as it was, and read all of it"
    )


async def test_a_database_of_the_first_version_is_brought_forward(tmp_path: Path) -> None:
    path, turn = tmp_path / "moot.db", TurnId("answer", 1, "claude")
    make_0001(path)
    with pytest.raises(Misconfigured, match=f"version 0001.*{HEAD}.*run the bot once"):
        async with open_store(path, clock=ticking(), read_only=True):
            pass
    async with open_store(path, clock=ticking()) as store:
        assert await store.runs() == [
            RunRow("open", 20.0, "council", "How?", ""),
            RunRow("over", 10.0, "council", "Why \ud83d?", "verdict"),
        ]
        assert [row.run for row in await store.runs(server="")] == ["open", "over"]
        assert await store.unfinished_runs() == ["open"]
        start = (await store.read("over"))[1].fact
        assert isinstance(start, RunStarted)
        assert (start.question, start.server, start.images) == ("Why \ud83d?", "", ())
        assert await store.snapshots("open") == [Snapshot(turn, 22.0, 0, "So far")]

        await store.append("open", [Interjected("ann", "hello")], key="event")  # taken before
        await store.append("open", [RunFinished("verdict")])
        assert (await store.read("open", after=2)) == [Entry(3, 1_001.0, RunFinished("verdict"))]
        assert await store.claim("over", "two") == 2
        await store.record_page("over", PostedPage("discord/1", LaneId("answer", 1, "claude"), 1, "discord:1"), epoch=2)
        await store.append("over", [Deleted("ann")])
        assert [(row.run, row.outcome) for row in await store.runs()] == [("open", "verdict")]
