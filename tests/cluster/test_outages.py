"""What people do while the database of gateways and workers is away: taken once it is back, or they are told."""

from __future__ import annotations

import asyncio
import logging
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest
from structlog.testing import capture_logs

from bot.domain.facts import Fact, Interjected, RunFinished, SkipAsked, VoteCast
from storage import SqlStore
from tests.servers.discord import Message
from tests.servers.model_server import answer
from tests.support.postgres import OwnServer
from tests.support.roles_here import TownHere, count_lines, open_town_here, read_texts

LONG = answer(*["word "] * 3_000, gap_s=0.05)  # until it is skipped
DOWN_S = 3.0


@pytest.fixture
async def server() -> AsyncIterator[OwnServer]:
    made = await asyncio.to_thread(OwnServer, Path(tempfile.mkdtemp()) / "pg")
    yield made
    await asyncio.to_thread(made.close)


def find_said(thread: list[Message], who: str) -> Message:
    return next(message for message in thread if who in message.author.name)


async def read_facts(town: TownHere, wanted: Counter[type[Fact]]) -> list[Fact]:
    """Return the facts of the only run, once it has so many of these kinds."""
    found: list[Fact] = []

    async def has_wanted(store: SqlStore, run: str) -> bool:
        found[:] = [entry.fact for entry in await store.read(run)]
        return Counter(type(fact) for fact in found) >= wanted

    await town.wait_for_stored(has_wanted)
    return found


FULL = """
    CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
        'BEGIN RAISE EXCEPTION USING ERRCODE = ''53100'', MESSAGE = ''no space left on device''; END';
    DO $$ DECLARE name text; BEGIN
        FOR name IN SELECT tablename FROM pg_tables WHERE schemaname = 'public' LOOP
            EXECUTE format('CREATE TRIGGER full_disk BEFORE INSERT OR UPDATE ON %I EXECUTE FUNCTION refuse()', name);
        END LOOP;
    END $$
"""
ROOM = "DROP FUNCTION refuse CASCADE"


def execute(url: str, statement: LiteralString) -> None:
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(statement)


@pytest.mark.parametrize("trouble", ["away", "full"])
async def test_people_of_discord_are_told_or_what_they_do_is_taken_later(
    tmp_path: Path, server: OwnServer, caplog: pytest.LogCaptureFixture, trouble: str
) -> None:
    with capture_logs() as logged:
        async with open_town_here(tmp_path, server.url) as (town, stack):
            town.script_model("claude", LONG)
            for role in ("worker", "gateway"):
                await town.start_here(stack, role)
            await town.wait_until_heard()
            await town.ask()
            await town.wait_for_texts("word word", "GPT speaks.")
            run = await town.wait_for_stored(is_there)
            board, *thread = await town.read_messages()

            async def press_skip() -> str:
                pressed = await town.discord.click(
                    town.ada, find_said(thread, "Claude"), f"moot:{run}:skip:answer/1/claude"
                )
                told = (await pressed.answer()).message
                assert told is not None
                return told.text

            async def say() -> None:
                await town.discord.say(town.ada, board.id, "Mind the cost.", mentions=[town.discord.bot])

            await asyncio.to_thread(server.stop if trouble == "away" else partial(execute, server.url, FULL))
            assert "is stored" in await press_skip()
            await say()
            await town.discord.react(town.ada, find_said(thread, "GPT"), "👍")
            if trouble == "full":  # then it is known whose thread it is, and somebody is told there
                await town.discord.until(lambda: any("nothing new is stored" in text for text in read_texts(town)), 30)
            await asyncio.sleep(DOWN_S)
            await asyncio.to_thread(server.start if trouble == "away" else partial(execute, server.url, ROOM))
            await read_facts(town, Counter({VoteCast: 1, Interjected: int(trouble == "away")}))
            if trouble == "full":
                await say()
            assert "is skipped" in await press_skip()
            facts = await read_facts(town, Counter({RunFinished: 1, Interjected: 1}))
            kinds = (Interjected, VoteCast, SkipAsked, RunFinished)
            assert Counter(type(fact) for fact in facts if isinstance(fact, kinds)) == dict.fromkeys(kinds, 1)
            await town.wait_for_texts("**Result**")
            await town.discord.until(lambda: "Not being saved" not in board.text, 30)
    lines = count_lines(logged)
    assert "the lease cannot be renewed; trying again" in lines
    assert max(lines.values()) <= 2, lines  # one for each process
    assert [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING and r.name != "asyncio"] == []


async def is_there(store: SqlStore, run: str) -> bool:
    return True
