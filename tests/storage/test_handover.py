"""The jobs by which runs are handed over, where their database is away."""

from __future__ import annotations

from contextlib import AsyncExitStack

import pytest

from bot.errors import StoreFailed
from storage.handover import open_hand_over
from tests.servers.postgres_relay import PostgresRelay


async def test_a_database_that_is_away_fails_the_store_also_once_no_connection_is_left(postgres: str) -> None:
    async with AsyncExitStack() as server:
        relay = await server.enter_async_context(PostgresRelay(postgres))
        async with open_hand_over(relay.url) as jobs:
            await jobs.offer("before", "")
            await server.aclose()
            for run in ("with the connection that was lost", "without one"):
                with pytest.raises(StoreFailed):
                    await jobs.offer(run, "")
