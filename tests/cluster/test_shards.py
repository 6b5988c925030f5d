"""Gateways that share Discord's shards through the database, as processes of their own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP

import psycopg
import pytest

from tests.support.forked_moot import Fork
from tests.support.postgres import make_database
from tests.support.several import WAIT_S, SharedTown, open_shared_town


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[SharedTown]:
    with make_database() as url:
        async with open_shared_town(tmp_path, url) as made:
            yield made


async def wait_for_shards(town: SharedTown, expected: Collection[int]) -> None:
    """Wait until each of these shards is heard by one session, and no other one is heard."""
    async with asyncio.timeout(WAIT_S):
        while town.discord.hub.gateway.list_shards() != list(expected):
            await asyncio.sleep(0.02)


def find_hearer(town: SharedTown, shard: int) -> Fork | None:
    """Return the gateway that hears a shard; None while it changes hands."""
    with psycopg.connect(town.url, autocommit=True) as conn:
        (owner,) = conn.execute("SELECT owner FROM shards WHERE shard = %s", [shard]).fetchone() or (None,)
    return next((p for p in town.processes if owner and f":{p.pid}:" in owner), None)


async def wait_for_hearers(town: SharedTown, expected: Collection[Fork]) -> None:
    """Wait until each of these gateways, and no other one, may hear one or both of two shards."""
    async with asyncio.timeout(WAIT_S):
        while {find_hearer(town, 0), find_hearer(town, 1)} != expected:
            await asyncio.sleep(0.02)


async def test_gateways_share_shards_and_take_those_of_one_that_is_killed(town: SharedTown) -> None:
    town.change_discord(shard_count=2)
    await town.start_role("worker")
    first, second = await town.start_role("gateway"), await town.start_role("gateway")
    await wait_for_shards(town, [0, 1])
    await wait_for_hearers(town, {first, second})
    await wait_for_shards(town, [0, 1])
    mine = (town.guild.id >> 22) % 2
    killed = find_hearer(town, mine)
    assert killed is not None
    killed.send_signal(SIGKILL)
    await killed.wait()
    await wait_for_hearers(town, {first, second} - {killed})
    await wait_for_shards(town, [0, 1])
    await town.ask()
    await town.wait_for_texts("Claude speaks.", "GPT speaks.", "**Result**")


async def test_gateways_that_start_at_once_share_and_one_that_slept_gives_way(town: SharedTown) -> None:
    town.change_discord(shard_count=2)
    *both, _ = await asyncio.gather(*(town.start_role(role) for role in ("gateway", "gateway", "worker")))
    await wait_for_hearers(town, set(both))
    asleep, awake = both
    asleep.send_signal(SIGSTOP)
    await wait_for_hearers(town, {awake})
    async with asyncio.timeout(WAIT_S):
        while len(town.discord.hub.gateway.list_shards()) < 3:  # one of them is still connected to the one that sleeps
            await asyncio.sleep(0.02)
    asleep.send_signal(SIGCONT)
    await wait_for_hearers(town, set(both))
    await wait_for_shards(town, [0, 1])
    await town.ask()
    await town.wait_for_texts("Claude speaks.", "GPT speaks.", "**Result**")
    assert len(await town.discord.messages(town.channel)) == 1


async def test_a_gateway_in_reserve_is_ready_and_takes_over(town: SharedTown) -> None:
    await town.start_role("worker")
    first = await town.start_role("gateway")
    await wait_for_shards(town, [0])
    await town.start_role("gateway")
    first.send_signal(SIGKILL)
    await first.wait()
    await wait_for_shards(town, [])
    await wait_for_shards(town, [0])
    await town.ask()
    await town.wait_for_texts("**Result**")


async def test_a_second_gateway_on_a_shard_is_refused_in_a_sentence(town: SharedTown) -> None:
    town.change_discord(shard_count=2, shard_ids=[1])
    first = await town.start_role("gateway")
    status, said = await town.run_command("run", "--role", "gateway")
    assert status == 2
    assert f":{first.pid}:" in said
    assert "discord.shard_ids: shard 1 is heard by another gateway" in said
    assert "give each gateway shards of its own, or leave shard_ids out" in said
    assert "Traceback" not in said
    assert town.discord.hub.gateway.list_shards() == [1]
    town.change_discord(shard_count=4, shard_ids=[3])
    status, said = await town.run_command("run", "--role", "gateway")
    assert (status, "discord.shard_count is 4 here, and 2 in a gateway that runs" in said) == (2, True)
