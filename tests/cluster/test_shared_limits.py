"""Limits that processes share: Slack's are kept together, and runs of one channel of Discord go to one worker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import psycopg
from pydantic import SecretStr

from adapters.slack.budgets import POSTS_PER_CHANNEL, POSTS_WINDOW_S
from bot.cli.cluster import Cluster, open_cluster
from bot.cli.serve import make_budget
from bot.settings.settings import Settings, StorageSettings
from storage import SqlStore, open_store
from storage.leases import Role, open_leases
from tests.support.postgres import make_database
from tests.support.surfaces import SlidingLimit, count_refusals
from tests.support.transcripts import make_start

CHANNELS = [f"channel {n}" for n in range(10)]


@asynccontextmanager
async def open_processes(*roles: Role) -> AsyncIterator[tuple[str, SqlStore, list[Cluster]]]:
    """Open a database and processes on it that serve nobody yet; yield its URL, a store and what they share."""
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        url = stack.enter_context(make_database())
        store = await enter(open_store(url, clock=time.time, shared=True))
        settings = Settings(storage=StorageSettings(url=SecretStr(url)))
        yield url, store, [await enter(open_cluster(settings, role, store)) for role in roles]


async def test_a_gateways_boards_and_a_workers_posts_fit_one_channel_together() -> None:
    slack = SlidingLimit(POSTS_PER_CHANNEL, POSTS_WINDOW_S)
    started = asyncio.get_running_loop().time()
    async with open_processes("gateway", "worker") as (_, _, clusters):
        keeping = [asyncio.create_task(cluster.lots.keep()) for cluster in clusters]
        budgets = [make_budget(cluster, "slack T1 chat.postMessage C1", started) for cluster in clusters]
        sending = [count_refusals(budget, slack, POSTS_PER_CHANNEL - 1) for budget in budgets]
        assert await asyncio.gather(*sending) == [0, 0]
        for task in keeping:
            task.cancel()


async def test_a_new_run_goes_to_the_worker_that_has_one_in_its_channel() -> None:
    async with open_processes("gateway") as (url, store, [gateway]), open_leases(url, "old", "worker") as old:
        await old.take()
        with psycopg.connect(url) as conn:
            conn.execute("UPDATE leases SET until = until + 3600")  # nobody renews it here
        for channel in CHANNELS:
            start = replace(make_start("council"), server="discord:1", channel=channel)
            for run in ("goes on", "begins"):
                await store.append(f"{run} in {channel}", [start])
            await store.claim(f"goes on in {channel}", "old")
            await gateway.hand_over(f"begins in {channel}")
        with psycopg.connect(url) as conn:
            offered = conn.execute("SELECT args->>'run', queue_name FROM procrastinate_jobs ORDER BY id").fetchall()
        assert offered == [(f"begins in {channel}", "runs old") for channel in CHANNELS]
