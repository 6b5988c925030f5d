"""Deliveries that were taken, as another process finds them in the store."""

from __future__ import annotations

import sqlite3
import time
from contextlib import closing
from pathlib import Path

from adapters.common.deliveries import DeliveryLog
from storage import open_store


def damage_documents(path: Path) -> None:
    """Write over the page in which the documents of a SQLite file begin; everything else stays readable."""
    with closing(sqlite3.connect(path)) as raw:
        (page,) = raw.execute("SELECT rootpage FROM sqlite_master WHERE name = 'shelf'").fetchone()
        (page_bytes,) = raw.execute("PRAGMA page_size").fetchone()
    with path.open("r+b") as file:
        file.seek((page - 1) * page_bytes)
        file.write(b"\xff" * page_bytes)


async def test_what_another_process_has_taken_is_found_and_is_new_where_the_store_cannot_be_read(
    tmp_path: Path,
) -> None:
    path = tmp_path / "moot.db"
    async with open_store(path, clock=time.time) as store:
        one, other = (DeliveryLog("slack", store, time.time) for _ in range(2))
        assert one.take("Ev1")
        await one.save("Ev1")
        assert [await other.is_saved(key) for key in ("Ev1", "Ev")] == [True, False]
        assert (one.repeats, other.repeats) == (0, 1)
    damage_documents(path)
    async with open_store(path, clock=time.time, read_only=True) as store:
        assert not await DeliveryLog("slack", store, time.time).is_saved("Ev1")
