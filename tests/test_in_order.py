"""Lines in which what arrived first goes on first, a few at a time."""

from __future__ import annotations

import asyncio

import pytest

from bot.concurrency import KeyedSemaphore
from tests.support.virtual_time import run_virtual


@pytest.mark.parametrize(("at_once", "ended"), [(1, [1, 2, 3, 4, 5]), (2, [1, 1, 2, 2, 3])])
def test_a_line_goes_on_in_order_and_holds_up_no_other(at_once: int, ended: list[float]) -> None:
    async def scene() -> None:
        order, loop = KeyedSemaphore(at_once), asyncio.get_running_loop()
        done: dict[str, list[tuple[int, float]]] = {"ann": [], "bob": []}

        async def act(who: str, nth: int) -> None:
            async with order.of(who):
                await asyncio.sleep(1)
                done[who].append((nth, loop.time()))

        await asyncio.gather(*(act("ann", n) for n in range(5)), act("bob", 0))
        assert done == {"ann": list(enumerate(ended)), "bob": [(0, 1)]}

    run_virtual(scene())


def test_one_that_is_cancelled_while_it_waits_lets_the_next_go_on() -> None:
    async def scene() -> None:
        order, went_on = KeyedSemaphore(), []

        async def act(nth: int) -> None:
            async with order.of("ann"):
                await asyncio.sleep(1)
                went_on.append(nth)

        tasks = [asyncio.create_task(act(n)) for n in range(3)]
        await asyncio.sleep(0.5)
        tasks[1].cancel()
        await asyncio.wait(tasks)
        assert went_on == [0, 2]

    run_virtual(scene())
