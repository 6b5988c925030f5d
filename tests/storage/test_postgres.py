"""What only a store on PostgreSQL meets: other processes, poolers, standbys, restarts, and a server that is full."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, insert, text
from sqlalchemy.exc import DBAPIError

from bot.domain.facts import Claimed, Interjected
from bot.domain.run import TurnId
from bot.domain.spending import Asked, OverLimit, Payer
from bot.errors import MAYBE_STORED, NOTHING_STORED, MaybeStored, Misconfigured, StoreFailed
from bot.ports.spending import Call
from bot.ports.store import last_texts
from storage import open_store
from storage.errors import InUse
from storage.handover import HandOver, open_hand_over
from storage.locations import open_beside
from storage.schema import HEAD, metadata, shelf
from storage.store import SqlStore
from storage.writer import Writer
from tests.servers.postgres_relay import PostgresRelay
from tests.support.paths import ROOT
from tests.support.postgres import execute, make_database

TURN = TurnId("answer", 1, "ada")


def remark(said: str) -> Interjected:
    return Interjected("ann", said)


def count_connections(url: str) -> int:
    with psycopg.connect(url) as conn:
        [count] = conn.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        ).fetchone() or (0,)
    return int(count)


async def test_migrations_make_the_tables_that_the_code_uses_and_keys_compare_by_bytes() -> None:
    def compare(conn: object) -> list[object]:
        context = MigrationContext.configure(
            conn,  # type: ignore[arg-type]  # a connection, as the store hands it over
            opts={"include_name": lambda name, kind, _: not (kind == "table" and name == "run_words")},
        )
        return list(compare_metadata(context, metadata))

    with make_database("ENCODING 'UTF8' LC_COLLATE 'C.UTF-8' LC_CTYPE 'C.UTF-8'") as url:
        async with open_store(url, clock=time.time) as store:
            assert await store._reader.transact(compare) == []
        with psycopg.connect(url) as conn:
            found = conn.execute(
                "SELECT DISTINCT collation_name FROM information_schema.columns WHERE table_schema = 'public' "
                "AND data_type = 'character varying' AND table_name <> 'alembic_version'"
            ).fetchall()
        assert found == [("C",)]


async def test_a_newer_database_is_refused_and_left_alone(postgres: str) -> None:
    execute(postgres, "UPDATE alembic_version SET version_num = '0999'")
    try:
        for read_only in (False, True):
            with pytest.raises(Misconfigured, match=rf"0999.*newer.*{HEAD}"):
                async with open_store(postgres, clock=time.time, read_only=read_only):
                    pass
    finally:
        execute(postgres, f"UPDATE alembic_version SET version_num = '{HEAD}'")


async def test_a_reader_makes_nothing() -> None:
    with make_database() as url:
        with pytest.raises(Misconfigured, match=r"version none.*run the bot once"):
            async with open_store(url, clock=time.time, read_only=True):
                pass
        with psycopg.connect(url) as conn:
            assert conn.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall() == []


async def test_a_second_bot_is_told_who_holds_it_and_nothing_stays_open(postgres: str) -> None:
    async with open_store(postgres, clock=time.time):
        with pytest.raises(InUse, match="is in use by the process with pid") as refused:
            async with open_store(postgres, clock=time.time):
                pass
        async with open_store(postgres, clock=time.time, read_only=True) as reader:
            with pytest.raises(StoreFailed, match="it is read-only"):
                await reader.append("r", [remark("no")])
    assert refused.value.pid.isdecimal()
    async with open_store(postgres, clock=time.time):  # at once after it was let go
        pass
    for _ in range(100):  # the server notices moments later
        if not count_connections(postgres):
            break
        await asyncio.sleep(0.02)
    assert count_connections(postgres) == 0


HOLD = """
import asyncio, sys, time
from storage import open_store

async def main():
    async with open_store(sys.argv[1], clock=time.time) as store:
        await store.claim("r", "one")
        print("held", flush=True)
        await asyncio.sleep(600)

asyncio.run(main())
"""


async def test_what_a_killed_process_held_is_free(postgres: str) -> None:
    command = [sys.executable, "-c", HOLD, postgres]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == "held\n"
        child.kill()
    async with open_store(postgres, clock=time.time) as store:
        assert await store.claim("r", "two") == 2


async def test_writers_at_once_lose_nothing_and_pass_no_limit(postgres: str) -> None:
    """Several writers, as of several processes, append to the same runs, take the same events and spend one limit."""
    fits, cap = 0, 20_000
    payer = Payer("r", "ann", "discord:1", "council")

    async def work(writer: SqlStore, who: int) -> None:
        nonlocal fits
        for n in range(20):
            await writer.append(f"run {n % 3}", [remark(f"{who}/{n}")])
            await writer.append("once", [remark(f"event {n}")], key=f"event {n}")
            await writer.put("document", who)
            try:
                call = Call(f"{who}/{n}", payer, 1.0, "ada")
                while not (held := await writer.reserve(call, (cap,) * 5, Asked(1_000, 1_000))):
                    await asyncio.sleep(0)  # what others hold may be given back
                await writer.settle(call, held, 1_000, 1.0)
                fits += 1
            except OverLimit:
                pass

    async with open_store(postgres, clock=time.time) as store:
        async with (
            open_beside(postgres) as second,
            open_beside(postgres) as third,
            Writer(second, "second") as w2,
            Writer(third, "third") as w3,
        ):
            stores = [store, *(SqlStore(w, store._reader, store.engine, "beside", time.time) for w in (w2, w3))]
            await asyncio.gather(*(work(one, who) for who, one in enumerate(stores)))
        said = []
        for run in range(3):
            entries = await store.read(f"run {run}")
            assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
            said += [entry.fact.text for entry in entries if isinstance(entry.fact, Interjected)]
        assert sorted(said) == sorted(f"{who}/{n}" for who in range(3) for n in range(20))
        assert len(await store.read("once")) == 20
        assert fits == cap // 1_000
        assert [balance.spent for balance in await store.balances(payer, 1.0)] == [cap] * 5


async def test_a_lane_that_another_process_went_on_with_is_read_anew_by_who_claims_it_back(postgres: str) -> None:
    async with open_store(postgres, clock=time.time) as store:
        first = await store.claim("r", "one")
        await store.snapshot("r", TURN, "It depends", epoch=first)
        async with open_beside(postgres) as second, Writer(second, "second") as writer:
            other = SqlStore(writer, store._reader, store.engine, "second", time.time)
            await other.snapshot("r", TURN, "No", epoch=await other.claim("r", "two"))
        await store.snapshot("r", TURN, "No way", epoch=await store.claim("r", "one"))
        assert last_texts(await store.snapshots("r")) == {TURN: "No way"}


async def test_connections_that_the_server_ends_are_made_again(postgres: str) -> None:
    async with open_store(postgres, clock=time.time) as store:
        await store.append("r", [remark("before")])
        execute(
            postgres,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        await store.append("r", [remark("after")])
        assert len(await store.read("r")) == 2
        with pytest.raises(InUse):  # the lock was taken again
            async with open_store(postgres, clock=time.time):
                pass


async def test_a_commit_whose_answer_is_lost_may_have_stored_and_what_it_stored_is_stored_once(postgres: str) -> None:
    async with PostgresRelay(postgres) as relay, open_store(relay.url, clock=time.time) as store:
        relay.loses = b"Interjected"
        with pytest.raises(MaybeStored) as raised:
            await store.claim("r", "one", [remark("hello")], key="begin")
        assert "127.0.0.1" in str(raised.value)
        assert raised.value.for_people == MAYBE_STORED
        assert relay.lost == 1
        assert await store.claim("r", "one", [remark("hello")], key="begin") == 2
        assert [entry.fact for entry in await store.read("r")] == [remark("hello"), Claimed("one"), Claimed("one")]


async def test_what_stood_still_before_its_commit_goes_again(postgres: str) -> None:
    ended: list[int] = []

    def stand_still_once(conn: Connection) -> None:
        conn.execute(insert(shelf).values(key="operations/probe", value=1))
        if not ended:
            conn.execute(text("SET idle_in_transaction_session_timeout = 1"))
            ended.append(conn.scalar(text("SELECT pg_backend_pid()")))
            while is_connected(postgres, ended[0]):
                time.sleep(0.02)

    async with open_store(postgres, clock=time.time) as store:
        await store._change(stand_still_once)
        assert await store.documents("operations/") == {"operations/probe": 1}


def is_connected(url: str, pid: int) -> bool:
    with psycopg.connect(url) as conn:
        return conn.execute("SELECT FROM pg_stat_activity WHERE pid = %s", [pid]).fetchone() is not None


async def test_whoever_waited_for_a_lock_reads_what_its_holder_stored_whatever_is_usual_there() -> None:
    with make_database() as url:
        execute(url, f"ALTER DATABASE {urlsplit(url).path[1:]} SET default_transaction_isolation = 'repeatable read'")
        async with open_beside(url) as database:
            found = await database.transact(lambda conn: conn.scalar(text("SHOW transaction_isolation")))
        assert found == "read committed"


async def test_people_read_no_address_of_a_server_that_is_away(postgres: str) -> None:
    async with PostgresRelay(postgres) as relay, open_store(relay.url, clock=time.time) as store:
        relay.is_shut = True
        execute(
            postgres,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid()",
        )
        with pytest.raises(StoreFailed, match=r"127\.0\.0\.1") as raised:
            await store.append("r", [remark("no")])
        assert not isinstance(raised.value, MaybeStored)
        assert raised.value.for_people == NOTHING_STORED.format(why=" (the server cannot be reached)")
        relay.is_shut = False


async def test_a_database_that_is_made_read_only_says_so_and_takes_writes_again() -> None:
    with make_database() as url:
        name = urlsplit(url).path[1:]
        async with open_store(url, clock=time.time) as store, open_hand_over(url) as jobs:
            execute(url, f"ALTER DATABASE {name} SET default_transaction_read_only = on", END_SESSIONS)
            for write in writes_of(store, jobs):
                with pytest.raises((StoreFailed, DBAPIError), match="read-only"):
                    await write()
            assert await store.read("r") == []
            writing = "SET default_transaction_read_only = off"
            execute(url, writing, f"ALTER DATABASE {name} RESET default_transaction_read_only")
            for write in writes_of(store, jobs):
                async with asyncio.timeout(60):
                    while not await has_written(write):
                        await asyncio.sleep(0.1)


END_SESSIONS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


async def has_written(write: Callable[[], Awaitable[object]]) -> bool:
    """Return False where a connection from before could not write; the next one is made anew."""
    with suppress(StoreFailed, DBAPIError):
        await write()
        return True
    return False


def writes_of(store: SqlStore, jobs: HandOver) -> Iterator[Callable[[], Awaitable[object]]]:
    """Yield a write of the store's, one of a library with tables of its own, and a job."""

    async def write_as_a_library() -> None:
        async with store.engine.begin() as conn:
            await conn.execute(text("CREATE TABLE IF NOT EXISTS of_a_library (key int)"))

    yield lambda: store.append("r", [remark("yes")])
    yield write_as_a_library
    yield lambda: jobs.offer("r", "")
