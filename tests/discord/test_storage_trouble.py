"""The bot on Discord while its database fails: what runs goes on, people are told, and nothing is asked twice."""

from __future__ import annotations

import asyncio
import resource
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path

import pytest

from bot.domain.facts import TurnEnded
from bot.errors import StoreFailed
from storage.sqlite import Database
from storage.store import SqlStore
from tests.servers.model_server import answer
from tests.support.discord_bot import Moot

WORDS = ["One", "word", "follows", "another,", "and", "so", "it", "goes", "on.", ""]
Fault = Callable[[SqlStore, Path], AbstractAsyncContextManager[None]]


async def set_pragma(store: SqlStore, text: str) -> None:
    """Set a pragma of the writer's connection, without a transaction around it."""
    database = store._writer.database
    assert isinstance(database, Database)
    await database.driver.execute(f"PRAGMA {text}")


@asynccontextmanager
async def full(store: SqlStore, path: Path) -> AsyncIterator[None]:
    """Let no file grow beyond the present size of the database's log, as a quota that is used up does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.with_name(f"{path.name}-wal").stat().st_size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@asynccontextmanager
async def read_only(store: SqlStore, path: Path) -> AsyncIterator[None]:
    await set_pragma(store, "query_only = 1")
    yield
    await set_pragma(store, "query_only = 0")


@asynccontextmanager
async def locked(store: SqlStore, path: Path) -> AsyncIterator[None]:
    """Lock the database as another program does that writes."""
    other = sqlite3.connect(path, isolation_level=None, timeout=0)
    while not other.in_transaction:
        await asyncio.sleep(0.001)
        with suppress(sqlite3.OperationalError):  # the bot is writing
            other.execute("BEGIN IMMEDIATE")
    yield
    other.close()


def damage(path: Path) -> None:
    """Overwrite all but the first page, as a dying disk might."""
    with sqlite3.connect(path, isolation_level=None) as raw:
        raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    raw.close()
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (path.stat().st_size - 4096))


FAULTS: dict[str, tuple[Fault, str]] = {
    "full": (full, "the disk cannot be written or read"),
    "read-only": (read_only, "it is read-only"),
    "locked": (locked, "another program holds it locked"),
}


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Shorten the waits for a lock, and before a store that has failed is tried again."""
    monkeypatch.setattr("storage.sqlite.BUSY_TIMEOUT_S", 0.05)
    monkeypatch.setattr("bot.engine.journal.TRY_AGAIN_S", 0.1)
    monkeypatch.setattr("bot.engine.conductor.TRY_AGAIN_S", 0.1)


def script_long_answer(moot: Moot) -> None:
    """Let GPT speak for a while."""
    moot.script_model("gpt", answer(*(f"{word} " for word in WORDS * 4), gap_s=0.04))


async def read_outcome(m: Moot) -> str:
    (row,) = await m.store.runs()
    return row.outcome


async def wait_until(holds: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(30):
        while not await holds():
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("name", FAULTS)
async def test_a_run_goes_on_in_memory_and_is_stored_when_the_store_works_again(
    tmp_path: Path, moot: Moot, name: str
) -> None:
    fault, why = FAULTS[name]
    script_long_answer(moot)
    board = await moot.ask()
    thread = await moot.find_thread(board)
    turn = await moot.find_turn(thread, "One word follows")
    await moot.wait_until_stored(turn)
    async with fault(moot.store, tmp_path / "moot.db"):
        for told in (
            await moot.press(moot.ada, turn, "skip"),
            await moot.call_command(moot.bob, "compare", question="And milk?"),
        ):
            assert f"My database cannot be used just now ({why}), so nothing new is stored." in told
            assert str(tmp_path) not in told
        await moot.find_end_card(thread)
        await moot.wait_until(lambda: "Not being saved: my database cannot be used just now" in board.text)
        assert str(tmp_path) not in board.text
        assert "and so it goes on." in turn.text
        assert "skipped" not in turn.text
    await moot.wait_until(lambda: "Not being saved" not in board.text)
    await wait_until(lambda: _has_outcome(moot, "compared"))
    await moot.stop()
    await moot.start()
    assert "compared" in await moot.call_command(moot.ada, "moot runs")
    assert [len(moot.read_asks(seat)) for seat in ("claude", "gpt", "gemini")] == [1, 1, 1]
    assert len(moot.read_messages(moot.channel)) == 1  # what was refused left nothing behind


async def _have_others_ended(m: Moot) -> bool:
    (row,) = await m.store.runs()
    facts = [entry.fact for entry in await m.store.read(row.run)]
    return len([fact for fact in facts if isinstance(fact, TurnEnded)]) == 2


async def _has_outcome(m: Moot, wanted: str) -> bool:
    return await read_outcome(m) == wanted


async def test_a_file_that_is_damaged_under_a_run_does_not_end_it(tmp_path: Path, moot: Moot) -> None:
    script_long_answer(moot)
    board = await moot.ask()
    thread = await moot.find_thread(board)
    turn = await moot.find_turn(thread, "One word follows")
    await moot.wait_until_stored(turn)
    damage(tmp_path / "moot.db")
    await moot.find_end_card(thread)
    await moot.wait_until(lambda: "Result:" in board.text)
    assert "and so it goes on." in turn.text
    assert len(moot.read_asks("gpt")) == 1


async def test_a_process_that_ends_with_its_disk_full_asks_again_only_what_was_not_stored(
    tmp_path: Path, moot: Moot
) -> None:
    script_long_answer(moot)
    thread = await moot.find_thread(await moot.ask())
    await wait_until(lambda: _have_others_ended(moot))
    async with full(moot.store, tmp_path / "moot.db"):
        await moot.find_end_card(thread)
        stood = [message.id for message in moot.read_messages(thread)]
        await moot.stop()
    await moot.start()
    await wait_until(lambda: _has_outcome(moot, "compared"))
    assert [len(moot.read_asks(seat)) for seat in ("claude", "gpt", "gemini")] == [1, 2, 1]
    assert [message.id for message in moot.read_messages(thread)][: len(stood)] == stood


async def test_a_run_that_cannot_be_read_holds_up_no_other(tmp_path: Path, moot: Moot) -> None:
    moot.script_model("gpt", answer(*(f"{word} " for word in WORDS), gap_s=0.5))
    boards = [await moot.ask(question=f"Question {n}?") for n in range(2)]
    for board in boards:
        await moot.wait_until_stored(board)
    first, second = [row.run for row in reversed(await moot.store.runs())]
    await moot.stop()
    with sqlite3.connect(tmp_path / "moot.db") as raw:
        raw.execute("UPDATE facts SET kind = 'Elected' WHERE run = ? AND seq = 1", [first])
    raw.close()
    moot.script_model("gpt", answer("GPT speaks."))
    await moot.start()
    await moot.find_end_card(await moot.find_thread(boards[1]))
    assert f"`{second}` compare, compared" in await moot.call_command(moot.ada, "moot runs")
    assert "a newer version of me has stored it" in await moot.call_command(moot.ada, "moot show", run=first)


async def test_a_store_that_fails_as_the_bot_comes_into_a_server_ends_nothing(
    moot: Moot, monkeypatch: pytest.MonkeyPatch
) -> None:
    failures = 2
    list_unfinished = moot.store.unfinished_runs

    async def list_in_vain() -> list[str]:
        nonlocal failures
        if failures:
            failures -= 1
            raise StoreFailed("The store failed.")
        return await list_unfinished()

    async def has_failed() -> bool:
        return not failures

    monkeypatch.setattr("bot.cli.duties.RESUME_AGAIN_S", 0.05)
    monkeypatch.setattr(moot.store, "unfinished_runs", list_in_vain)
    await moot.server.create_guild()
    await wait_until(has_failed)
    await moot.find_end_card(await moot.find_thread(await moot.ask()))
