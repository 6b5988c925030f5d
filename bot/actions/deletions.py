"""Deletions under way, noted in the database: what a stop cuts off, the next start ends."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from bot.ports.process import Clock
from bot.ports.store import DocumentStore, Store

PREFIX = "deleting/"  # of documents, each by its run


class DeletionStore(Store, DocumentStore, Protocol):
    """A store of runs, and of what is noted about them."""


class Deletions:
    """The deleted runs whose messages may still stand on a platform."""

    def __init__(self, store: DeletionStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def begin(self, runs: Sequence[str]) -> None:
        for run in runs:
            await self._store.put(PREFIX + run, self._clock())

    async def end(self, run: str) -> None:
        """Note that one platform has deleted a run's messages; as long as others have some, the deletion stays open."""
        if not await self._store.posted_pages(run):
            await self._store.put(PREFIX + run, None)

    async def list_erased(self) -> list[str]:
        """Return the runs whose deletion is open and whose texts are gone: nothing of them is shown any more."""
        found = [key.removeprefix(PREFIX) for key in await self._store.documents(PREFIX)]
        return [run for run in found if not await self._store.read(run)]
