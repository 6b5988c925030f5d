"""Deletions under way, noted in the database: what a stop cuts off, the next start ends."""

from __future__ import annotations

from collections.abc import Sequence

from bot.ports import Clock, DocumentStore

PREFIX = "deleting/"  # of documents, each by its run


class Deletions:
    """The deleted runs whose messages may still stand on a platform."""

    def __init__(self, documents: DocumentStore, clock: Clock) -> None:
        self._documents = documents
        self._clock = clock

    async def begin(self, runs: Sequence[str]) -> None:
        for run in runs:
            await self._documents.put(PREFIX + run, self._clock())

    async def end(self, run: str) -> None:
        """Note that what could be deleted of a run's messages is deleted."""
        await self._documents.put(PREFIX + run, None)

    async def list_open(self) -> list[str]:
        return [key.removeprefix(PREFIX) for key in await self._documents.documents(PREFIX)]
