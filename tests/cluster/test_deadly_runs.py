"""A run that kills each worker that conducts it: it is set aside, and the others' runs go on."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from bot.domain.facts import ProcessDied, RunFinished, SetAside
from bot.engine.quarantine import DEADLY, MOST_TAKE_OVERS
from storage import SqlStore
from tests.support.forked_moot import Fork
from tests.support.postgres import make_database
from tests.support.several import open_shared_town

DEADLY_RUN = """
import os
import bot.formats.compare as form
ask = form.ask
def planted(t, turn):
    if t.start is not None and "poison" in t.start.question:
        os.kill(os.getpid(), 9)
    return ask(t, turn)
form.ask = planted
"""


async def wait_for_death(processes: Sequence[Fork]) -> Fork:
    """Return the first of these processes that has ended."""
    while not (ended := [process for process in processes if process.returncode is not None]):
        await asyncio.sleep(0.02)
    return ended[0]


async def test_a_run_that_kills_workers_is_set_aside(tmp_path: Path) -> None:
    with make_database() as url:
        async with open_shared_town(tmp_path, url) as town:
            town.plant(DEADLY_RUN)
            await town.start_role("gateway")
            workers = [await town.start_role("worker") for _ in range(2)]
            await town.ask(question="Which poison?")
            for number in range(MOST_TAKE_OVERS):
                died = await asyncio.wait_for(wait_for_death(workers), 60)
                workers.remove(died)
                if number + 1 < MOST_TAKE_OVERS:
                    workers.append(await town.start_role("worker"))
            workers.append(await town.start_role("worker"))
            facts: list[object] = []

            async def is_set_aside(store: SqlStore, run: str) -> bool:
                facts[:] = [entry.fact for entry in await store.read(run)]
                return any(isinstance(fact, SetAside) for fact in facts)

            await town.wait_for_stored(is_set_aside)
            await town.wait_for_texts(DEADLY)
            assert sum(isinstance(fact, ProcessDied) for fact in facts) == MOST_TAKE_OVERS
            assert not any(isinstance(fact, RunFinished) for fact in facts)
            await town.ask(question="Tea or coffee?")
            await town.wait_for_texts("Claude speaks.", "GPT speaks.", "**Result**")
            assert [worker.returncode for worker in workers] == [None] * len(workers)
