"""The database of gateways and workers becomes read-only, or goes away and comes back, while they run."""

from __future__ import annotations

import asyncio
import re
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

from bot.domain.facts import ProcessDied, RunFinished, TurnStarted
from storage import SqlStore, open_store
from storage.leases import LEASE_S
from tests.servers.model_server import answer
from tests.support.postgres import OwnServer, make_database
from tests.support.several import WAIT_S, SharedTown, open_shared_town

LONG = answer(*["word "] * 200, gap_s=0.05)  # 10 s


async def has_ended(store: SqlStore, run: str) -> bool:
    return any(isinstance(entry.fact, RunFinished) for entry in await store.read(run))


async def is_conducted(store: SqlStore, run: str) -> bool:
    return any(isinstance(entry.fact, TurnStarted) for entry in await store.read(run))


async def wait_until_ready(town: SharedTown, expected: bool) -> None:
    """Wait until every process says that it is ready, or says that the database takes nothing."""
    async with asyncio.timeout(WAIT_S):
        for process in town.processes:
            while (told := await town.read_readiness(process))["ready"] is not expected:
                assert process.returncode is None, "it has ended by itself"
                await asyncio.sleep(0.1)
            assert told["database"] is expected


def change_database(url: str, change: str) -> None:
    """Change a setting of a database, and end the sessions that go by the old one."""
    name, server = urlsplit(url).path[1:], url.replace(urlsplit(url).path, "/postgres")
    with psycopg.connect(server, autocommit=True) as conn:
        conn.execute(f"ALTER DATABASE {name} {change}".encode())
        conn.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name])


async def check_nothing_is_taken_and_all_goes_on(
    town: SharedTown, trouble: Callable[[], None], heal: Callable[[], None]
) -> None:
    """Bring trouble into the middle of a run, ask once more meanwhile, heal, and wait for the run's end."""
    town.script_model("claude", LONG)
    for role in ("worker", "gateway"):
        await town.start_role(role)
    await town.ask()
    await town.wait_for_texts("word word")
    await asyncio.to_thread(trouble)
    await wait_until_ready(town, expected=False)
    assert re.search("nothing (new )?is stored", await town.read_refusal())
    await asyncio.to_thread(heal)
    await wait_until_ready(town, expected=True)
    await town.wait_for_stored(has_ended)
    async with open_store(town.url, clock=time.time, read_only=True) as store:
        assert [row.question for row in await store.runs()] == ["Tea or coffee?"]
    await town.wait_for_texts("word word", "GPT speaks.", "**Result**")
    _, *thread = await town.read_messages()
    assert sum("Claude" in message.author.name for message in thread) == 1
    town.script_model("claude", answer("Claude speaks again."))
    await town.ask(question="Milk?")
    await town.wait_for_texts("Claude speaks again.")


async def test_a_database_that_becomes_read_only(tmp_path: Path) -> None:
    with make_database() as url:
        async with open_shared_town(tmp_path, url) as town:
            await check_nothing_is_taken_and_all_goes_on(
                town,
                lambda: change_database(url, "SET default_transaction_read_only = on"),
                lambda: change_database(url, "RESET default_transaction_read_only"),
            )


async def test_a_server_that_goes_away_and_comes_back(tmp_path: Path) -> None:
    server = await asyncio.to_thread(OwnServer, Path(tempfile.mkdtemp()) / "pg")
    try:
        async with open_shared_town(tmp_path, server.url) as town:
            await check_nothing_is_taken_and_all_goes_on(town, server.stop, server.start)
    finally:
        await asyncio.to_thread(server.close)


async def test_a_server_that_stands_still_takes_no_run_from_its_worker(tmp_path: Path) -> None:
    server = await asyncio.to_thread(OwnServer, Path(tempfile.mkdtemp()) / "pg")
    try:
        async with open_shared_town(tmp_path, server.url) as town:
            town.script_model("claude", answer(*["word "] * 400, gap_s=0.05))  # 20 s
            for role in ("worker", "worker", "gateway"):
                await town.start_role(role)
            await town.ask()
            await town.wait_for_texts("word word")
            run = await town.wait_for_stored(is_conducted)
            owner = town.find_owner(run)
            with server.standing_still():
                await asyncio.sleep(2 * LEASE_S)
            await town.wait_for_stored(has_ended)
            assert town.find_owner(run) is owner
            async with open_store(server.url, clock=time.time, read_only=True) as store:
                kinds = Counter(type(entry.fact) for entry in await store.read(run))
            assert (kinds[TurnStarted], kinds[ProcessDied]) == (2, 0)
    finally:
        await asyncio.to_thread(server.close)
