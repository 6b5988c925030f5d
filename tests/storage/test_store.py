"""What every store does, the one on disk and the one without."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Protocol

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.domain.codec import encode
from bot.domain.facts import (
    CaughtUp,
    Claimed,
    Deleted,
    Fact,
    Interjected,
    RunFinished,
    RunStarted,
    Stopped,
    TurnEnded,
    TurnStarted,
    ViewAttached,
)
from bot.domain.run import Panel, Rules, Seat, TurnId, Usage
from bot.domain.transcript import Entry, Transcript, fold_all
from bot.ports.process import Clock
from bot.ports.store import DocumentStore, Fenced, Json, PostedPage, Snapshot, Store
from storage import open_store
from storage.batch import Append, Batch, Show
from storage.locations import Location
from tests.support.stores import MemoryStore, replay_snapshots

TURN = TurnId("answer", 1, "claude")
OTHER = TurnId("answer", 1, "gpt")
ODD = "NUL \0, half an emoji \ud83d, عربي, 🤖"  # what models write, and databases choke on


class StoreAndShelf(Store, DocumentStore, Protocol):
    pass


def started(question: str, server: str = "") -> RunStarted:
    panel = Panel((Seat("claude", "claude", "Claude"), Seat("gpt", "gpt", "GPT")))
    prompts = {"answer": "Be brief."}
    return RunStarted("council", question, panel, Rules(), seed=7, prompts=prompts, by="ann", server=server)


def page(ref: str, number: int = 1, turn: TurnId = TURN, address: str = "discord/1/2") -> PostedPage:
    return PostedPage(address, turn.lane, number, ref)


def remark(text: str) -> Interjected:
    return Interjected("ann", text)


async def remarks(store: Store, run: str) -> list[str]:
    return [entry.fact.text for entry in await store.read(run) if isinstance(entry.fact, Interjected)]


def ticking() -> Clock:
    """Each look at it is a second later."""
    return itertools.count(1_000.0).__next__


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[StoreAndShelf]:
    if request.param == "memory":
        yield MemoryStore(ticking())
        return
    location: Location = tmp_path / "moot.db" if request.param == "sqlite" else request.getfixturevalue("postgres")
    async with open_store(location, clock=ticking()) as opened:
        yield opened


async def test_facts_are_read_back_in_order_with_their_times(store: Store) -> None:
    ended = TurnEnded(TURN, "done", "Yes.", Usage(3, 2, 0, "reported"), cost_usd=0.004)
    facts: list[Fact] = [started("Why?"), TurnStarted(TURN, (OTHER,)), ended]
    await store.append("r", facts[:1])
    await store.append("elsewhere", [Stopped("bob")])
    await store.append("r", facts[1:])
    assert await store.read("r") == [
        Entry(1, 1_000.0, facts[0]),
        Entry(2, 1_002.0, facts[1]),
        Entry(3, 1_002.0, facts[2]),
    ]
    assert [entry.seq for entry in await store.read("r", after=2)] == [3]
    assert await store.read("nowhere") == []


async def test_any_text_comes_back_as_it_was(store: Store) -> None:
    await store.append("r", [remark(ODD)])
    await store.snapshot("r", TURN, ODD)
    assert await remarks(store, "r") == [ODD]
    assert [text for _, _, text in replay_snapshots(await store.snapshots("r"))] == [ODD]


async def test_a_claim_is_stored_and_fences_off_the_owner_before(store: Store) -> None:
    first = await store.claim("r", "one")
    await store.append("r", [remark("of the first")], epoch=first)
    second = await store.claim("r", "two")
    assert second > first
    with pytest.raises(Fenced):
        await store.append("r", [remark("too late")], epoch=first, key="event")
    with pytest.raises(Fenced):
        await store.snapshot("r", TURN, "too late", epoch=first)
    with pytest.raises(Fenced):
        await store.record_page("r", page("discord:late"), epoch=first)
    await store.snapshot("r", TURN, "in time", epoch=second)
    await store.record_page("r", page("discord:in time"), epoch=second)
    assert await store.posted_pages("r") == [page("discord:in time")]
    assert [text for _, _, text in replay_snapshots(await store.snapshots("r"))] == ["in time"]
    await store.append("r", [remark("of the second")], epoch=second, key="event")  # the fenced write did not take it
    await store.append("r", [remark("of a person")])
    assert [entry.fact for entry in await store.read("r")] == [
        Claimed("one"),
        remark("of the first"),
        Claimed("two"),
        remark("of the second"),
        remark("of a person"),
    ]


async def test_facts_of_a_claim_are_stored_with_it_and_once_for_a_key(store: Store) -> None:
    first = await store.claim("r", "one", [started("Why?"), remark("with it")], key="begin")
    second = await store.claim("r", "one", [started("Why?"), remark("with it")], key="begin")
    assert second > first
    assert [entry.fact for entry in await store.read("r")] == [
        started("Why?"),
        remark("with it"),
        Claimed("one"),
        Claimed("one"),
    ]
    assert await store.unfinished_runs() == ["r"]


async def test_nobody_owns_a_run_that_was_never_claimed(store: Store) -> None:
    with pytest.raises(Fenced):
        await store.append("r", [remark("mine")], epoch=1)
    with pytest.raises(Fenced):
        await store.record_page("r", page("discord:mine"), epoch=1)
    assert await store.read("r") == []
    assert await store.posted_pages("r") == []


async def test_an_event_is_taken_once_wherever_it_comes_again(store: Store) -> None:
    await asyncio.gather(*(store.append("r", [remark("hello")], key="event") for _ in range(20)))
    await store.append("r", [remark("hello")], key="event")
    await store.append("elsewhere", [remark("hello")], key="event")
    await store.append("r", [remark("another")], key="another event")
    assert await remarks(store, "r") == ["hello", "another"]
    assert await store.read("elsewhere") == []


async def test_a_thousand_appends_at_once_leave_no_gap(store: Store) -> None:
    async def person(who: int) -> None:
        for n in range(20):
            await store.append(f"run {(who + n) % 8}", [remark(f"{who}/{n}"), Stopped(str(who))])

    async with asyncio.TaskGroup() as people:
        for who in range(50):
            people.create_task(person(who))
    told = []
    for run in (f"run {n}" for n in range(8)):
        entries = await store.read(run)
        assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
        assert all(isinstance(e.fact, Interjected) == (e.seq % 2 == 1) for e in entries)  # what came together stays so
        told += await remarks(store, run)
    assert sorted(told) == sorted(f"{who}/{n}" for who in range(50) for n in range(20))


async def test_a_snapshot_keeps_what_was_appended(store: Store) -> None:
    for text in ("It", "It depends", "It depends", "It does", ""):
        await store.snapshot("r", TURN, text)
    await store.snapshot("r", OTHER, "No")
    shown = await store.snapshots("r")
    assert [(s.turn, s.kept, s.text) for s in shown] == [
        (TURN, 0, "It"),
        (TURN, 2, " depends"),
        (TURN, 4, "oes"),
        (TURN, 0, ""),
        (OTHER, 0, "No"),
    ]
    texts = [(turn, text) for turn, _, text in replay_snapshots(shown)]
    assert texts == [(TURN, "It"), (TURN, "It depends"), (TURN, "It does"), (TURN, ""), (OTHER, "No")]
    times = [s.at for s in shown]
    assert times == sorted(set(times))


async def test_runs_are_listed_newest_first(store: Store) -> None:
    await store.append("old", [started("Why?"), RunFinished("verdict"), RunFinished("another")])
    await store.append("new", [started("How?"), ViewAttached("discord/1/2")])
    await store.append("new", [ViewAttached("slack/3")])
    await store.claim("without a start", "one")
    rows = await store.runs()
    assert [row.addresses for row in rows] == [("discord/1/2", "slack/3"), ()]
    assert [(row.run, row.question, row.format, row.outcome) for row in rows] == [
        ("new", "How?", "council", ""),
        ("old", "Why?", "council", "verdict"),
    ]
    assert rows[0].started_at > rows[1].started_at == 1_000.0
    assert [row.run for row in await store.runs(limit=1)] == ["new"]


async def test_a_question_is_listed_as_it_was_asked(store: Store) -> None:
    await store.append("r", [started(ODD)])
    assert [row.question for row in await store.runs()] == [ODD]


async def test_a_server_sees_its_own_runs_and_nobody_sees_deleted_ones(store: Store) -> None:
    for run, server in (("a", "discord/1"), ("b", "discord/2"), ("c", "discord/1"), ("d", ""), ("e", "discord/1")):
        await store.append(run, [started("Why?", server)])
    await store.append("c", [Deleted("ann")])

    async def seen(server: str | None, limit: int = 50) -> list[str]:
        return [row.run for row in await store.runs(limit, server)]

    assert await seen(None) == ["e", "d", "b", "a"]
    assert await seen("discord/1") == ["e", "a"]
    assert await seen("discord/1", limit=1) == ["e"]
    assert await seen("") == ["d"]
    assert await seen("discord") == []
    assert len(await store.read("c")) == 2  # what it was made of is still to be read


async def test_runs_without_an_end_and_those_that_ended_since(store: Store) -> None:
    await store.append("open", [started("Why?")])  # at 1,000
    await store.append("long over", [started("Why?"), RunFinished("verdict")])
    await store.append("just over", [started("Why?")])
    await store.append("deleted", [started("Why?"), Deleted("ann")])
    await store.claim("without a start", "one")
    await store.append("just over", [RunFinished("verdict")])  # at 1,005
    assert await store.unfinished_runs() == ["open", "long over", "just over"]
    await store.append("long over", [CaughtUp(), Stopped("ann")])
    assert await store.unfinished_runs() == ["open", "just over"]


async def test_pages_are_found_by_their_run_and_by_their_message(store: Store) -> None:
    first, second, mirrored = page("discord:10"), page("discord:11", 2), page("slack:C1/5.0", address="slack/C1")
    other = page("discord:12", turn=TurnId("answer", 10, "gpt"))
    for placed in (mirrored, second, first, other):
        await store.record_page("r", placed)
    await store.record_page("elsewhere", page("discord:20"))
    assert await store.posted_pages("r") == [first, second, other, mirrored]
    assert await store.posted_pages("nowhere") == []
    assert await store.find_page("discord:11") == ("r", second)
    assert await store.find_page("discord:20") == ("elsewhere", page("discord:20"))
    assert await store.find_page("discord:1") is None


async def test_a_page_stands_in_its_last_message_and_a_message_shows_its_last_page(store: Store) -> None:
    await asyncio.gather(*(store.record_page("r", page(f"discord:{n}")) for n in range(20)))
    assert await store.posted_pages("r") == [page("discord:19")]
    await store.record_page("r", page("discord:20"))
    assert await store.find_page("discord:19") is None
    await store.record_page("r", page("discord:20"))  # once more changes nothing
    assert await store.posted_pages("r") == [page("discord:20")]
    await asyncio.gather(*(store.record_page("r", page("discord:20", number)) for number in (2, 3)))
    assert await store.posted_pages("r") == [page("discord:20", 3)]
    assert await store.find_page("discord:20") == ("r", page("discord:20", 3))


@pytest.mark.parametrize("seed", range(8))
async def test_pages_placed_at_once_stand_as_if_placed_one_after_another(store: Store, seed: int) -> None:
    drawn = random.Random(seed)
    moves = [page(drawn.choice(("", "a", "b", "c")), drawn.randrange(3)) for _ in range(30)]
    expected = MemoryStore(clock=lambda: 0.0)
    for move in moves:
        await expected.record_page("r", move)
    await asyncio.gather(*(store.record_page("r", move) for move in moves))
    assert await store.posted_pages("r") == await expected.posted_pages("r")


async def test_where_messages_stood_is_forgotten_by_their_address(store: Store) -> None:
    here, there = page("discord:19"), page("slack:C1/5.0", address="slack/C1")
    for placed in (here, there):
        await store.record_page("r", placed)
    await store.record_page("other", page("discord:20"))
    await store.forget_pages("r", here.address)
    assert await store.posted_pages("r") == [there]
    assert await store.find_page("discord:19") is None
    assert await store.find_page("discord:20") is not None


async def test_what_is_about_to_be_posted_has_no_message_yet(store: Store) -> None:
    await asyncio.gather(*(store.record_page("r", page("", number)) for number in (1, 2)))
    assert await store.posted_pages("r") == [page("", 1), page("", 2)]
    assert await store.find_page("") is None
    await store.record_page("r", replace(page("discord:20"), reads="0f"))
    assert await store.posted_pages("r") == [replace(page("discord:20"), reads="0f"), page("", 2)]


async def test_a_lane_whose_name_could_not_be_read_back_is_refused(location: Location) -> None:
    async with open_store(location, clock=ticking()) as store:
        with pytest.raises(ValueError, match="slash"):
            await store.record_page("r", page("discord:10", turn=TurnId("answer", 1, "meta/llama")))
        assert await store.posted_pages("r") == []


async def test_documents_are_kept_by_key(store: StoreAndShelf) -> None:
    panel: Json = {"seats": ["claude", "gpt"], "rounds": 2, "heat": 0.5, "judge": None, "open": True, ODD: [ODD, {}]}
    await store.put("discord/1/panel/fast", panel)
    await store.put("discord/1/words", ["rude"])
    await store.put("discord/10/words", "of another")
    await store.put("discord/1/words", ["rude", "ruder"])
    assert await store.documents("discord/1/") == {"discord/1/panel/fast": panel, "discord/1/words": ["rude", "ruder"]}
    assert await store.documents("discord/1/words") == {"discord/1/words": ["rude", "ruder"]}
    assert list(await store.documents("")) == ["discord/1/panel/fast", "discord/1/words", "discord/10/words"]
    assert (
        await store.documents("DISCORD")
        == await store.documents("discord/_")
        == await store.documents("discord%")
        == {}
    )
    await store.put("discord/1/überall 🤖", 1)
    assert list(await store.documents("discord/1/ü")) == list(await store.documents("discord/1/überall 🤖"))
    assert len(await store.documents("discord/1/")) == 3
    await store.put("discord/1/überall 🤖", None)
    await store.put("discord/1/words", None)
    await store.put("discord/1/words", None)  # there is nothing left to take away
    assert list(await store.documents("discord/1/")) == ["discord/1/panel/fast"]


async def test_the_last_of_many_puts_counts(store: StoreAndShelf) -> None:
    await asyncio.gather(*(store.put(f"{n % 3}", n if n < 298 else None) for n in range(300)))
    assert await store.documents("") == {"0": 297}


async def test_a_document_is_nobodys_to_change(store: StoreAndShelf) -> None:
    words = ["rude"]
    await store.put("words", words)
    words.append("ruder")
    assert await store.documents("words") == {"words": ["rude"]}


async def test_a_cancelled_append_is_stored_whole_or_not_at_all(store: Store) -> None:
    dice = random.Random(5)
    tasks = []
    for n in range(300):
        pair = [remark(f"{n} first"), remark(f"{n} second")]
        tasks.append(asyncio.create_task(store.append("r", pair)))
        if dice.random() < 0.3:
            await asyncio.sleep(0)
            dice.choice(tasks).cancel()
    ends = await asyncio.gather(*tasks, return_exceptions=True)
    entries = await store.read("r")
    texts = await remarks(store, "r")
    assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
    firsts, seconds = texts[::2], texts[1::2]
    assert [text.replace("first", "second") for text in firsts] == seconds
    assert {f"{n} first" for n, end in enumerate(ends) if end is None} <= set(firsts)


@given(st.lists(st.tuples(st.sampled_from([TURN, OTHER]), st.text("ab", max_size=4)), max_size=20))
def test_replay_gives_back_every_text_that_differed(shows: list[tuple[TurnId, str]]) -> None:
    batch = Batch(stored={}, taken=set(), shown={})
    expected: list[tuple[TurnId, str]] = []
    for turn, text in shows:
        batch.enter(Show("r", 0.0, str(turn), text, None))
        if text != next((t for seat, t in reversed(expected) if seat == turn), ""):
            expected.append((turn, text))
    turns = {str(turn): turn for turn in (TURN, OTHER)}
    kept = [Snapshot(turns[row["turn"]], row["at"], row["kept"], row["text"]) for row in batch.snapshots]
    assert [(turn, text) for turn, _, text in replay_snapshots(kept)] == expected


FACTS = st.sampled_from(
    [
        *(started("Why?", "discord/1"), started("How?", "discord/2"), RunFinished("verdict"), RunFinished("another")),
        *(Deleted("ann"), Claimed("one"), Stopped("ann"), ViewAttached("discord/1/2")),
    ]
)


@given(st.lists(st.lists(FACTS, max_size=4), max_size=4))
def test_a_runs_row_says_what_its_facts_fold_to(appends: list[list[Fact]]) -> None:
    batch = Batch(stored={}, taken=set(), shown={})
    for at, facts in enumerate(appends):
        batch.enter(Append("r", float(at), tuple(map(encode, facts)), None, None))
    times = [(float(at), fact) for at, facts in enumerate(appends) for fact in facts]
    t = fold_all(Transcript(), (Entry(seq, at, fact) for seq, (at, fact) in enumerate(times, 1)))
    head = batch.heads.get("r")
    assert (head is not None) == bool(appends)
    if head:
        assert head.seq == t.seq
        assert (head.server, head.format, head.question) == (
            (t.start.server, t.start.format, t.start.question) if t.start else (None, None, None)
        )
        assert (head.outcome, head.finished_at) == ((t.finished.outcome, t.finished_at) if t.finished else (None, None))
        assert (head.deleted_at is not None) == t.deleted
