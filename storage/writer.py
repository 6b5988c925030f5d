"""One writer for many callers: what waits while a commit runs goes into the next one together (group commit)."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Collection, Mapping, Sequence
from copy import copy
from types import TracebackType

from sqlalchemy import Connection

from bot.errors import StoreFailed
from storage import rows
from storage.batch import Batch, Claim, LaneRow, Write
from storage.errors import translating_errors
from storage.locations import Connections

MAX_WAITING = 1_000  # writes; more wait, in order, for room among them
MAX_BATCH = 200  # writes in one transaction
STOPPING = "I am being stopped, so this was not stored: try again in a minute."
MAX_REMEMBERED = 1_000  # lanes' last texts; others are read back when they are shown again

Result = int | None | Exception
Waiting = tuple[Write, asyncio.Future[int | None]]


class Writer:
    """An async context manager: inside it writes are taken; leaving it waits until all that were taken are stored."""

    def __init__(self, database: Connections, name: str) -> None:
        """Take the connection that writes, and the store's name for people."""
        self.database = database
        self._name = name
        self._room = asyncio.Semaphore(MAX_WAITING)
        self._waiting: asyncio.Queue[Waiting | None] = asyncio.Queue()  # bounded by the room; None is the end
        self._closed = False
        self._shown = RecentTexts()

    async def __aenter__(self) -> Writer:
        self._task = asyncio.create_task(self._run(), name="store writer")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._closed = True
        self._waiting.put_nowait(None)
        await self._task

    async def write(self, write: Write) -> int | None:
        """Store a write and return. A caller cancelled while it waits for room has stored nothing; later, all of it."""
        await self._room.acquire()
        if self._closed:
            self._room.release()
            raise self._closed_error()
        done: asyncio.Future[int | None] = asyncio.get_running_loop().create_future()
        self._waiting.put_nowait((write, done))
        return await done

    async def _run(self) -> None:
        try:
            while batch := await self._gather():
                await self._settle(batch)
        finally:  # only a cancelled close leaves any
            while not self._waiting.empty():
                if (left := self._waiting.get_nowait()) is not None:
                    self._resolve(left, self._closed_error())

    async def _gather(self) -> list[Waiting]:
        """Return the waiting writes, at least one; none once the writer is closed and all is stored."""
        batch: list[Waiting] = []
        item = await self._waiting.get()
        while item is not None:
            batch.append(item)
            if len(batch) == MAX_BATCH or self._waiting.empty():
                return batch
            item = self._waiting.get_nowait()
        self._waiting.put_nowait(None)  # for the next time: nothing comes after it
        return batch

    async def _settle(self, batch: Sequence[Waiting]) -> None:
        results: list[Result] = [self._closed_error() for _ in batch]
        try:
            results = await self._attempt([write for write, _ in batch])
        finally:
            for item, result in zip(batch, results, strict=True):
                self._resolve(item, result)

    def _resolve(self, item: Waiting, result: Result) -> None:
        self._room.release()
        _, done = item
        if done.done():  # its caller was cancelled
            return
        if isinstance(result, Exception):
            done.set_exception(result)
        else:
            done.set_result(result)

    async def _attempt(self, writes: Sequence[Write]) -> list[Result]:
        """Commit together; if one write spoils the commit, try each by itself, so that it spoils no other."""
        try:
            return await self._commit(writes)
        except StoreFailed as error:  # nobody's fault among them: trying again one by one would only take long
            return [copy(error) for _ in writes]
        except Exception as error:
            if len(writes) == 1:
                return [error]
            return [result for write in writes for result in await self._attempt([write])]

    async def _commit(self, writes: Sequence[Write]) -> list[Result]:
        self._shown.forget({write.run for write in writes if isinstance(write, Claim)})
        with translating_errors(self._name):
            batch, results = await self.database.transact(lambda conn: self._enter(conn, writes))
        self._shown.update(batch.shown)
        return results

    def _enter(self, conn: Connection, writes: Sequence[Write]) -> tuple[Batch, list[Result]]:
        batch = rows.load_batch(conn, writes, self._shown.texts)
        results: list[Result] = [batch.enter(write) for write in writes]
        rows.save_batch(conn, batch)
        return batch, results

    def _closed_error(self) -> StoreFailed:
        return StoreFailed(f"The store {self._name} is closed: this was not stored. The bot is stopping.", STOPPING)


class RecentTexts:
    """The last texts of the lanes shown most lately."""

    def __init__(self) -> None:
        self.texts: OrderedDict[LaneRow, str] = OrderedDict()

    def forget(self, runs: Collection[str]) -> None:
        """Forget the lanes of runs that are claimed: another process may have shown more of them since."""
        if runs:
            self.texts = OrderedDict((lane, text) for lane, text in self.texts.items() if lane[0] not in runs)

    def update(self, shown: Mapping[LaneRow, str]) -> None:
        for lane, text in shown.items():
            self.texts[lane] = text
            self.texts.move_to_end(lane)
        while len(self.texts) > MAX_REMEMBERED:
            self.texts.popitem(last=False)
