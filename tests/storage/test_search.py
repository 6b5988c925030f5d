"""Runs are found by their words, whatever people type, and by who asked, where and what became of them."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest
from sqlalchemy import text

from bot.domain.facts import Archived, CaughtUp, Interjected, Named, Restored, RunFinished, TurnEnded
from bot.domain.run import TurnId
from bot.ports.process import Clock
from bot.ports.store import RunFilter, Store
from storage import SqlStore, open_store
from storage.locations import Location
from storage.search import MAX_WORDS
from storage.words import MAX_TEXT_CHARS, list_words, match_text
from tests.support.kept_runs import find_words
from tests.support.stores import MemoryStore
from tests.support.transcripts import make_start

ASKED = {
    "tabs": ("Tabs or spaces?", "Use C++ and a café 👍", "verdict"),
    "text": ("日本語の文章ですか", "naïve Straße", "verdict"),
    "odd": ('x AND "y"', "\0 quoted \ud83d NEAR عربي", "failed"),
}


async def fill(store: Store) -> None:
    for n, (run, (question, answer, outcome)) in enumerate(ASKED.items()):
        start = replace(make_start("compare"), question=question, by=run, server="discord:1", channel=f"{n}")
        await store.append(run, [replace(start, panel_name="fast" if run == "odd" else "")])
        said = TurnEnded(TurnId("answer", 1, "ada"), "done", answer)
        await store.append(run, [said, Interjected("ann", f"remark {run}"), RunFinished(outcome), CaughtUp()])
    await store.append("open", [replace(make_start("debate"), question="Still spaces?", by="tabs", server="discord:1")])


def ticking() -> Clock:
    return itertools.count(1_000.0).__next__


@pytest.fixture(params=["memory", "sqlite", "postgres"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    if request.param == "memory":
        kept = MemoryStore(ticking())
        await fill(kept)
        yield kept
        return
    location: Location = tmp_path / "moot.db" if request.param == "sqlite" else request.getfixturevalue("postgres")
    async with open_store(location, clock=ticking()) as opened:
        await fill(opened)
        yield opened


FOUND = {
    "tabs": ["tabs"],
    "SPACES tabs": ["tabs"],
    "spaces": ["open", "tabs"],
    "tabs nowhere": [],
    "c++": ["tabs"],
    "c": ["tabs"],
    "cafe": ["tabs"],
    "👍": ["tabs"],
    "👎": [],
    "日本": ["text"],
    "本語の": ["text"],
    "語": ["text"],
    "語本": [],
    "STRASSE": ["text"],
    "عربي": ["odd"],
    '"quoted': ["odd"],
    "near*": ["odd"],
    "x:y": ["odd"],
    "-tabs": ["tabs"],
    "x AND y": ["odd"],
    "tabs OR nowhere": [],
    "NOT": [],
    "' ; DROP TABLE runs --": [],
    "(": [],
    '"': [],
    "*": [],
    "remark": ["odd", "text", "tabs"],
}


async def test_whatever_is_typed_is_words(store: Store) -> None:
    found = {typed: [row.run for row in await store.runs(20, None, RunFilter(words=typed))] for typed in FOUND}
    assert found == FOUND


async def test_filters_narrow_the_list(store: Store) -> None:
    async def list_runs(**wanted: Any) -> list[str]:
        return [row.run for row in await store.runs(20, "discord:1", RunFilter(**wanted))]

    assert await list_runs() == ["open", "odd", "text", "tabs"]
    assert await list_runs(by="tabs") == ["open", "tabs"]
    assert await list_runs(by="tabs", state="over") == ["tabs"]
    assert await list_runs(state="open") == await list_runs(format="debate") == ["open"]
    assert await list_runs(state="failed") == ["odd"]
    assert await list_runs(channel="1") == ["open", "text"]  # of the open one it is not known where it was asked
    assert await list_runs(skip=1, words="remark") == ["text", "tabs"]
    assert await list_runs(panel="fast") == ["odd"]


async def test_a_run_is_listed_by_its_name_and_archived_ones_when_asked_for(store: Store) -> None:
    async def list_runs(**wanted: Any) -> dict[str, str]:
        return {row.run: row.title for row in await store.runs(20, "discord:1", RunFilter(**wanted))}

    await store.append("tabs", [Named("tabs", "Indenting \ud83d"), Archived("ann")])
    await store.append("odd", [Named("ann", "Passing"), Named("ann", ""), Archived("ann"), Restored("ann")])
    assert await list_runs(words="indenting") == {"tabs": "Indenting \ud83d"}
    assert await list_runs(words="passing") == {"odd": ASKED["odd"][0]}
    assert set(await list_runs()) == {"open", "odd", "text", "tabs"}  # as leaderboards read them
    assert set(await list_runs(listed=True)) == {"open", "odd", "text"}
    assert set(await list_runs(listed=True, state="archived")) == {"tabs"}


async def test_the_index_holds_no_word_and_forgets_a_deleted_run(location: Location) -> None:
    async with open_store(location, clock=ticking()) as store:
        await fill(store)
        await store.erase_runs(list(ASKED)[:1])
        assert [row.run for row in await store.runs(20, None, RunFilter(words="spaces"))] == ["open"]
        assert find_words(location, "Tabs or", "tabs ", "caf", "Still spaces") == ["Still spaces"]


async def test_runs_from_before_there_was_an_index_enter_it(location: Location) -> None:
    empty = "INSERT INTO run_words (run_words) VALUES ('delete-all')"
    async with open_store(location, clock=ticking()) as store:
        await fill(store)
        await store._writer.database.transact(lambda conn: conn.execute(text("DELETE FROM searched")))
        await store._writer.database.transact(
            lambda conn: conn.execute(text(empty if isinstance(location, Path) else "DELETE FROM run_words"))
        )
        assert await store.runs(20, None, RunFilter(words="remark")) == []
        await store.tidy()
        assert [row.run for row in await store.runs(20, None, RunFilter(words="remark"))] == ["odd", "text", "tabs"]


MANY, MOST_PARTS = 100, 10  # without merging there are two dozen parts


async def test_an_index_that_grows_and_shrinks_stays_in_few_parts(tmp_path: Path) -> None:
    async with open_store(tmp_path / "moot.db", clock=ticking()) as store:
        for n in range(MANY):
            start = replace(make_start("compare"), question=f"{' '.join(f'word{n * m}' for m in range(300))}?")
            await store.append(f"r{n}", [start])
        assert await count_parts(store) <= MOST_PARTS
        await store.erase_runs([f"r{n}" for n in range(MANY // 2)])
        assert await count_parts(store) <= MOST_PARTS
        assert [row.run for row in await store.runs(20, None, RunFilter(words="word51"))] == ["r51"]


async def count_parts(store: SqlStore) -> int:
    parts = text("SELECT count(DISTINCT segid) FROM run_words_idx")
    return int(await store._writer.database.transact(lambda conn: conn.scalar(parts)) or 0)


def test_words_of_a_text() -> None:
    assert list_words("Ça va? C++, c# and\nNAÏVE_x") == ["ca", "va", "c++", "c", "c#", "and", "naive_x"]
    assert list_words("日本 👍🏽") == ["日", "本", "日本", "👍", "🏽"]
    assert match_text("👍 ?!") == match_text("👍")
    assert match_text("?!") == ""


async def test_a_run_of_more_words_than_an_index_holds_is_found_by_the_first(postgres: str) -> None:
    """A tsvector ends at 1 MiB, which a text without spaces fills with each two signs that follow each other."""
    signs = [chr(sign) for sign in range(0x4E00, 0x9FFF)]
    long = "".join(Random(1).choices(signs, k=MAX_TEXT_CHARS))
    assert len(list_words(long)) > MAX_WORDS
    async with open_store(postgres, clock=ticking()) as store:
        await store.append("r", [replace(make_start("compare"), question=long)])
        assert [row.run for row in await store.runs(20, None, RunFilter(words=long[:9]))] == ["r"]
