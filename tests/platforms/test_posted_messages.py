"""Messages by where they stand, in virtual time: one that has just appeared, and a run's that are taken away."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from adapters.common.posted_messages import FRESH_S, RETRY_S, DeleteMessage, erase_messages, find_posted
from adapters.common.retry import MAX_WAITS
from bot.domain.run import LaneId
from bot.ports.store import PostedPage
from bot.ports.surface import Forbidden, Gone, MessageRef, RateLimited, SurfaceError
from tests.support.stores import MemoryStore
from tests.support.virtual_time import run_virtual

RUN, HERE, AWAY = "run", "here:1", "away:1"
PAGE = PostedPage(HERE, LaneId("answer", 1, "ada"), 0, "here:ada")
WAIT_S = 7.0  # that a platform asks for
LIMITED = RateLimited("delete_at", WAIT_S)


def test_a_message_that_has_just_appeared_is_found_a_moment_later() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        store = MemoryStore(loop.time)
        storing = asyncio.create_task(_place_late(store))
        found = await find_posted(store.find_page, "here:board", PAGE.ref, age_s=FRESH_S / 2)
        assert found == (RUN, PAGE)
        assert loop.time() == RETRY_S
        await storing

    run_virtual(main())


def test_an_old_message_is_looked_for_once() -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        store = MemoryStore(loop.time)
        storing = asyncio.create_task(_place_late(store))
        assert await find_posted(store.find_page, PAGE.ref, age_s=FRESH_S) is None
        assert loop.time() == 0.0
        await storing

    run_virtual(main())


async def _place_late(store: MemoryStore) -> None:
    await asyncio.sleep(RETRY_S / 2)
    await store.record_page(RUN, PAGE)


CASES: Sequence[tuple[str, Sequence[SurfaceError], list[str], float]] = [
    ("at once", [], [], 0.0),
    ("after the waits that are asked for", [LIMITED] * MAX_WAITS, [], MAX_WAITS * WAIT_S),
    ("not, where the waits do not end", [LIMITED] * (MAX_WAITS + 1), [str(LIMITED)], MAX_WAITS * WAIT_S),
    ("by somebody else, before", [Gone("gone")], [], 0.0),
    ("not, where it is forbidden", [LIMITED, Forbidden("it is locked")], ["it is locked"], WAIT_S),
]


@pytest.mark.parametrize(("name", "refusals", "left", "took_s"), CASES, ids=[case[0] for case in CASES])
def test_a_message_is_deleted(name: str, refusals: Sequence[SurfaceError], left: list[str], took_s: float) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        store = MemoryStore(loop.time)
        unposted, elsewhere = PostedPage(HERE, PAGE.lane, 1, ""), PostedPage(AWAY, PAGE.lane, 0, "away:ada")
        for placed in (PAGE, unposted, elsewhere):
            await store.record_page(RUN, placed)
        asked, to_come = list[MessageRef](), list(refusals)

        async def delete(ref: MessageRef) -> None:
            asked.append(ref)
            if to_come:
                raise to_come.pop(0)

        async def delete_at(address: str) -> DeleteMessage | None:
            return delete if address == HERE else None

        assert await erase_messages(store, RUN, delete_at) == left
        assert loop.time() == took_s
        assert set(asked) == {PAGE.ref}
        assert not to_come

    run_virtual(main())
