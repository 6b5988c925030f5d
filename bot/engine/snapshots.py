"""What people can see of a run and where it stands, stored for the process that may have to go on with it."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from bot.domain.run import LaneId, TurnId
from bot.engine.journal import Journal
from bot.errors import StoreFailed
from bot.ports import Fenced, PostedPage, Store, SurfaceError, replay_snapshots


class SnapshotWriter:
    def __init__(self, run: str, store: Store, journal: Journal) -> None:
        self._run = run
        self._store = store
        self._journal = journal
        self._said: dict[TurnId, str] = {}  # what became visible and is not stored yet
        self._placed: list[PostedPage] = []  # messages that stand and are not stored yet
        self._news = asyncio.Event()

    def shown(self, lane: LaneId, text: str) -> None:
        """So much of a turn is visible now; kept, so that an end can be made of it after a crash."""
        turns = self._journal.transcript.turns
        turn = next((i for i in reversed(tuple(turns)) if i.lane == lane), None)
        if turn is not None and turns[turn].ended is None:
            self.said(turn, text)

    def said(self, turn: TurnId, text: str) -> None:
        """So much of a turn must not be lost, whether it is visible or hidden on purpose."""
        self._said[turn] = text
        self._news.set()

    def placed(self, placed: PostedPage) -> None:
        """A message of this run stands there; kept, so that it is found again after a restart."""
        if placed.address:
            self._placed.append(placed)
            self._news.set()

    async def posting(self, placed: PostedPage) -> None:
        """A message of this run is about to be posted there: a later process must know before anybody sees it.

        Raises SurfaceError when the run is another process's by now.
        """
        if not placed.address or self._journal.failing:
            return
        try:
            await self._store.record_page(self._run, placed, epoch=self._journal.epoch)
        except StoreFailed as error:
            self._journal.failed(error)
        except Fenced as error:
            raise SurfaceError(str(error)) from error

    async def last(self) -> dict[TurnId, str]:
        """What each turn had shown last, by the store."""
        try:
            return {turn: text for turn, _, text in replay_snapshots(await self._store.snapshots(self._run))}
        except StoreFailed as error:
            self._journal.failed(error)
            return {}

    async def keep(self) -> None:
        """Store what is new, each turn's newest text only, at the pace of the store; until cancelled, or until the run
        is another process's."""
        with suppress(Fenced):
            while True:
                await self._news.wait()
                self._news.clear()
                await self.save()

    async def save(self) -> None:
        """Store what is new since the last time."""
        if self._journal.failing:
            return
        try:
            while self._placed:  # a cancel between two of them forgets none
                await self._store.record_page(self._run, self._placed[0], epoch=self._journal.epoch)
                del self._placed[0]
            for turn, text in list(self._said.items()):
                await self._store.snapshot(self._run, turn, text, epoch=self._journal.epoch)
                if self._said[turn] == text:
                    del self._said[turn]
        except StoreFailed as error:
            self._journal.failed(error)
