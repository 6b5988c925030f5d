"""Processes whose own clocks are minutes apart: leases go by the database's clock."""

from __future__ import annotations

from pathlib import Path
from signal import SIGKILL

import pytest

from bot.domain.facts import Claimed, ProcessDied, RunFinished
from storage import SqlStore
from tests.servers.model_server import answer
from tests.support.postgres import make_database
from tests.support.several import SharedTown, open_shared_town

LONG = answer(*["word "] * 300, gap_s=0.05)  # 15 s


async def is_claimed_by_a_worker(store: SqlStore, run: str) -> bool:
    return sum(isinstance(entry.fact, Claimed) for entry in await store.read(run)) >= 2  # the gateway was the first


async def count_facts(town: SharedTown, kind: type[object]) -> int:
    """Return how often something has happened in the only run."""
    found: list[object] = []

    async def read(store: SqlStore, run: str) -> bool:
        found[:] = [entry.fact for entry in await store.read(run) if isinstance(entry.fact, kind)]
        return True

    await town.wait_for_stored(read)
    return len(found)


@pytest.mark.parametrize("off_s", [900, -900])
async def test_a_worker_whose_clock_is_minutes_off_conducts_and_takes_over(tmp_path: Path, off_s: int) -> None:
    with make_database() as url:
        async with open_shared_town(tmp_path, url) as town:
            town.script_model("claude", LONG)
            await town.start_role("gateway")
            town.plant(f"import time\nclock = time.time\ntime.time = lambda: clock() + {off_s}")
            for _ in range(2):
                await town.start_role("worker")
            await town.ask("council")
            await town.wait_for_texts("word word")
            run = await town.wait_for_stored(is_claimed_by_a_worker)
            owner = town.find_owner(run)
            assert owner is not None
            town.script_model("claude", answer("It is done."))
            owner.send_signal(SIGKILL)
            await town.wait_for_texts("It is done.", "**Result**")
            assert await count_facts(town, ProcessDied) == 1
            assert await count_facts(town, RunFinished) == 1
            assert [p.returncode for p in town.processes if p is not owner] == [None, None]
