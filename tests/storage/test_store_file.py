"""What a store makes of the file that it is given: foreign, damaged, closed, or a link to another."""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.domain.facts import Interjected
from bot.errors import Misconfigured, StoreFailed
from storage import open_store
from storage.backup import back_up


def remark(text: str) -> Interjected:
    return Interjected("ann", text)


async def told(path: Path, run: str) -> list[str]:
    async with open_store(path, clock=lambda: 0.0, read_only=True) as store:
        return [entry.fact.text for entry in await store.read(run) if isinstance(entry.fact, Interjected)]


async def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    path = tmp_path / "moot.db"
    path.write_text("Dear diary, " * 1_000)
    with pytest.raises(StoreFailed, match="no database"):
        async with open_store(path, clock=lambda: 0.0):
            pass
    assert path.read_text().startswith("Dear diary")  # nothing of it was touched


async def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    path = tmp_path / "moot.db"
    async with open_store(path, clock=lambda: 0.0) as store:
        for n in range(100):
            await store.append("r", [remark(f"{n}" * 500)])
    with path.open("r+b") as file:
        file.seek(3 * 4096)
        file.write(b"\xff" * (path.stat().st_size - 3 * 4096))
    with pytest.raises(StoreFailed, match="damaged"):
        await told(path, "r")


async def test_a_fact_of_a_newer_version_is_told_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "moot.db"
    async with open_store(path, clock=lambda: 0.0) as store:
        await store.append("r", [remark("hello"), remark("there")])
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE facts SET kind = 'Elected' WHERE seq = 2")
    raw.close()
    with pytest.raises(StoreFailed, match="fact 2 of run r: Elected"):
        await told(path, "r")


@contextmanager
def nobody() -> Iterator[None]:
    """Rights do not bind root: become somebody whom they bind."""
    before = os.geteuid()
    if before == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(before)


async def test_a_file_that_may_not_be_written_is_told() -> None:
    with tempfile.TemporaryDirectory() as public:  # tmp_path is closed to others
        path = Path(public) / "moot.db"
        async with open_store(path, clock=lambda: 0.0) as store:
            await store.append("r", [remark("hello")])
        os.chmod(public, 0o777)
        os.chmod(path, 0o444)
        with nobody():
            with pytest.raises(Misconfigured, match="may not be written"):
                async with open_store(path, clock=lambda: 0.0):
                    pass
            assert await told(path, "r") == ["hello"]


async def test_places_that_are_none(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path, message in [
        (tmp_path, "is a directory"),
        (tmp_path / "file" / "moot.db", "cannot be made"),
        (Path("/proc/moot/moot.db"), "cannot be made"),
    ]:
        with pytest.raises(Misconfigured, match=message):
            async with open_store(path, clock=lambda: 0.0):
                pass
    for path in (tmp_path, tmp_path / "missing.db"):
        with pytest.raises(Misconfigured, match="no store at"):
            async with open_store(path, clock=lambda: 0.0, read_only=True):
                pass
    async with open_store(tmp_path / "made" / "on the way?" / "a#b%20.db", clock=lambda: 0.0) as store:
        await store.append("r", [remark("hello")])
    assert await told(tmp_path / "made" / "on the way?" / "a#b%20.db", "r") == ["hello"]


async def test_nobody_else_may_read_what_is_stored(tmp_path: Path) -> None:
    path = tmp_path / "moot.db"
    path.touch(0o644)
    path.chmod(0o644)
    async with open_store(path, clock=lambda: 0.0):
        await back_up(path, tmp_path / "copy.db")
        rights = {file.name: file.stat().st_mode & 0o777 for file in tmp_path.iterdir()}
    assert set(rights.values()) == {0o600}
    assert {"moot.db", "moot.db-wal", "moot.db-shm", "moot.db.lock", "copy.db"} <= rights.keys()


async def test_a_link_to_the_file_lets_no_second_writer_in(tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to(tmp_path / "moot.db")
    (tmp_path / "folder").symlink_to(tmp_path)
    async with open_store(tmp_path / "moot.db", clock=lambda: 0.0):
        for other in ("link.db", "folder/moot.db"):
            with pytest.raises(Misconfigured, match="in use by the process"):
                async with open_store(tmp_path / other, clock=lambda: 0.0):
                    pass
