"""Checks of the database: its readability, the process that holds it, and the room on its disk."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

from bot.doctor import Finding
from bot.errors import Misconfigured, StoreFailed
from bot.ports.process import Clock
from storage import sqlite
from storage.errors import InUse
from storage.locations import Location, describe_location
from storage.schema import HEAD
from storage.store import open_store

_LEAST_ROOM_MB = 200
_BESIDE = "If that is the running bot, all is well. A second bot needs a file of its own: MOOT_STORAGE__PATH=other.db."


async def check_store(location: Location, clock: Clock) -> list[Finding]:
    """Check the database. It is made if there is none; one that is there is only read."""
    if not isinstance(location, Path):
        return await _check_postgres(location, clock)
    try:
        is_new = not await asyncio.to_thread(sqlite.is_there, location)
        async with open_store(location, clock=clock, read_only=not is_new) as store:
            await store.runs(limit=1)
    except (Misconfigured, StoreFailed) as error:
        return [Finding("database", "broken", str(error), "Mend it, or name another file in storage.path.")]
    opened = Finding("database", "ok", f"{location}: {'made' if is_new else 'can be read'}, version {HEAD}")
    return [_check_writable(location) or opened, *await asyncio.to_thread(_check_room, location)]


async def _check_postgres(url: str, clock: Clock) -> list[Finding]:
    """Make the store if there is none, or bring it up to date, as there is no reading it otherwise."""
    try:
        async with open_store(url, clock=clock) as store:
            size = await store.count_bytes()
    except InUse as error:
        return [Finding("database", "warning", str(error), "If that is the running bot, all is well.")]
    except (Misconfigured, StoreFailed) as error:
        return [Finding("database", "broken", str(error), "Mend it, or correct storage.url.")]
    return [Finding("database", "ok", f"{describe_location(url)}: {size / 1e6:,.1f} MB, version {HEAD}")]


def _check_writable(path: Path) -> Finding | None:
    """Find what keeps a bot that starts now from writing: rights, or another process, which may well be the bot."""
    try:
        with sqlite.lock_file(path):
            return None
    except InUse as error:
        return Finding("database", "warning", str(error), _BESIDE)
    except Misconfigured as error:
        return Finding("database", "broken", str(error), "Change the rights, or name another file in storage.path.")


def _check_room(path: Path) -> list[Finding]:
    free_mb = shutil.disk_usage(path.absolute().parent).free // 1_000_000
    if free_mb >= _LEAST_ROOM_MB:
        return []
    return [
        Finding("disk", "warning", f"{free_mb} MB are left beside {path}", "Make room: a full disk stops all runs.")
    ]
