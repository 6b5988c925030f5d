"""Shards on a real PostgreSQL: which gateway hears which, whose are free, and when sessions may begin."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import psycopg
import pytest

from bot.errors import Misconfigured
from bot.ports.shards import ShardShare
from storage import open_store
from storage.leases import Leases, open_leases
from storage.shards import Shards, open_shards


@asynccontextmanager
async def gateways(url: str, *names: str) -> AsyncIterator[list[tuple[Shards, Leases]]]:
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        await enter(open_store(url, clock=time.time, shared=True))
        yield [(await enter(open_shards(url, n)), await enter(open_leases(url, n, "gateway"))) for n in names]


async def share_of(gateway: tuple[Shards, Leases], count: int = 4) -> ShardShare:
    return await gateway[0].share(count, None)


async def test_a_gateway_alone_hears_all_and_gives_up_what_is_more_than_its_part(postgres: str) -> None:
    async with gateways(postgres, "one", "two") as (one, two):
        assert await share_of(one) == ShardShare((), (), {})  # it has no lease yet
        await one[1].take()
        assert await share_of(one) == ShardShare((0, 1, 2, 3), (), {})
        await two[1].take()
        assert await share_of(two) == ShardShare((), (), dict.fromkeys(range(4), "one"))
        assert await share_of(one) == ShardShare((0, 1, 2, 3), (2, 3), {})
        await one[0].release([2, 3])
        assert await share_of(two) == ShardShare((2, 3), (), dict.fromkeys(range(2), "one"))
        assert await share_of(one) == ShardShare((0, 1), (), dict.fromkeys((2, 3), "two"))


async def test_the_shards_of_a_gateway_that_is_gone_are_taken_by_another(postgres: str) -> None:
    async with gateways(postgres, "one", "two") as (one, two):
        await one[1].take()
        await share_of(one)
        await two[1].take()
        await one[1].end()
        assert await share_of(two) == ShardShare((0, 1, 2, 3), (), {})
        await one[1].take()
        assert await share_of(one) == ShardShare((), (), dict.fromkeys(range(4), "two"))


async def test_gateways_that_start_at_once_hear_each_shard_once(postgres: str) -> None:
    async with gateways(postgres, "one", "two", "three") as processes:
        for _, lease in processes:
            await lease.take()
        shares = await asyncio.gather(*(share_of(gateway, 7) for gateway in processes))
        assert sorted(shard for share in shares for shard in share.own) == list(range(7))
        assert max(len(share.own) for share in shares) == 3


async def test_a_gateway_with_shards_of_its_own_takes_those_alone_and_learns_who_has_them(postgres: str) -> None:
    async with gateways(postgres, "one", "two") as (one, two):
        await one[1].take()
        await two[1].take()
        assert await one[0].share(4, [1, 2]) == ShardShare((1, 2), (), {})
        assert await two[0].share(4, [2, 3]) == ShardShare((3,), (), {1: "one", 2: "one"})


async def test_another_number_of_shards_is_refused_while_gateways_go_by_the_first(postgres: str) -> None:
    async with gateways(postgres, "one", "two") as (one, two):
        await one[1].take()
        await two[1].take()
        await share_of(one, 2)
        with pytest.raises(Misconfigured, match="shard_count is 8 here, and 2 in a gateway that runs"):
            await share_of(two, 8)
        await one[1].end()
        assert (await share_of(two, 8)).own == tuple(range(8))


async def test_sessions_of_a_bucket_begin_apart_by_the_clock_of_the_database(postgres: str) -> None:
    async with gateways(postgres, "one", "two") as ((one, _), (two, _)):
        begun = await asyncio.gather(one.begin_session(0), two.begin_session(0))
        assert sorted(wait_s == 0.0 for wait_s in begun) == [False, True]
        assert await two.begin_session(1) == 0.0
        with psycopg.connect(postgres, autocommit=True) as conn:
            conn.execute("UPDATE identifies SET at = at - 60")
        assert await two.begin_session(0) == 0.0
