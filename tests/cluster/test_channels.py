"""Runs of one channel, which share its limits on Discord: they go to one worker as long as one of them goes on."""

from __future__ import annotations

import time
from contextlib import AsyncExitStack
from dataclasses import replace

import psycopg
from pydantic import SecretStr

from bot.cli.cluster import open_cluster
from bot.settings.settings import Settings, StorageSettings
from storage import open_store
from storage.leases import open_leases
from tests.support.postgres import make_database
from tests.support.transcripts import make_start

CHANNELS = [f"channel {n}" for n in range(10)]


async def test_a_new_run_goes_to_the_worker_that_has_one_in_its_channel() -> None:
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        url = stack.enter_context(make_database())
        store = await enter(open_store(url, clock=time.time, shared=True))
        for worker in ("old", "new"):
            await (await enter(open_leases(url, worker, "worker"))).take()
        with psycopg.connect(url) as conn:
            conn.execute("UPDATE leases SET until = until + 3600")  # nobody renews them here
        gateway = await enter(open_cluster(Settings(storage=StorageSettings(url=SecretStr(url))), "gateway", store))
        for channel in CHANNELS:
            start = replace(make_start("council"), server="discord:1", channel=channel)
            for run in ("goes on", "begins"):
                await store.append(f"{run} in {channel}", [start])
            await store.claim(f"goes on in {channel}", "old")
            await gateway.hand_over(f"begins in {channel}")
        with psycopg.connect(url) as conn:
            offered = conn.execute("SELECT args->>'run', queue_name FROM procrastinate_jobs ORDER BY id").fetchall()
        assert offered == [(f"begins in {channel}", "runs old") for channel in CHANNELS]
