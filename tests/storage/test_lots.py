"""Lots on a real PostgreSQL: processes together never send more than one limit allows, whatever becomes of them."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import psycopg

from bot.live.lots import LotKeeper
from bot.ports.lots import Use
from storage import open_store
from storage.lots import LotStore, open_lots
from tests.support.surfaces import SlidingLimit, count_refusals

NAME, LIMIT, WINDOW_S = "slack T1 chat.update", 20, 2.0


@asynccontextmanager
async def processes(url: str, *names: str) -> AsyncIterator[list[LotStore]]:
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(open_store(url, clock=time.time, shared=True))
        yield [await stack.enter_async_context(open_lots(url, name)) for name in names]


def want(wanted: int, *, sent: int = 0, flying: int = 0) -> dict[str, Use]:
    """Return the use of a process that has sent so many requests a moment ago."""
    return {NAME: Use(LIMIT, WINDOW_S, [WINDOW_S] * sent, flying, wanted)}


async def test_a_lot_is_no_more_than_others_have_left_and_comes_back_unspent(postgres: str) -> None:
    async with processes(postgres, "one", "two") as (one, two):
        assert (await one.draw(want(15)))[NAME].size == 15
        drawn = (await two.draw(want(15)))[NAME]
        assert (drawn.size, len(drawn.ends_s)) == (5, 15)
        assert (await one.draw(want(0, sent=3, flying=1)))[NAME].size == 0
        drawn = (await two.draw(want(20, sent=5)))[NAME]
        assert (drawn.size, len(drawn.ends_s)) == (11, 4)
        assert (await one.draw({"slack T2 chat.update": Use(3, 1.0, [], 0, 5)}))["slack T2 chat.update"].size == 3


async def test_what_a_process_may_have_sent_outlasts_it_for_a_window(postgres: str) -> None:
    async with processes(postgres, "one", "two") as (gone, other):
        await gone.draw(want(15))
        await other.forget_old()
        assert (await other.draw(want(20)))[NAME].size == 5
        with psycopg.connect(postgres, autocommit=True) as conn:
            [(ends, until)] = conn.execute("SELECT ends, until FROM lots WHERE owner = 'one'").fetchall()
            assert ends == [until] * 15
            conn.execute("UPDATE lots SET ends = '[1]', until = 1 WHERE owner = 'one'")
        assert (await other.draw(want(20)))[NAME].size == 20
        await other.forget_old()
        with psycopg.connect(postgres) as conn:
            assert conn.execute("SELECT owner FROM lots").fetchall() == [("two",)]


async def send_all(store: LotStore, platform: SlidingLimit, most: int) -> int:
    """Send as a process does, as fast as its budget lets it, until so many have been sent; return the refusals."""
    keeper = LotKeeper(store)
    keeping = asyncio.create_task(keeper.keep())
    refused = await count_refusals(keeper.make_window(NAME, LIMIT, WINDOW_S, at_once=math.inf), platform, most)
    keeping.cancel()  # what it has spent since its last lot is told by nobody
    return refused


async def test_processes_that_come_and_go_are_refused_nothing(postgres: str) -> None:
    platform = SlidingLimit(LIMIT, WINDOW_S)
    async with processes(postgres, "one", "two", "three") as (one, two, three):
        assert await send_all(one, platform, LIMIT - 5) == 0
        assert sum(await asyncio.gather(send_all(two, platform, 12), send_all(three, platform, 12))) == 0
