"""Leases on a real PostgreSQL: who holds a run, what a late process may still do, and that each run is freed once."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import replace

import psycopg
import pytest
from sqlalchemy import Connection, text

from bot.domain.facts import CaughtUp, Fact, Interjected, OutcomeAsked, RunFinished, SetAside
from bot.errors import StoreFailed
from bot.ports.store import Fenced, Starter
from storage import open_store
from storage.leases import LEASE_S, Leases, open_leases
from storage.postgres import Hold, connect_writer
from storage.store import SqlStore
from tests.support.transcripts import make_start

START = replace(make_start("council"), server="discord:1", channel="2")


@asynccontextmanager
async def two_processes(url: str) -> AsyncIterator[tuple[SqlStore, SqlStore, Leases, Leases]]:
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        stores = [await enter(open_store(url, clock=time.time, shared=True)) for _ in range(2)]
        leases = [await enter(open_leases(url, owner, "worker")) for owner in ("one", "two")]
        for lease in leases:
            await lease.take()
        yield stores[0], stores[1], leases[0], leases[1]


def always() -> bool:
    """Say of a lease that it has lasted for some time."""
    return True


def let_run_out(url: str, owner: str) -> None:
    """Set a lease back, as if its process had renewed it for the last time a minute ago; the server began earlier."""
    with psycopg.connect(url, autocommit=True) as conn:
        conn.execute(
            "SELECT pg_sleep(greatest(0, %s - extract(epoch FROM now() - pg_postmaster_start_time())))", [LEASE_S]
        )
        conn.execute("UPDATE leases SET until = until - 60 WHERE owner = %s", [owner])


async def test_a_run_is_claimed_by_one_process_until_that_lets_it_go(postgres: str) -> None:
    async with two_processes(postgres) as (one, two, lease, _):
        epoch = await one.claim("r", "one")
        with pytest.raises(Fenced, match="held by one"):
            await two.claim("r", "two")
        await one.append("r", [Interjected("ann", "mine")], epoch=epoch)
        await lease.release("r")
        assert await two.claim("r", "two") == epoch + 1
        with pytest.raises(Fenced):
            await one.append("r", [Interjected("ann", "late")], epoch=epoch)


async def test_a_late_process_is_fenced_off_and_told_and_its_runs_are_freed_once(postgres: str) -> None:
    async with two_processes(postgres) as (one, two, late, other):
        epoch = await one.claim("r", "one")
        assert await other.free_late(always) == []
        let_run_out(postgres, "one")
        freed = await asyncio.gather(other.free_late(always), other.free_late(always))
        assert sorted(freed) == [[], ["r"]]
        with pytest.raises(Fenced):
            await one.append("r", [Interjected("ann", "late")], epoch=epoch)
        assert await late.renew() is None
        await two.claim("r", "two")
        assert await late.take() == []  # it begins anew, and nothing of the other's goes
        held = await other.renew()
        assert held is not None
        assert (list(held.seqs), list(held.workers), held.processes) == (["r"], ["one", "two"], 2)


async def test_a_channel_is_its_workers_as_long_as_that_lives_and_holds_a_run_there(postgres: str) -> None:
    async with two_processes(postgres) as (one, _, lease, other):
        start = make_start("council")
        await one.append("r", [start])
        assert await other.find_holder(start.server, start.channel) == ""
        await one.claim("r", "one")
        assert await other.find_holder(start.server, start.channel) == "one"
        assert await other.find_holder(start.server, "another") == ""
        let_run_out(postgres, "one")
        assert await other.find_holder(start.server, start.channel) == ""
        await lease.renew()
        assert await other.find_holder(start.server, start.channel) == "one"
        await one.append("r", [CaughtUp()])
        assert await other.find_holder(start.server, start.channel) == ""


async def test_a_process_that_was_late_and_lost_nothing_goes_on(postgres: str) -> None:
    async with two_processes(postgres) as (one, _, late, other):
        epoch = await one.claim("r", "one")
        let_run_out(postgres, "one")
        held = await late.renew()
        assert held is not None
        assert held.seqs == {"r": 1}
        assert await other.free_late(always) == []
        await one.append("r", [Interjected("ann", "on time")], epoch=epoch)


async def test_a_process_that_finds_itself_late_takes_nothing_from_itself(postgres: str) -> None:
    async with two_processes(postgres) as (one, _, late, _):
        epoch = await one.claim("r", "one")
        let_run_out(postgres, "one")
        assert await late.free_late(always) == []
        held = await late.renew()
        assert held is not None
        assert list(held.seqs) == ["r"]
        await one.append("r", [Interjected("ann", "mine")], epoch=epoch)


async def test_a_process_that_finds_itself_late_takes_nothing_from_others_that_are(postgres: str) -> None:
    async with two_processes(postgres) as (one, _, _, other):
        await one.claim("r", "one")
        let_run_out(postgres, "one")
        let_run_out(postgres, "two")
        assert await other.free_late(always) == []  # the server may have stood still
        await other.renew()
        assert await other.free_late(lambda: False) == []
        assert await other.free_late(always) == ["r"]


async def test_what_is_over_is_held_by_nobody_and_what_is_let_go_is_found_stranded(postgres: str) -> None:
    async with two_processes(postgres) as (one, _, lease, other):
        for run in ("over", "open"):
            await one.append(run, [make_start("council")])
            await one.claim(run, "one")
        await one.append("over", [CaughtUp()])
        assert await other.list_stranded() == []
        assert await lease.end() == ["open"]
        assert await other.list_stranded() == ["open"]


@pytest.mark.parametrize("off_s", [0.0, 900.0, -900.0])
async def test_a_run_that_goes_on_is_seen_to_have_begun_whatever_its_process_says_of_the_time(
    postgres: str, off_s: float
) -> None:
    async with (
        two_processes(postgres) as (_, _, _, leases),
        open_store(postgres, clock=lambda: time.time() + off_s, shared=True) as store,
    ):
        await store.claim("is no run yet", "one")
        begun: dict[str, list[Fact]] = {
            "goes on": [],
            "is over": [RunFinished("done")],
            "is stopped": [SetAside("a fault"), CaughtUp()],
        }
        for run, later in begun.items():
            await store.append(run, [replace(START, by=run), *later])
        found = await leases.list_begun(60.0)
        assert set(found) == (set(begun) if off_s >= 0 else {"goes on"})
        assert found["goes on"] == Starter("goes on", START.channel, START.server)


async def test_what_was_over_long_ago_has_not_begun_lately_also_where_it_is_to_be_shown_once_more(
    postgres: str,
) -> None:
    async with (
        two_processes(postgres) as (_, _, _, leases),
        open_store(postgres, clock=lambda: time.time() - 61.0, shared=True) as store,
    ):
        await store.append("r", [START, RunFinished("done"), CaughtUp(), OutcomeAsked()])
        assert list(await leases.list_open()) == ["r"]
        assert await leases.list_begun(60.0) == {}


async def test_a_process_that_stands_still_in_a_transaction_holds_up_nobody_for_as_long_as_a_lease(
    postgres: str,
) -> None:
    stands_still = threading.Event()

    def stand_still(conn: Connection) -> None:
        conn.execute(text("UPDATE runs SET seq = seq WHERE run = 'r'"))
        stands_still.wait(60)

    async with two_processes(postgres) as (one, _, _, other), connect_writer(postgres, hold="shared") as still:
        await one.claim("r", "one")
        let_run_out(postgres, "one")
        given: Sequence[tuple[Hold, str]] = (("shared", IDLE), ("lease", IDLE), ("lease", "lock_timeout"))
        for hold, setting in given:
            assert 0 < await read_setting(postgres, hold, setting) < LEASE_S
        standing = asyncio.create_task(still.transact(stand_still))
        try:
            assert await free_at_last(other) == ["r"]
            assert not standing.done()
        finally:
            stands_still.set()
            await asyncio.gather(standing, return_exceptions=True)


IDLE = "idle_in_transaction_session_timeout"


async def read_setting(url: str, hold: Hold, name: str) -> float:
    """Return a setting of a process's connection, in seconds."""
    read = text(f"SELECT extract(epoch FROM current_setting('{name}')::interval)")
    async with connect_writer(url, hold=hold) as database:
        return float(await database.transact(lambda conn: conn.execute(read).scalar_one()))


async def free_at_last(leases: Leases) -> list[str]:
    """Return the runs that are freed once nobody else holds their rows."""
    async with asyncio.timeout(60):
        while True:
            assert await leases.renew() is not None
            with suppress(StoreFailed):
                if freed := await leases.free_late(always):
                    return freed
            await asyncio.sleep(0.1)
