"""Runs are found by their words, whatever people type, and by who asked, where and what became of them."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from bot.domain.facts import CaughtUp, Interjected, RunFinished, TurnEnded
from bot.domain.run import TurnId
from bot.ports import RunFilter, Store
from storage import open_store
from storage.words import list_words, match_text
from tests.support.kept_runs import find_in_files
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
        await store.append(run, [start])
        said = TurnEnded(TurnId("answer", 1, "ada"), "done", answer)
        await store.append(run, [said, Interjected("ann", f"remark {run}"), RunFinished(outcome), CaughtUp()])
    await store.append("open", [replace(make_start("debate"), question="Still spaces?", by="tabs", server="discord:1")])


@asynccontextmanager
async def on_disk(directory: Path) -> AsyncIterator[Store]:
    async with open_store(directory / "moot.db", clock=itertools.count(1_000.0).__next__) as store:
        yield store


@asynccontextmanager
async def in_memory(_: Path) -> AsyncIterator[Store]:
    yield MemoryStore(itertools.count(1_000.0).__next__)


@pytest.fixture(params=[on_disk, in_memory], ids=["on disk", "in memory"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    async with request.param(tmp_path) as opened:
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


@pytest.mark.parametrize("typed", FOUND)
async def test_whatever_is_typed_is_words(store: Store, typed: str) -> None:
    assert [row.run for row in await store.runs(20, None, RunFilter(words=typed))] == FOUND[typed]


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


async def test_the_index_holds_no_word_and_forgets_a_deleted_run(tmp_path: Path) -> None:
    path = tmp_path / "moot.db"
    async with on_disk(tmp_path) as store:
        await fill(store)
        await store.erase_runs(list(ASKED)[:1])
        assert [row.run for row in await store.runs(20, None, RunFilter(words="spaces"))] == ["open"]
        assert find_in_files(path, "Tabs or", "tabs ", "caf", "Still spaces") == ["Still spaces"]


async def test_runs_from_before_there_was_an_index_enter_it(tmp_path: Path) -> None:
    async with open_store(tmp_path / "moot.db", clock=itertools.count(1_000.0).__next__) as store:
        await fill(store)
        await store._writer.database.transact(lambda conn: conn.execute(text("DELETE FROM searched")))
        await store._writer.database.transact(
            lambda conn: conn.execute(text("INSERT INTO run_words (run_words) VALUES ('delete-all')"))
        )
        assert await store.runs(20, None, RunFilter(words="remark")) == []
        await store.tidy()
        assert [row.run for row in await store.runs(20, None, RunFilter(words="remark"))] == ["odd", "text", "tabs"]


def test_words_of_a_text() -> None:
    assert list_words("Ça va? C++, c# and\nNAÏVE_x") == ["ca", "va", "c++", "c", "c#", "and", "naive_x"]
    assert list_words("日本 👍🏽") == ["日", "本", "日本", "👍", "🏽"]
    assert match_text("👍 ?!") == match_text("👍")
    assert match_text("?!") == ""
