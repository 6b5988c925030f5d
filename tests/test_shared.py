"""What many ask for at once is looked up once, and never before they asked."""

from __future__ import annotations

import asyncio
import gc

import pytest

from bot.concurrency import SingleFlight
from tests.support.virtual_time import run_virtual


class Looks:
    """Each takes a second and finds when it began, or fails with what is next in `failures`."""

    def __init__(self, *failures: Exception | None) -> None:
        self.begun: list[float] = []
        self._failures = list(failures)
        self.shared = SingleFlight(self._look)

    async def _look(self, key: str) -> float:
        began = asyncio.get_running_loop().time()
        self.begun.append(began)
        await asyncio.sleep(1)
        if self._failures and (error := self._failures.pop(0)):
            raise error
        return began

    def ask(self, count: int = 1, key: str = "run") -> list[asyncio.Task[float]]:
        return [asyncio.create_task(self.shared.get(key)) for _ in range(count)]


def test_those_who_ask_at_once_share_and_nobody_gets_what_was_looked_up_before() -> None:
    async def scene() -> None:
        looks = Looks()
        first = looks.ask()
        await asyncio.sleep(0)
        behind = looks.ask(1_000)
        await asyncio.sleep(1.5)
        late = looks.ask(1_000)
        found = [set(await asyncio.gather(*asked)) for asked in (first, behind, late)]
        assert found == [{0.0}, {1.0}, {2.0}]
        assert await looks.shared.get("run") == 3.0
        assert len(looks.begun) == 4

    run_virtual(scene())


def test_each_key_has_its_own() -> None:
    async def scene() -> None:
        looks = Looks()
        assert await asyncio.gather(*looks.ask(key="one"), *looks.ask(key="two")) == [0.0, 0.0]
        assert looks.begun == [0.0, 0.0]

    run_virtual(scene())


def test_a_failure_is_everybodys_who_shares_it_and_the_next_one_looks_anew() -> None:
    async def scene() -> None:
        looks = Looks(None, ValueError("once"))
        asked = [*looks.ask(), *looks.ask(3)]
        first, *shared = await asyncio.gather(*asked, return_exceptions=True)
        assert (first, [str(error) for error in shared]) == (0.0, ["once"] * 3)
        assert await looks.shared.get("run") == 2.0

    run_virtual(scene())


def test_where_the_one_who_looks_is_cancelled_the_next_one_does() -> None:
    async def scene() -> None:
        looks = Looks()
        (first,), rest = looks.ask(), looks.ask(3)
        await asyncio.sleep(1.5)
        rest[0].cancel()
        rest[1].cancel()
        assert await rest[2] == 1.5
        assert await first == 0.0
        for task in rest[:2]:
            with pytest.raises(asyncio.CancelledError):
                await task

    run_virtual(scene())


def test_nothing_is_left_of_what_nobody_waits_for() -> None:
    async def scene() -> None:
        looks = Looks()
        (found,), (leaves,) = looks.ask(key="one"), looks.ask(key="two")
        await asyncio.sleep(0.5)
        leaves.cancel()
        await asyncio.wait([found, leaves])
        assert asyncio.all_tasks() == {asyncio.current_task()}
        del found, leaves  # a cancelled task's traceback holds what it stood in
        gc.collect()
        assert not looks.shared._flights

    run_virtual(scene())
