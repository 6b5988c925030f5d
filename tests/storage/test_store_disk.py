"""What only a store on disk meets: kills, other processes, full and damaged disks, a close in the middle."""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import pytest

from bot.domain.facts import Interjected
from bot.domain.run import TurnId
from bot.errors import Misconfigured, StoreFailed
from bot.ports.process import Clock
from bot.ports.store import PostedPage
from storage import open_store
from storage.errors import explain_error
from storage.writer import MAX_REMEMBERED, RecentTexts
from tests.support.paths import ROOT
from tests.support.stores import replay_snapshots

TURN = TurnId("answer", 1, "claude")


def ticking() -> Clock:
    return itertools.count(1_000.0).__next__


def remark(text: str) -> Interjected:
    return Interjected("ann", text)


def child(body: str, path: Path) -> subprocess.Popen[str]:
    """A process of its own that runs `body` with `store` open on `path`; what it prints can be read."""
    lines = "\n".join(f"        {line}" for line in body.strip().splitlines())
    script = f"""
import asyncio, sys, time
from pathlib import Path
from bot.errors import StoreFailed
from bot.domain.facts import Interjected
from storage import open_store
from storage.backup import back_up

async def main():
    async with open_store(Path(sys.argv[1]), clock=time.time) as store:
{lines}

asyncio.run(main())
"""
    command = [sys.executable, "-W", "error", "-c", script, str(path)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stdin=subprocess.PIPE, text=True)


async def told(path: Path, run: str) -> list[str]:
    async with open_store(path, clock=ticking(), read_only=True) as store:
        return [entry.fact.text for entry in await store.read(run) if isinstance(entry.fact, Interjected)]


WRITING = """
async def person(run):
    n = 0
    while True:
        n += 1
        await store.append(run, [Interjected("ann", f"{n} first"), Interjected("ann", f"{n} second")])
        print(run, n, flush=True)

async with asyncio.TaskGroup() as people:
    for run in "abcde":
        people.create_task(person(run))
"""


async def test_what_was_reported_stored_survives_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "moot.db"
    with child(WRITING, path) as process:
        assert process.stdout is not None
        reported = [process.stdout.readline() for _ in range(200)]
        process.send_signal(signal.SIGKILL)
        reported += process.stdout.readlines()  # the last may be cut
    counts = dict.fromkeys("abcde", 0)
    for run, n in (line.split() for line in reported if line.endswith("\n")):
        counts[run] = int(n)
    async with open_store(path, clock=ticking()) as store:  # the dead process's lock is no obstacle
        for run, count in counts.items():
            entries = await store.read(run)
            assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))
            assert len(entries) % 2 == 0  # what was stored together is there together
            assert len(entries) >= 2 * count
            await store.append(run, [remark("on we go")])


HOLDING = """
await store.append("r", [Interjected("ann", "hello")])
print("ready", flush=True)
sys.stdin.readline()
"""


async def test_a_second_writer_is_refused_and_a_reader_is_not(tmp_path: Path) -> None:
    path = tmp_path / "moot.db"
    with child(HOLDING, path) as process:
        assert process.stdout is not None
        assert process.stdin is not None
        process.stdout.readline()
        with pytest.raises(Misconfigured, match=f"pid {process.pid}"):
            async with open_store(path, clock=ticking()):
                pass
        assert await told(path, "r") == ["hello"]
        process.stdin.close()
        assert process.wait() == 0
    async with open_store(path, clock=ticking()) as store:
        await store.append("r", [remark("mine now")])


async def test_a_reader_sees_what_a_live_writer_stores_and_cannot_write(tmp_path: Path) -> None:
    path = tmp_path / "moot.db"
    async with (
        open_store(path, clock=ticking()) as store,
        open_store(path, clock=ticking(), read_only=True) as reader,
    ):
        for n in range(3):
            await store.append("r", [remark(str(n))])
            assert len(await reader.read("r")) == n + 1
        with pytest.raises(StoreFailed, match="read-only"):
            await reader.append("r", [remark("mine")])
        assert len(await store.read("r")) == 3


async def test_a_reader_reads_a_store_that_nobody_writes(tmp_path: Path) -> None:
    path = tmp_path / "moot.db"
    async with open_store(path, clock=ticking()) as store:
        await store.append("r", [remark("hello")])
    assert {*os.listdir(tmp_path)} == {"moot.db", "moot.db.lock"}  # one file to copy
    assert await told(path, "r") == ["hello"]


FILLING = """
import resource
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, hard))
texts = []
try:
    while True:
        await store.append("r", [Interjected("ann", f"{len(texts)} " + "x" * 5_000)])
        texts.append(len(texts))
except StoreFailed as error:
    print(error, flush=True)
print(len(await store.read("r")) == len(texts), flush=True)
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
await store.append("r", [Interjected("ann", "on we go")])
print(len(await store.read("r")) == len(texts) + 1, flush=True)
"""


async def test_a_full_disk_fails_the_write_and_room_mends_it(tmp_path: Path) -> None:
    with child(FILLING, tmp_path / "moot.db") as process:
        out, _ = process.communicate()
    assert process.returncode == 0
    told, intact, mended = out.splitlines()
    assert re.search("nothing new is stored. (Make|Check).* room", told)
    assert intact == mended == "True"


def test_errors_of_the_store_are_told_apart_from_those_of_a_statement(tmp_path: Path) -> None:
    path = tmp_path / "any.db"
    with sqlite3.connect(path, isolation_level=None) as one, sqlite3.connect(path, timeout=0) as two:
        one.execute("CREATE TABLE t (x PRIMARY KEY)")
        one.execute("INSERT INTO t VALUES (1)")
        with pytest.raises(sqlite3.IntegrityError) as twice:
            one.execute("INSERT INTO t VALUES (1)")
        assert explain_error(twice.value) is None
        one.execute("BEGIN EXCLUSIVE")
        with pytest.raises(sqlite3.OperationalError) as busy:
            two.execute("SELECT * FROM t")
        assert "locked" in str(explain_error(busy.value))
        one.execute("PRAGMA max_page_count = 3")
        with pytest.raises(sqlite3.OperationalError) as full:
            one.execute("INSERT INTO t VALUES (?)", ["x" * 100_000])
        assert "disk is full" in str(explain_error(full.value))
    one.close()
    two.close()


async def test_a_write_that_cannot_be_stored_spoils_no_other(tmp_path: Path) -> None:
    async with open_store(tmp_path / "moot.db", clock=ticking()) as store:
        keys = [f"event {n}" if n % 10 else f"half an emoji \ud83d {n}" for n in range(60)]
        ends = await asyncio.gather(
            *(store.append("r", [remark(key)], key=key) for key in keys), return_exceptions=True
        )
        assert [isinstance(end, UnicodeEncodeError) for end in ends] == ["emoji" in key for key in keys]
        entries = await store.read("r")
        assert [entry.seq for entry in entries] == list(range(1, 55))
        assert [entry.fact for entry in entries] == [remark(key) for key in keys if "emoji" not in key]
        spoilt: Any = object()
        ends = await asyncio.gather(
            *(store.put(f"{n}", n if n % 10 else spoilt) for n in range(60)), return_exceptions=True
        )
        assert [end is None for end in ends] == [n % 10 > 0 for n in range(60)]
        assert await store.documents("") == {f"{n}": n for n in range(60) if n % 10}


async def test_closing_stores_what_waits_and_refuses_what_comes(tmp_path: Path) -> None:
    path = tmp_path / "moot.db"
    async with open_store(path, clock=ticking()) as store:
        waiting = [asyncio.create_task(store.append("r", [remark(str(n))])) for n in range(1_500)]
        await asyncio.sleep(0)  # they begin; a third of them waits for room
    ends = await asyncio.gather(*waiting, return_exceptions=True)
    stored = [str(n) for n, end in enumerate(ends) if end is None]
    assert len(stored) >= 1_000
    assert all(isinstance(end, StoreFailed | None) for end in ends)
    assert await told(path, "r") == stored
    with pytest.raises(StoreFailed, match="is closed"):
        await store.append("r", [remark("too late")])


async def test_a_lane_grows_on_after_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "moot.db"
    async with open_store(path, clock=ticking()) as store:
        await store.snapshot("r", TURN, "It depends")
        await store.snapshot("r", TURN, "It does")
    async with open_store(path, clock=ticking()) as store:
        await store.snapshot("r", TURN, "It does")
        await store.snapshot("r", TURN, "It does not")
        shown = await store.snapshots("r")
    assert [(s.kept, s.text) for s in shown] == [(0, "It depends"), (4, "oes"), (7, " not")]
    assert [text for _, _, text in replay_snapshots(shown)] == ["It depends", "It does", "It does not"]


async def test_pages_and_documents_survive_a_restart(tmp_path: Path) -> None:
    path, placed = tmp_path / "moot.db", PostedPage("discord/1/2", TURN.lane, 1, "discord:10")
    async with open_store(path, clock=ticking()) as store:
        await store.record_page("r", placed)
        await store.put("discord/1/words", ["rude"])
    async with open_store(path, clock=ticking()) as store:
        assert await store.find_page("discord:10") == ("r", placed)
        assert await store.documents("discord/1/") == {"discord/1/words": ["rude"]}
        await store.record_page("r", replace(placed, ref="discord:11"))
        await store.put("discord/1/words", None)
        assert await store.posted_pages("r") == [replace(placed, ref="discord:11")]
        assert await store.documents("") == {}


def test_only_so_many_lanes_are_remembered() -> None:
    remembered = RecentTexts()
    for n in range(MAX_REMEMBERED):
        remembered.update({("r", str(n)): "text"})
    remembered.update({("r", "0"): "more", ("r", "new"): "text"})
    assert len(remembered.texts) == MAX_REMEMBERED
    assert remembered.texts["r", "0"] == "more"
    assert ("r", "1") not in remembered.texts


async def test_nothing_is_left_of_a_store_that_was_closed(tmp_path: Path) -> None:
    path = tmp_path / "moot.db"
    threads, tasks, files = set(threading.enumerate()), asyncio.all_tasks(), psutil.Process().num_fds()
    async with open_store(path, clock=ticking()) as store:
        await store.append("r", [remark("hello")])
        reads = [asyncio.create_task(store.read("r")) for _ in range(50)]
        for n, read in enumerate(reads):  # cancelled wherever they are
            await asyncio.sleep(0)
            if n % 3:
                read.cancel()
        await asyncio.gather(*reads, return_exceptions=True)
        assert len(await store.read("r")) == 1
    with pytest.raises(ZeroDivisionError):
        async with open_store(path, clock=ticking()):
            raise ZeroDivisionError  # the caller's own errors come out as they are
    for thread in threading.enumerate():
        if thread is not threading.current_thread():
            thread.join(timeout=60)
    assert set(threading.enumerate()) <= threads  # one of before may have ended
    assert asyncio.all_tasks() == tasks
    assert psutil.Process().num_fds() == files


async def test_a_close_cut_short_leaves_nobody_waiting(tmp_path: Path) -> None:
    begun = asyncio.Event()
    waiting: list[asyncio.Task[None]] = []

    async def session() -> None:
        async with open_store(tmp_path / "moot.db", clock=ticking()) as store:
            waiting.extend(asyncio.create_task(store.append("r", [remark(str(n))])) for n in range(600))
            begun.set()
            await asyncio.Event().wait()

    task = asyncio.create_task(session())
    await begun.wait()
    for _ in range(2):  # the first ends the session, the second its close
        task.cancel()
        for _ in range(5):
            await asyncio.sleep(0)
    with pytest.raises(asyncio.CancelledError):
        await task
    ends = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(end, StoreFailed | None) for end in ends)
    texts = await told(tmp_path / "moot.db", "r")
    assert {str(n) for n, end in enumerate(ends) if end is None} <= set(texts)


async def test_a_row_that_cannot_be_read_leaves_later_reads_the_newest_state(tmp_path: Path) -> None:
    path = tmp_path / "moot.db"
    async with open_store(path, clock=ticking()) as store:
        await store.append("odd", [remark("one"), remark("two")])
        with sqlite3.connect(path) as raw:
            raw.execute("UPDATE facts SET kind = 'Elected' WHERE seq = 1")
        raw.close()
        with pytest.raises(StoreFailed, match="Elected") as held:  # its traceback keeps what was under way
            await store.read("odd")
        await store.append("other", [remark("three")])
        assert [entry.fact for entry in await store.read("other")] == [remark("three")]
        del held
