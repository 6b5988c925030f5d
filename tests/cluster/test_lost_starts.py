"""The database goes away just as a run begins: it begins once, and its person hears what is so."""

from __future__ import annotations

from pathlib import Path
from signal import SIGKILL

import pytest

from bot.domain.facts import RunFinished, RunStarted
from bot.errors import MAYBE_STORED
from storage import SqlStore
from tests.servers.discord import Interaction
from tests.servers.postgres_relay import PostgresRelay
from tests.support.postgres import make_database
from tests.support.roles_here import open_town_here
from tests.support.several import SharedTown, open_shared_town

TEXTS = ("Claude speaks.", "GPT speaks.", "**Result**")


async def has_begun_once(store: SqlStore, run: str) -> bool:
    """Return whether the only run is over. Raises AssertionError where its start is stored twice."""
    facts = [entry.fact for entry in await store.read(run)]
    assert sum(isinstance(fact, RunStarted) for fact in facts) == 1
    return any(isinstance(fact, RunFinished) for fact in facts)


async def ask(town: SharedTown) -> Interaction:
    return await town.discord.slash(town.ada, town.channel, "compare", question="Tea or coffee?")


async def hear(town: SharedTown, asked: Interaction) -> str:
    """Return what Ada is told alone, once she is told something; that takes seconds, so it comes behind an answer."""
    seen = await asked.answer()
    await town.discord.until(lambda: bool(seen.followups), 60)
    return seen.followups[0].text


async def check_it_is_over_once(town: SharedTown) -> None:
    """Check that the run goes on to its end, and return once it has."""
    await town.wait_for_texts(*TEXTS)
    await town.wait_for_stored(has_begun_once)
    assert town.ask_counts == {"claude": 1, "gpt": 1}
    await town.read_messages()  # there is one board


async def test_a_start_whose_answer_is_lost_begins_and_nobody_is_told_that_it_failed(tmp_path: Path) -> None:
    with make_database() as url:
        async with PostgresRelay(url) as relay, open_town_here(tmp_path, url) as (town, stack):
            await town.start_here(stack, "worker")
            await town.start_here(stack, "gateway", storage={"url": relay.url})
            await town.wait_until_heard()
            relay.loses = b"RunStarted"
            asked = await ask(town)
            await check_it_is_over_once(town)
            assert relay.lost == 1
            assert all("database" not in message.text for message in (await asked.answer()).followups)


@pytest.mark.parametrize("is_alone", [True, False])
async def test_a_start_of_which_nobody_knows_is_told_so_and_begins_by_itself(tmp_path: Path, is_alone: bool) -> None:
    with make_database() as url:
        async with PostgresRelay(url) as relay, open_shared_town(tmp_path, url) as town:
            town.change_settings(storage={"url": relay.url})
            if is_alone:
                await town.start()
            else:
                for role in ("worker", "gateway"):
                    await town.start_role(role)
            relay.loses, relay.shuts_then = b"RunStarted", True
            try:
                assert await hear(town, await ask(town)) == MAYBE_STORED
            finally:
                relay.is_shut = False
            await check_it_is_over_once(town)
            if town.process is not None:
                await town.end(SIGKILL)


async def test_a_start_while_the_database_is_away_for_a_moment_begins(tmp_path: Path) -> None:
    with make_database() as url:
        async with PostgresRelay(url) as relay, open_town_here(tmp_path, url) as (town, stack):
            await town.start_here(stack, "worker")
            await town.start_here(stack, "gateway", storage={"url": relay.url})
            await town.wait_until_heard()
            relay.loses, relay.shuts_then = b"RunStarted", True
            asked = await ask(town)
            await town.discord.until(lambda: relay.is_shut, 60)
            relay.is_shut = False
            await check_it_is_over_once(town)
            assert all("database" not in message.text for message in (await asked.answer()).followups)
