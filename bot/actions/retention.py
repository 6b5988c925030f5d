"""Retention: runs go once they are older than their server keeps them."""

from __future__ import annotations

from collections.abc import Callable

from bot.ports.store import ExpiringStore
from bot.settings.settings import Settings

DAY_S = 86_400.0


async def erase_expired(store: ExpiringStore, settings: Settings, now: float, is_running: Callable[[str], bool]) -> int:
    """Erase runs that began longer ago than they are kept, but those that go on in this process; return how many."""
    count = 0
    for server in await store.servers():
        before = now - settings.keep_days(server) * DAY_S
        while old := [run for run in await store.runs_before(server, before) if not is_running(run)]:
            await store.erase_runs(old)
            count += len(old)
    return count
