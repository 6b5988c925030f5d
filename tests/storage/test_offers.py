"""Offers in every kind of store: one of a person, taken once, and gone in time without a byte left behind."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from bot.ports.offers import OFFER_S, KeptOffer, OfferStore
from storage import offers, open_store
from storage.locations import Location
from tests.support.clocks import ManualClock
from tests.support.earlier_databases import make_0014
from tests.support.kept_runs import find_words
from tests.support.stores import MemoryStore

ODD = "NUL \0, half an emoji \ud83d, عربي, 🤖"
SAID = "quietsecret"
PAT = KeptOffer("discord:1", {"question": f"{SAID} {ODD}", "images": [{"data": "A" * 10_000}]}, {"council": 0.1 + 0.2})
QUIN = replace(PAT, by="discord:2")


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def store(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> AsyncIterator[OfferStore]:
    if request.param == "memory":
        yield MemoryStore(clock)
        return
    location: Location = tmp_path / "moot.db" if request.param == "sqlite" else request.getfixturevalue("postgres")
    async with open_store(location, clock=clock) as opened:
        yield opened


async def test_an_offer_is_taken_once_and_then_says_what_for(store: OfferStore) -> None:
    await store.put_offer("a", PAT)
    assert await store.find_offer("a") == PAT
    assert await store.take_offer("a", "start")
    assert await store.find_offer("a") == replace(PAT, request=None, taken="start")
    assert not await store.take_offer("a", "cancel")
    assert not await store.take_offer("b", "start")
    assert await store.find_offer("b") is None


async def test_an_offer_that_is_put_back_stands_as_it_was(store: OfferStore) -> None:
    assert PAT.request is not None
    await store.put_offer("a", PAT)
    await store.take_offer("a", "start")
    await store.put_back_offer("a", PAT.request)
    assert await store.find_offer("a") == PAT
    assert await store.take_offer("a", "start")


async def test_a_later_one_of_the_same_person_replaces_it(store: OfferStore) -> None:
    assert PAT.request is not None
    for name, offer in (("a", PAT), ("b", QUIN)):
        await store.put_offer(name, offer)
    await store.take_offer("a", "start")
    await store.put_offer("c", PAT)
    await store.put_back_offer("a", PAT.request)  # too late: something else was asked meanwhile
    assert await store.find_offer("a") is None
    assert (await store.find_offer("b"), await store.find_offer("c")) == (QUIN, PAT)


async def test_it_stands_for_an_hour(store: OfferStore, clock: ManualClock) -> None:
    await store.put_offer("a", PAT)
    clock.now += OFFER_S - 1
    assert await store.find_offer("a") == PAT
    clock.now += 1
    assert not await store.take_offer("a", "start")
    assert await store.find_offer("a") is None


async def test_no_byte_of_an_old_one_is_left(location: Location, clock: ManualClock) -> None:
    async with open_store(location, clock=clock) as store:
        await store.put_offer("a", PAT)
        assert find_words(location, SAID) == [SAID]
        clock.now += OFFER_S
        await store.tidy()
        assert find_words(location, SAID, PAT.by) == []


async def test_no_byte_of_a_person_is_left_and_others_stay(location: Location, clock: ManualClock) -> None:
    async with open_store(location, clock=clock) as store:
        await store.put_offer("a", PAT)
        await store.put_offer("b", replace(QUIN, request={"question": "tea"}))
        assert (await store.has_offer(PAT.by), await store.has_offer("discord:3")) == (True, False)
        await store.forget_offer(PAT.by)
        assert find_words(location, SAID) == []
        assert (await store.has_offer(PAT.by), await store.has_offer(QUIN.by)) == (False, True)


async def test_the_oldest_make_room_for_new_ones(
    location: Location, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(offers, "MAX_CHARS", 25_000)  # two of them
    async with open_store(location, clock=clock) as store:
        for n in range(4):
            clock.now += 1
            await store.put_offer(f"{n}", replace(PAT, by=f"discord:{n}"))
        assert [await store.find_offer(f"{n}") is not None for n in range(4)] == [False, False, True, True]


async def test_it_is_there_after_a_restart(location: Location, clock: ManualClock) -> None:
    async with open_store(location, clock=clock) as store:
        await store.put_offer("a", PAT)
    async with open_store(location, clock=clock) as store:
        assert await store.find_offer("a") == PAT


async def test_of_two_processes_one_takes_it_and_one_offer_of_a_person_is_left(
    postgres: str, clock: ManualClock
) -> None:
    async with AsyncExitStack() as stack:
        here, there = [
            await stack.enter_async_context(open_store(postgres, clock=clock, shared=True)) for _ in range(2)
        ]
        for n in range(20):
            names = f"here {n}", f"there {n}"
            await asyncio.gather(*(s.put_offer(name, PAT) for s, name in zip((here, there), names, strict=True)))
            [left] = [name for name in names if await here.find_offer(name)]
            assert await there.find_offer(left) == PAT
            taken = await asyncio.gather(here.take_offer(left, "start"), there.take_offer(left, "cancel"))
            assert sorted(taken) == [False, True]
            found = await there.find_offer(left)
            assert found is not None
            assert found.taken == ("start" if taken[0] else "cancel")


async def test_a_reader_beside_an_earlier_version_finds_none(tmp_path: Path) -> None:
    make_0014(tmp_path / "moot.db")
    async with open_store(tmp_path / "moot.db", clock=ManualClock(), read_only=True) as store:
        assert not await store.has_offer(PAT.by)
