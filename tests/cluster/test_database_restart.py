"""A database that is restarted while gateways and workers are at work: in the end it knows all that stands."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from adapters.discord.addresses import message_ref
from bot.domain.facts import RunFinished, TurnEnded
from storage import SqlStore
from tests.servers.model_server import answer
from tests.support.postgres import make_database, restart_server
from tests.support.several import SharedTown, open_shared_town

MEDIUM = answer(*["word "] * 60, gap_s=0.05)  # 3 s
DOWN_S = 6.0  # longer than an answer takes
MESSAGES = 4  # the board, two answers, and the end card


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[SharedTown]:
    with make_database() as url:
        async with open_shared_town(tmp_path, url) as made:
            yield made


async def test_what_ends_while_the_database_is_down_is_stored_once_it_is_back(town: SharedTown) -> None:
    town.script_model("claude", MEDIUM)
    processes = [await town.start_role(role) for role in ("worker", "gateway")]
    await town.ask()
    await town.wait_for_texts("word word")
    await asyncio.to_thread(restart_server, DOWN_S)
    facts: list[object] = []
    known: list[str] = []

    async def is_over(store: SqlStore, run: str) -> bool:
        facts[:] = [entry.fact for entry in await store.read(run)]
        known[:] = [page.ref for page in await store.posted_pages(run) if page.ref]
        return any(isinstance(fact, RunFinished) for fact in facts) and len(known) == MESSAGES

    await town.wait_for_texts("**Result**")
    await town.wait_for_stored(is_over)
    assert sum(isinstance(fact, RunFinished) for fact in facts) == 1
    assert Counter(fact.finish for fact in facts if isinstance(fact, TurnEnded)) == {"done": 2}
    assert town.ask_counts == {"claude": 1, "gpt": 1}
    board, *thread = await town.read_messages()
    faces = [message_ref(m.channel_id, m.id, by_webhook=m.webhook_id is not None) for m in thread]
    assert sorted(known) == sorted([message_ref(board.channel_id, board.id, by_webhook=False), *faces])
    assert [process.returncode for process in processes] == [None, None]
