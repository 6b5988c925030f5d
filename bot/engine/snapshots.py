"""Snapshots: a run's visible texts and messages, stored for the process that may have to go on with it."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from bot.domain.run import LaneId, TurnId
from bot.engine.journal import Journal
from bot.errors import StoreFailed
from bot.ports.store import Fenced, PostedPage, Store, last_texts
from bot.ports.surface import SurfaceError


class SnapshotWriter:
    """A writer of one run's snapshots and pages, at the pace of the store."""

    def __init__(self, run: str, store: Store, journal: Journal) -> None:
        self._run = run
        self._store = store
        self._journal = journal
        self._texts: dict[TurnId, str] = {}  # texts that are not stored yet
        self._pages: list[PostedPage] = []  # posted messages that are not stored yet
        self._news = asyncio.Event()

    def note_shown(self, lane: LaneId, text: str) -> None:
        """Keep the visible text of a lane's turn, so that an end can be made of it after a crash."""
        turns = self._journal.transcript.turns
        turn = next((i for i in reversed(tuple(turns)) if i.lane == lane), None)
        if turn is not None and turns[turn].ended is None:
            self.note_text(turn, text)

    def note_text(self, turn: TurnId, text: str) -> None:
        """Keep the text of a turn, whether it is visible or hidden on purpose."""
        self._texts[turn] = text
        self._news.set()

    def note_page(self, page: PostedPage) -> None:
        """Keep the place of a message, so that it is found again after a restart."""
        if page.address:
            self._pages.append(page)
            self._news.set()

    async def record_page(self, page: PostedPage) -> None:
        """Store that a message is about to be posted: a later process must know before anybody sees it.

        Raises SurfaceError when the run is another process's by now.
        """
        if not page.address or self._journal.failing:
            return
        try:
            await self._store.record_page(self._run, page, epoch=self._journal.epoch)
        except StoreFailed as error:
            self._journal.note_failure(error)
        except Fenced as error:
            raise SurfaceError(str(error)) from error

    async def last_texts(self) -> dict[TurnId, str]:
        """Return each turn's last snapshot."""
        try:
            return last_texts(await self._store.snapshots(self._run))
        except StoreFailed as error:
            self._journal.note_failure(error)
            return {}

    async def keep_saving(self) -> None:
        """Store news as they come, of each turn the newest text only, at the pace of the store.

        Returns when the run is another process's; cancel it otherwise.
        """
        with suppress(Fenced):
            while True:
                await self._news.wait()
                self._news.clear()
                await self.save()

    async def save_rest(self) -> None:
        """Store all that is in memory alone, once the store works. Raises Fenced."""
        await self.save()
        while self._journal.failing:
            await self._journal.wait_until_stored()
            if self._journal.failing:  # patience is at its end
                return
            await self.save()

    async def save(self) -> None:
        """Store the news since the last time."""
        if self._journal.failing:
            return
        try:
            while self._pages:  # so that a cancel between two of them loses none
                await self._store.record_page(self._run, self._pages[0], epoch=self._journal.epoch)
                del self._pages[0]
            for turn, text in list(self._texts.items()):
                await self._store.snapshot(self._run, turn, text, epoch=self._journal.epoch)
                if self._texts[turn] == text:
                    del self._texts[turn]
        except StoreFailed as error:
            self._journal.note_failure(error)
