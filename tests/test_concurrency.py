"""Semaphores per key are fair, and a call that many share is made once, never before they asked."""

from __future__ import annotations

import asyncio
import gc
import threading

import pytest

from bot.concurrency import SHORT, KeyedSemaphore, SingleFlight, make_aside
from tests.support.virtual_time import in_virtual_time


class Worker:
    """Work of one second that is done under a semaphore; `done` has person, number and end of each."""

    def __init__(self, limit: int = 1) -> None:
        self.done: list[tuple[str, int, float]] = []
        self._semaphores = KeyedSemaphore(limit)

    async def work(self, person: str, number: int) -> None:
        async with self._semaphores.of(person):
            await asyncio.sleep(1)
            self.done.append((person, number, asyncio.get_running_loop().time()))


@pytest.mark.parametrize(("limit", "ends"), [(1, [1, 2, 3, 4, 5]), (2, [1, 1, 2, 2, 3])])
@in_virtual_time
async def test_work_of_a_key_is_done_in_order_and_holds_up_no_other(limit: int, ends: list[float]) -> None:
    worker = Worker(limit)
    await asyncio.gather(*(worker.work("ann", n) for n in range(5)), worker.work("bob", 0))
    assert [work for work in worker.done if work[0] == "ann"] == [("ann", n, end) for n, end in enumerate(ends)]
    assert ("bob", 0, 1) in worker.done


@in_virtual_time
async def test_a_waiting_caller_that_is_cancelled_lets_the_next_go_on() -> None:
    worker = Worker()
    tasks = [asyncio.create_task(worker.work("ann", n)) for n in range(3)]
    await asyncio.sleep(0.5)
    tasks[1].cancel()
    await asyncio.wait(tasks)
    assert worker.done == [("ann", 0, 1), ("ann", 2, 2)]


class Calls:
    """Shared calls of one second; each returns when it began, or fails with the next of `failures`."""

    def __init__(self, *failures: Exception | None) -> None:
        self.begun: list[float] = []
        self._failures = list(failures)
        self.shared = SingleFlight(self._call)

    async def _call(self, key: str) -> float:
        began = asyncio.get_running_loop().time()
        self.begun.append(began)
        await asyncio.sleep(1)
        if self._failures and (error := self._failures.pop(0)):
            raise error
        return began

    def ask(self, count: int = 1, key: str = "run") -> list[asyncio.Task[float]]:
        return [asyncio.create_task(self.shared.get(key)) for _ in range(count)]


@in_virtual_time
async def test_callers_at_once_share_and_none_gets_a_call_that_began_before_it_asked() -> None:
    calls = Calls()
    first = calls.ask()
    await asyncio.sleep(0)
    behind = calls.ask(1_000)
    await asyncio.sleep(1.5)
    late = calls.ask(1_000)
    results = [set(await asyncio.gather(*asked)) for asked in (first, behind, late)]
    assert results == [{0.0}, {1.0}, {2.0}]
    assert await calls.shared.get("run") == 3.0
    assert len(calls.begun) == 4


@in_virtual_time
async def test_each_key_has_its_own_call() -> None:
    calls = Calls()
    assert await asyncio.gather(*calls.ask(key="one"), *calls.ask(key="two")) == [0.0, 0.0]
    assert calls.begun == [0.0, 0.0]


@in_virtual_time
async def test_all_who_share_a_call_get_its_failure_and_the_next_one_calls_anew() -> None:
    calls = Calls(None, ValueError("once"))
    asked = [*calls.ask(), *calls.ask(3)]
    first, *shared = await asyncio.gather(*asked, return_exceptions=True)
    assert (first, [str(error) for error in shared]) == (0.0, ["once"] * 3)
    assert await calls.shared.get("run") == 2.0


@in_virtual_time
async def test_when_the_one_that_calls_is_cancelled_the_next_one_calls() -> None:
    calls = Calls()
    (first,), rest = calls.ask(), calls.ask(3)
    await asyncio.sleep(1.5)
    rest[0].cancel()
    rest[1].cancel()
    assert await rest[2] == 1.5
    assert await first == 0.0
    for task in rest[:2]:
        with pytest.raises(asyncio.CancelledError):
            await task


@in_virtual_time
async def test_nothing_is_left_of_a_call_that_nobody_waits_for() -> None:
    calls = Calls()
    (stays,), (leaves,) = calls.ask(key="one"), calls.ask(key="two")
    await asyncio.sleep(0.5)
    leaves.cancel()
    await asyncio.wait([stays, leaves])
    assert asyncio.all_tasks() == {asyncio.current_task()}
    del stays, leaves  # the traceback of a cancelled task holds its frames, and these hold the flight
    gc.collect()
    assert not calls.shared._flights


@pytest.mark.parametrize(("chars", "aside"), [(SHORT, False), (SHORT + 1, True)])
async def test_of_a_long_text_something_is_made_in_a_thread(chars: int, aside: bool) -> None:
    def make(text: str) -> tuple[str, bool]:
        return text.upper(), threading.current_thread() is not threading.main_thread()

    assert await make_aside(make, "a" * chars) == ("A" * chars, aside)
    with pytest.raises(ValueError, match="invalid literal"):
        await make_aside(int, "a" * chars)
