"""Work that many ask for at once is done once, and never before they asked."""

from __future__ import annotations

import asyncio

import pytest

from bot.shared import Shared
from tests.virtual import run_virtual


def test_those_who_ask_at_once_share_and_nobody_gets_what_was_begun_before() -> None:
    async def scene() -> None:
        begun: list[float] = []
        now = asyncio.get_running_loop().time

        async def work(key: str) -> float:
            begun.append(now())
            await asyncio.sleep(1)
            return begun[-1]

        shared = Shared(work)
        first = [asyncio.create_task(shared.get("run")) for _ in range(1_000)]
        await asyncio.sleep(0.5)
        later = [asyncio.create_task(shared.get("run")) for _ in range(1_000)]
        assert set(await asyncio.gather(*first)) == {0.0}
        assert set(await asyncio.gather(*later)) == {1.0}
        assert await shared.get("run") == 2.0
        assert len(begun) == 3

    run_virtual(scene())


def test_a_failure_is_everybodys_and_the_next_one_is_asked_anew() -> None:
    async def scene() -> None:
        answers = [ValueError("once"), None]

        async def work(key: str) -> str:
            await asyncio.sleep(1)
            if error := answers.pop(0):
                raise error
            return key

        shared = Shared(work)
        both = await asyncio.gather(shared.get("run"), shared.get("run"), return_exceptions=True)
        assert [str(error) for error in both] == ["once", "once"]
        assert await shared.get("run") == "run"

    run_virtual(scene())


def test_somebody_who_leaves_takes_it_from_nobody() -> None:
    async def scene() -> None:
        async def work(key: str) -> str:
            await asyncio.sleep(1)
            return key

        shared = Shared(work)
        leaves, stays = (asyncio.create_task(shared.get("run")) for _ in range(2))
        await asyncio.sleep(0.5)
        leaves.cancel()
        assert await stays == "run"
        with pytest.raises(asyncio.CancelledError):
            await leaves

    run_virtual(scene())
