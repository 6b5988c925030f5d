"""Gateways and workers as processes of their own, on a real PostgreSQL, against Discord's wire server."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from signal import SIGCONT, SIGKILL, SIGSTOP, SIGTERM

import pytest

from bot.domain.facts import Claimed, ProcessDied, RunFinished, SkipAsked, Stopped, TurnEnded, VoteCast
from storage import SqlStore
from tests.servers.discord import Message
from tests.servers.model_server import answer
from tests.support.postgres import make_database
from tests.support.several import SharedTown, open_shared_town

LONG = answer(*["word "] * 300, gap_s=0.05)  # 15 s
SHORT = answer("It is done.")


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[SharedTown]:
    with make_database() as url:
        async with open_shared_town(tmp_path, url) as made:
            yield made


async def has_ended(store: SqlStore, run: str) -> bool:
    return any(isinstance(entry.fact, RunFinished) for entry in await store.read(run))


async def is_claimed_by_a_worker(store: SqlStore, run: str) -> bool:
    return sum(isinstance(entry.fact, Claimed) for entry in await store.read(run)) >= 2  # the gateway was the first


def list_titles(thread: list[Message]) -> Counter[str]:
    """Count the messages of a thread by who sent them."""
    return Counter(message.author.name for message in thread)


ONCE_EACH = {"Claude · Moot": 1, "GPT · Moot": 1, "moot": 1}


@pytest.mark.parametrize("role", ["gateway", "worker"])
async def test_a_role_is_refused_where_one_process_holds_the_runs(town: SharedTown, role: str) -> None:
    town.change_settings()
    status, said = await town.run_command("run", "--role", role)
    assert status == 2
    assert f"--role {role} needs a database that several processes share" in said
    assert "set storage.url to a PostgreSQL database" in said


async def test_a_bot_in_one_process_and_one_in_several_refuse_each_other(town: SharedTown) -> None:
    await town.start_role("worker")
    status, said = await town.run_command("run")
    assert (status, "is in use by the process with pid" in said) == (2, True)


async def test_a_gateway_shows_the_board_and_a_worker_conducts_the_run(town: SharedTown) -> None:
    worker = await town.start_role("worker")
    gateway = await town.start_role("gateway")
    await town.ask()
    await town.wait_for_texts("Claude speaks.", "GPT speaks.", "**Result**")
    run = await town.wait_for_stored(has_ended)
    assert town.find_owner(run) is worker
    _, *thread = await town.read_messages()
    assert list_titles(thread) == ONCE_EACH
    await town.discord.click(town.ada, thread[-1], f"moot:{run}:vote:gpt")  # the gateway stores it, the worker shows it

    async def is_voted(store: SqlStore, run: str) -> bool:
        return any(isinstance(entry.fact, VoteCast) for entry in await store.read(run))

    await town.wait_for_stored(is_voted)
    assert [process.returncode for process in (worker, gateway)] == [None, None]


async def test_a_skip_reaches_the_run_wherever_it_is_conducted(town: SharedTown) -> None:
    town.script_model("claude", LONG)
    for role in ("worker", "gateway"):
        await town.start_role(role)
    await town.ask()
    await town.wait_for_texts("word word")
    run = await town.wait_for_stored(is_claimed_by_a_worker)
    _, *thread = await town.read_messages()
    speaking = next(message for message in thread if "Claude" in message.author.name)
    await town.discord.click(town.ada, speaking, f"moot:{run}:skip:answer/1/claude")
    await town.wait_for_texts("**Result**")
    facts: list[object] = []

    async def read(store: SqlStore, run: str) -> bool:
        facts[:] = [entry.fact for entry in await store.read(run)]
        return True

    await town.wait_for_stored(read)
    assert sum(isinstance(fact, SkipAsked) for fact in facts) == 1
    ends = {fact.turn.seat: fact.finish for fact in facts if isinstance(fact, TurnEnded)}
    assert ends == {"claude": "skipped", "gpt": "done"}
    assert not any(isinstance(fact, Stopped) for fact in facts)


@pytest.mark.parametrize("end", [SIGKILL, SIGTERM, SIGSTOP])
async def test_another_worker_goes_on_where_one_was_killed_stopped_or_slept(town: SharedTown, end: int) -> None:
    """Nothing is lost, nothing stands twice, and a worker that was only asleep changes nothing any more."""
    town.script_model("claude", LONG)
    for role in ("worker", "worker", "gateway"):
        await town.start_role(role)
    await town.ask()
    await town.wait_for_texts("word word")
    run = await town.wait_for_stored(is_claimed_by_a_worker)
    owner = town.find_owner(run)
    assert owner is not None
    town.script_model("claude", SHORT)
    owner.send_signal(end)
    await town.wait_for_texts("It is done.", "**Result**")
    if end == SIGSTOP:
        owner.send_signal(SIGCONT)
        await town.wait_until_leased(owner)
    facts: list[object] = []

    async def read(store: SqlStore, run: str) -> bool:
        facts[:] = [entry.fact for entry in await store.read(run)]
        return True

    await town.wait_for_stored(read)
    assert sum(isinstance(fact, ProcessDied) for fact in facts) == (end != SIGTERM)
    assert sum(isinstance(fact, RunFinished) for fact in facts) == 1
    _, *thread = await town.read_messages()
    assert list_titles(thread) == ONCE_EACH
    assert town.find_owner(run) not in (None, owner)
