"""Small helpers on asyncio: task groups, keyed semaphores, shared look-ups."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Generic, TypeVar
from weakref import WeakValueDictionary


class TaskGroup(asyncio.TaskGroup):
    """A TaskGroup out of which the error of its own body comes bare: whoever asked for it can catch it by name."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await super().__aexit__(kind, error, trace)
        except BaseExceptionGroup as group:
            if group.exceptions != (error,):
                raise


class KeyedSemaphore:
    """`async with order.of(person):` waits for what came before it from the same person, and for nobody else's.

    `at_once`: how many of one line, a person's or a run's, go on together.
    """

    def __init__(self, limit: int = 1) -> None:
        self._limit = limit
        # kept while somebody stands in one
        self._semaphores: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    def of(self, key: str) -> asyncio.Semaphore:
        """asyncio's semaphores are fair: first come, first served."""
        return self._semaphores.setdefault(key, asyncio.Semaphore(self._limit))


T = TypeVar("T")


class SingleFlight(Generic[T]):
    """`look(key)`, shared by those who ask while another one is under way. What each gets was looked up after they
    asked, so that whoever has just stored something finds it; and ten thousand who ask at once cost one look or two.

    Nobody looks but those who ask: no task is left behind, and where the one who looks is cancelled, the next does.
    """

    def __init__(self, call: Callable[[str], Awaitable[T]]) -> None:
        self._call = call
        self._flights: WeakValueDictionary[str, _Flight[T]] = WeakValueDictionary()  # kept while somebody stands in one

    async def get(self, key: str) -> T:
        """Raises what the look raises, to all who share it: a store that fails slowly fails them all at once."""
        line = self._flights.setdefault(key, _Flight())
        asked = line.calls_begun
        async with line.lock:
            if line.calls_begun == asked or line.latest.cancelled():
                line.calls_begun += 1
                line.latest = asyncio.get_running_loop().create_future()
                try:
                    line.latest.set_result(await self._call(key))
                except Exception as error:
                    line.latest.set_exception(error)
                finally:
                    line.latest.cancel()  # only where the one who looked was cancelled: it had no outcome
            return line.latest.result()


class _Flight(Generic[T]):
    def __init__(self) -> None:
        self.lock = asyncio.Lock()  # fair: first come, first served
        self.calls_begun = 0  # looks
        self.latest: asyncio.Future[T] = asyncio.get_running_loop().create_future()  # what the last of them came to
