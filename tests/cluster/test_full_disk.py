"""The disk of the database is really full: runs go on in memory, people are told, and later all is stored, once."""

from __future__ import annotations

import asyncio
import logging
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from bot.domain.facts import Fact, RunFinished, RunStarted, TurnEnded, TurnStarted
from bot.errors import NOTHING_STORED
from storage import SqlStore, open_store
from storage.locations import Location
from storage.schema import accounts, calls
from tests.servers.model_server import answer
from tests.support.postgres import OwnServer
from tests.support.processes import Town, open_town
from tests.support.roles_here import count_lines, open_town_here, read_texts
from tests.support.small_disk import SmallDisk, mount_small_disk

WORDS = 200
LONG = answer(*["word "] * WORDS, gap_s=0.05)  # 10 s
PRICE = {"input_usd_per_mtok": 1.0, "output_usd_per_mtok": 10.0}
WAIT_S = 60.0
NOT_SAVED = "Not being saved: my database cannot be used just now."


@pytest.fixture
def disk() -> Iterator[SmallDisk]:
    with mount_small_disk(96) as made:
        yield made


@pytest.fixture
async def server(disk: SmallDisk) -> AsyncIterator[OwnServer]:
    made = await asyncio.to_thread(OwnServer, disk.path / "pg")
    yield made
    await asyncio.to_thread(made.close)


def use_up_pages(url: str) -> None:
    """Take what room is left in the pages of the table of facts, by rows of no run."""
    with psycopg.connect(url, autocommit=True) as conn, suppress(psycopg.errors.DiskFull):
        for seq in count(1):
            conn.execute("INSERT INTO facts VALUES ('none', %s, 0, 'none', '{}')", [seq])


def have_server_give_up(url: str) -> None:
    """Have the server begin one more file of its log, for which there is no room, and wait until it is down."""
    with suppress(psycopg.OperationalError), psycopg.connect(url, autocommit=True) as conn:
        conn.execute("SELECT pg_switch_wal()")
        conn.execute("SELECT pg_logical_emit_message(true, 'moot', 'more'), pg_sleep(10)")
    with suppress(psycopg.OperationalError):
        for _ in range(100):  # it tries to recover
            psycopg.connect(url, connect_timeout=5).close()
            time.sleep(0.1)


def make_priced_models(town: Town) -> dict[str, Any]:
    return {key: {**model, **PRICE} for key, model in town.make_tables()["models"].items()}


async def hear_refusal(town: Town) -> str:
    """Ask something else, and return what Ada is told alone."""
    seen = await (await town.discord.slash(town.ada, town.channel, "compare", question="Milk?")).answer()
    assert seen.message is not None
    if not seen.message.text:  # it is tried for some seconds
        await town.discord.until(lambda: bool(seen.followups), WAIT_S)
    return "".join(message.text for message in (seen.message, *seen.followups))


async def check_all_is_stored_once(town: Town, location: Location) -> None:
    """Check that the only run comes to its end, with all that was said, and that it was asked and paid for once."""
    async with asyncio.timeout(WAIT_S), open_store(location, clock=lambda: 0.0, read_only=True) as store:
        (row,) = await store.runs()
        facts: list[Fact] = []
        while not any(isinstance(fact, RunFinished) for fact in facts) or not await _are_calls_settled_once(store):
            await asyncio.sleep(0.02)
            facts = [entry.fact for entry in await store.read(row.run)]
    kinds = Counter(type(fact) for fact in facts)
    assert [kinds[kind] for kind in (RunStarted, TurnStarted, TurnEnded, RunFinished)] == [1, 2, 2, 1]
    said = [fact.text for fact in facts if isinstance(fact, TurnEnded)]
    assert sorted(said) == ["GPT speaks.", "word " * WORDS]
    assert town.ask_counts == {"claude": 1, "gpt": 1}
    await town.wait_for_texts("**Result")
    await town.discord.until(lambda: not any(NOT_SAVED in text for text in read_texts(town)), WAIT_S)


async def _are_calls_settled_once(store: SqlStore) -> bool:
    """Return whether all calls are settled. Raises AssertionError where there are not two, or a sum is another one."""
    async with store.engine.connect() as conn:
        spent = [row.spent for row in await conn.execute(select(calls.c.spent))]
        balances = (await conn.execute(select(accounts.c.spent, accounts.c.held))).all()
    assert len(spent) == 2
    if None in spent:
        return False
    assert {tuple(balance) for balance in balances} == {(sum(spent), 0)}
    return True


@pytest.mark.parametrize("gives_up", [False, True])
async def test_runs_outlive_a_full_disk_of_the_server(
    tmp_path: Path, disk: SmallDisk, server: OwnServer, caplog: pytest.LogCaptureFixture, gives_up: bool
) -> None:
    why = "the server cannot be reached" if gives_up else "the server's disk is full"
    with capture_logs() as logged:
        async with open_town_here(tmp_path, server.url) as (town, stack):
            town.script_model("claude", LONG)
            for role in ("worker", "gateway"):
                await town.start_here(stack, role, models=make_priced_models(town))
            await town.wait_until_heard()
            await town.ask()
            await town.wait_for_texts("word word", "GPT speaks.")
            await asyncio.to_thread(disk.fill)
            await asyncio.to_thread(have_server_give_up if gives_up else use_up_pages, server.url)
            await town.wait_for_texts(NOT_SAVED)
            assert await hear_refusal(town) == NOTHING_STORED.format(why=f" ({why})")
            await asyncio.to_thread(disk.make_room)
            if gives_up:
                await asyncio.to_thread(server.start)
            await check_all_is_stored_once(town, server.url)
    lines = count_lines(logged)
    assert lines["the run goes on in memory"] == lines["the run is saved again"] == 1
    assert max(lines.values()) <= 2, lines  # one for each process
    assert [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING and r.name != "asyncio"] == []


async def test_runs_outlive_a_full_disk_under_a_sqlite_file(disk: SmallDisk) -> None:
    with tempfile.TemporaryFile() as printed:
        async with open_town(disk.path) as town:
            town.change_settings(models=make_priced_models(town))
            town.script_model("claude", LONG)
            await town.start(output=printed.fileno())
            await town.ask()
            await town.wait_for_texts("word word", "GPT speaks.")
            disk.fill()
            await town.wait_for_texts(NOT_SAVED)
            assert await hear_refusal(town) == NOTHING_STORED.format(why=" (the disk is full)")
            disk.make_room()
            await check_all_is_stored_once(town, disk.path / "moot.db")
        printed.seek(0)
        log = printed.read().decode()
    assert log.count("the run goes on in memory") == log.count("the run is saved again") == 1, log
    assert log.count("Make room") <= 2, log  # of the run, and of what people did meanwhile
