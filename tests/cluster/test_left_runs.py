"""Runs that a worker holds and does not work on, or that it cannot read: another one has them, and nothing churns."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.cli import cluster
from bot.domain.facts import Fact, RunFinished
from bot.domain.transcript import Entry
from bot.errors import StoreFailed, UnknownFacts
from storage import SqlStore
from tests.servers.model_server import answer
from tests.support.postgres import make_database
from tests.support.roles_here import TownHere, open_town_here

LONG = answer(*["word "] * 3_000, gap_s=0.05)
LOOK_S = 0.3
PASSED_ON = "a run is passed on, as a newer version has it"


@pytest.fixture
async def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[TownHere, AsyncExitStack]]:
    monkeypatch.setattr(cluster, "STRANDED_S", LOOK_S)
    with make_database() as url:
        async with open_town_here(tmp_path, url) as (town, stack):
            yield town, stack


class OlderVersion:
    """A change to a store: from a moment on, it knows nothing of what runs hold."""

    def __init__(self, *, is_older: bool) -> None:
        self.is_older = is_older

    def __call__(self, store: SqlStore) -> None:
        read = store.read

        async def read_known(run: str, after: int = 0) -> list[Entry]:
            if self.is_older:
                raise UnknownFacts("a newer version has written it")
            return await read(run, after)

        store.read = read_known  # type: ignore[method-assign]


def lose_first_claim(store: SqlStore) -> None:
    """Have the answer to the first claim be lost with the connection, though it is stored."""
    claim, lost = store.claim, list[str]()

    async def claim_in_vain(run: str, owner: str, facts: Sequence[Fact] = (), *, key: str | None = None) -> int:
        epoch = await claim(run, owner, facts, key=key)
        if not lost:
            lost.append(run)
            raise StoreFailed("the connection is gone")
        return epoch

    store.claim = claim_in_vain  # type: ignore[method-assign]


async def has_ended(store: SqlStore, run: str) -> bool:
    return any(isinstance(entry.fact, RunFinished) for entry in await store.read(run))


async def start_gateway(town: TownHere, stack: AsyncExitStack) -> None:
    await town.start_here(stack, "gateway")
    await town.wait_until_heard()


async def wait_for_line(logged: Sequence[Any], line: str) -> None:
    async with asyncio.timeout(60):
        while not any(entry["event"] == line for entry in logged):
            await asyncio.sleep(0.02)


async def test_a_claim_whose_answer_is_lost_leaves_no_run_lying(here: tuple[TownHere, AsyncExitStack]) -> None:
    town, stack = here
    await town.start_here(stack, "worker", lose_first_claim)
    await start_gateway(town, stack)
    await town.ask()
    await town.wait_for_stored(has_ended)
    await town.wait_for_texts("Claude speaks.", "GPT speaks.", "**Result**")


async def test_an_old_worker_is_offered_a_newer_versions_run_once(here: tuple[TownHere, AsyncExitStack]) -> None:
    town, stack = here
    with capture_logs() as logged:
        await town.start_here(stack, "worker", OlderVersion(is_older=True))
        await start_gateway(town, stack)
        await town.ask()
        await wait_for_line(logged, PASSED_ON)
        await asyncio.sleep(4 * LOOK_S)  # one more job may have been on its way
        passed_on = Counter(line["event"] for line in logged)[PASSED_ON]
        await asyncio.sleep(10 * LOOK_S)
        assert Counter(line["event"] for line in logged)[PASSED_ON] == passed_on
        await town.start_here(stack, "worker")
        await town.wait_for_stored(has_ended)
        assert Counter(line["event"] for line in logged)[PASSED_ON] == passed_on


async def test_a_run_goes_to_a_newer_worker_once_its_own_cannot_read_it(here: tuple[TownHere, AsyncExitStack]) -> None:
    town, stack = here
    town.script_model("claude", LONG)
    old = OlderVersion(is_older=False)
    await town.start_here(stack, "worker", old)
    await start_gateway(town, stack)
    await town.ask()
    await town.wait_for_texts("word word", "GPT speaks.")
    await town.start_here(stack, "worker")
    town.script_model("claude", answer("It is done."))
    old.is_older = True
    board, *_ = await town.read_messages()
    await town.discord.say(town.ada, board.id, "Mind the cost.", mentions=[town.discord.bot])
    await town.wait_for_stored(has_ended)
    await town.wait_for_texts("It is done.", "**Result**")
