"""A person who is forgotten leaves nothing in others' runs: no byte of what they said, and no name."""

from __future__ import annotations

import itertools

import pytest

from bot.domain.codec import FACTS
from bot.domain.facts import (
    CaughtUp,
    Guessed,
    Interjected,
    Objected,
    RoundVoteCast,
    RunFinished,
    Stopped,
    Upvoted,
    VoteCast,
    VoteWithdrawn,
)
from bot.domain.personal import PERSONAL_KINDS, TAKEN_BACK
from bot.domain.spending import Asked, Payer
from bot.domain.transcript import Transcript, fold_all
from bot.ports.spending import Call
from bot.ports.store import RunFilter
from bot.records.record import make_record, read_record, write_record
from storage import SqlStore, open_store, people
from storage.backup import examine_database
from storage.locations import Location
from tests.support.kept_runs import find_words
from tests.support.transcripts import make_start

EVE, BOB = "discord:31337", "discord:42"
SAID = ("quietsecret", "loudsecret", "evesname")
ACTS = (
    Interjected(EVE, f"think of {SAID[0]} " * 300, SAID[2]),
    Interjected(BOB, "think of tea", "bob"),
    Objected(EVE, f"but {SAID[1]}", SAID[2]),
    Upvoted(1, BOB),
    VoteCast(EVE, 1, "ada"),
    VoteCast(BOB, 1, "ada"),
    VoteWithdrawn(EVE, 1),
    Guessed(EVE, "ada", "Ada", SAID[2]),
    RoundVoteCast(EVE, 1, "end"),
    Stopped(EVE),
)


async def store_talk(store: SqlStore, run: str) -> None:
    await store.append(run, [make_start("debate"), *ACTS, RunFinished("stopped"), CaughtUp()])


async def test_no_byte_of_what_a_person_said_is_left_and_others_stay(location: Location) -> None:
    async with open_store(location, clock=itertools.count(1_000.0).__next__) as store:
        for run in ("r1", "r2", "r3"):
            await store_talk(store, run)
        assert set(await store.acts(EVE)) == {"r1", "r2", "r3"}
        assert find_words(location, *SAID) == list(SAID)
        await store.forget_acts(EVE, ["r1", "r2", "r3"])
        assert find_words(location, *SAID) == []
        assert await store.acts(EVE) == {}
        assert [type(entry.fact) for entry in (await store.acts(BOB))["r2"]] == [Interjected, Upvoted, VoteCast]
        assert [row.run for row in await store.runs(wanted=RunFilter(words="tea"))] == ["r3", "r2", "r1"]
        assert await store.runs(wanted=RunFilter(words="quietsecret")) == []
    assert (await examine_database(location)).wrong == ()


async def test_a_run_reads_on_without_them_and_is_exported_and_imported(location: Location) -> None:
    async with open_store(location, clock=itertools.count(1_000.0).__next__) as store:
        await store_talk(store, "r1")
        await store.forget_acts(EVE, ["r1"])
        t = fold_all(Transcript(), await store.read("r1"))
        assert t.votes == {(BOB, 1): "ada"}
        assert [remark.text for remark in t.remarks] == ["think of tea"]
        assert not t.guesses
        [objection] = t.steering.objections
        assert (objection.said.text, objection.who, objection.upvotes) == (TAKEN_BACK, "somebody", frozenset({BOB}))
        assert t.stopped is not None
        assert t.stopped.by.startswith("forgotten:")
        assert {by for by, _ in t.steering.round_votes} == {t.stopped.by}
        record = make_record("r1", t, [])
        assert read_record(write_record(record)) == record
        await store.append("r1", [VoteCast(BOB, 1, "bob")])  # what comes later finds its number


async def test_a_person_is_found_however_many_runs_there_are(
    location: Location, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(people, "RUNS_LOOKED_AT", 2)
    async with open_store(location, clock=itertools.count(1_000.0).__next__) as store:
        for n in range(5):
            await store_talk(store, f"r{n}")
        await store.erase_runs(["r3"])
        assert list(await store.acts(EVE)) == ["r0", "r1", "r2", "r4"]


async def test_a_call_in_direct_messages_is_of_nobody_once_its_run_is_deleted(location: Location) -> None:
    direct = "discord:@31337"
    async with open_store(location, clock=itertools.count(1_000.0).__next__) as store:
        await store.append("r1", [make_start("compare"), CaughtUp()])
        call = Call("c1", Payer("r1", EVE, direct, "compare"), 1_000.0, "ada")
        await store.settle(call, await store.reserve(call, (None,) * 5, Asked(1_000, 1)), 900, 1.0)
        before = await store.costs("model", 0.0)
        await store.erase_runs(["r1"])
        assert await store.costs("model", 0.0) == before
        assert await store.costs("model", 0.0, direct) == []


def test_every_fact_of_a_person_is_known_as_one() -> None:
    assert set(PERSONAL_KINDS) == {name for name, kind in FACTS.items() if "by" in kind.__annotations__}
