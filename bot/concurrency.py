"""Small helpers on asyncio: a task group, a semaphore per key, long work in a thread, calls that many share."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Generator, Iterable
from contextlib import AbstractContextManager
from functools import partial
from types import TracebackType
from typing import Any, Generic, TypeVar
from weakref import WeakValueDictionary


class TaskGroup(asyncio.TaskGroup):
    """A TaskGroup that raises an error as it is, not in a group, so that it can be caught by type.

    That is an error of its own body; and of its tasks the first, where all that failed did so by errors of one type.
    """

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await super().__aexit__(kind, error, trace)
        except BaseExceptionGroup as group:
            first, *others = group.exceptions
            if any(type(other) is not type(first) for other in others):
                raise
            if first is not error:
                raise first from first.__cause__


class KeyedSemaphore:
    """A fair semaphore per key: callers with the same key run in arrival order, at most `limit` at a time.

    A key is a person or a run, for instance: `async with semaphores.of(person):`.
    """

    def __init__(self, limit: int = 1) -> None:
        self._limit = limit
        # weak: a semaphore is forgotten once nobody holds it or waits for it
        self._semaphores: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    def of(self, key: str) -> asyncio.Semaphore:
        """Return the semaphore of that key; asyncio's semaphores are fair."""
        return self._semaphores.setdefault(key, asyncio.Semaphore(self._limit))


T = TypeVar("T")


async def for_each(items: Iterable[T], work: Callable[[T], Awaitable[None]], at_once: int) -> None:
    """Do the work for each item, for so many at a time."""
    gate = asyncio.Semaphore(at_once)

    async def work_on(item: T) -> None:
        async with gate:
            await work(item)

    async with TaskGroup() as tasks:
        for item in items:
            tasks.create_task(work_on(item))


SHORT = 2_000  # code points: what is made of so many never takes long


async def make_aside(make: Callable[[str], T], text: str) -> T:
    """Return what is made of a text: of a long one in a thread, so that it does not hold the event loop."""
    return make(text) if len(text) <= SHORT else await asyncio.to_thread(make, text)


async def run_in_thread(watch: Callable[[], AbstractContextManager[None]], work: Callable[[], T]) -> T:
    """Return what work in a thread returns; all of it runs inside `watch()`, which may bound its time."""

    def do_work() -> T:
        with watch():
            return work()

    return await asyncio.to_thread(do_work)


class SingleFlight(Generic[T]):
    """A call per key that its callers share: ten thousand of them at once cost one or two calls.

    A caller never gets the result of a call that began before it asked, so that whoever has just stored something
    finds it. The callers themselves make the call: no task is left behind, and where the one that makes it is
    cancelled, the next makes it again.
    """

    def __init__(self, call: Callable[[str], Awaitable[T]]) -> None:
        self._call = call
        # weak: a flight is forgotten once no caller is left
        self._flights: WeakValueDictionary[str, _Flight[T]] = WeakValueDictionary()

    async def get(self, key: str) -> T:
        """Return the result of a call that began after this one asked; raise its error, as for all who share it."""
        flight = self._flights.setdefault(key, _Flight())
        begun_before = flight.calls_begun
        async with flight.lock:
            if flight.calls_begun == begun_before or flight.latest.cancelled():
                flight.calls_begun += 1
                flight.latest = asyncio.get_running_loop().create_future()
                try:
                    flight.latest.set_result(await self._call(key))
                except Exception as error:
                    flight.latest.set_exception(error)
                finally:
                    flight.latest.cancel()  # has an effect only where this caller was cancelled: no outcome is set
            return flight.latest.result()


class _Flight(Generic[T]):
    """The calls of one key: how many have begun, and the outcome of the latest."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()  # fair: callers go on in the order in which they came
        self.calls_begun = 0
        self.latest: asyncio.Future[T] = asyncio.get_running_loop().create_future()


class TookTooLong(Exception):
    """A piece of work held the event loop, and was interrupted."""


class Watched(Generic[T]):
    """A coroutine as an awaitable: each of its steps, from one wait to the next, runs inside `watch()`."""

    def __init__(self, work: Coroutine[Any, Any, T], watch: Callable[[], AbstractContextManager[None]]) -> None:
        self._work = work
        self._watch = watch

    def __await__(self) -> Generator[Any, Any, T]:
        step = partial(self._work.send, None)
        while True:
            with self._watch():
                try:
                    awaited = step()
                except StopIteration as end:
                    result: T = end.value
                    return result
            try:
                step = partial(self._work.send, (yield awaited))
            except BaseException as error:  # such as a cancel, which is the coroutine's to take
                step = partial(self._work.throw, error)
