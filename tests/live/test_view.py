"""Views: whatever a platform answers, every lane ends on its final text, once, and nobody waits for another."""

from __future__ import annotations

import asyncio
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.controls import Control
from bot.domain.run import LaneId
from bot.live.lane_view import AWAY_TRIES, TRIES
from tests.support.surfaces import Platform, WindowLimit
from tests.support.views import NAMES, Faults, house, key, speak
from tests.support.virtual_time import run_virtual

STEPS = st.lists(st.tuples(st.integers(0, 3), st.text("abc", max_size=40), st.floats(0, 3)), max_size=40)
FAULTS = st.lists(st.sampled_from(["ok", "500", "429", "slow", "lost"]), max_size=30)


@settings(deadline=None, max_examples=60)
@given(STEPS, FAULTS, st.integers(0, 10))
def test_every_lane_ends_on_its_final_text_whatever_happens(
    steps: list[tuple[int, str, float]], faults: list[str], closed_after: int
) -> None:
    """Results, errors and pauses in any order: never older after newer, posts in panel order, nothing after an end."""

    async def scene() -> None:
        platform = Platform({name: WindowLimit(5, 5.0) for name in NAMES}, fault=Faults(faults))
        async with house(platform) as h:
            place = h.place()
            lanes = [h.display.open(key(n), f"{n}", kind="turn", placeholder="…") for n in range(4)]
            for step, (n, text, pause_s) in enumerate(steps):
                lanes[n].add(text)
                if step == closed_after:
                    lanes[0].close()
                await asyncio.sleep(pause_s)
            for lane in lanes:
                lane.close(None, " end")
            await h.display.wait_until_caught_up()
            await asyncio.sleep(200)
            assert h.notes == []
            assert place.read_texts() == [(lane.key, lane.text + lane.footer) for lane in lanes]
            for history in place.history.values():
                texts = [message.text for message in history if message.text != "…"]
                assert all(later.startswith(earlier) for earlier, later in pairwise(texts))
            for lane in lanes:
                ours = [show for show in h.log.shows if show[1] == lane.key]
                assert [show[4] for show in ours] == [False] * (len(ours) - 1) + [True]
                assert ours[-1][3] == lane.length

    run_virtual(scene())


def test_a_place_that_forbids_us_is_dropped_and_slows_nobody() -> None:
    async def scene() -> None:
        async with house(Platform(fault=Faults(["403"]))) as h:
            bad, good = h.place("bad"), h.place("good")
            await speak(h)
            assert (bad.read_texts(), good.read_texts()) == ([], [(key(0), "words, all")])
            assert h.notes == ["bad no longer shows this run: not here"]
            assert [view.surface.name for view in h.display.views] == ["good"]

    run_virtual(scene())


@pytest.mark.parametrize(("fault", "tries"), [("lost", AWAY_TRIES), ("500", AWAY_TRIES), ("400", TRIES)])
def test_a_place_that_takes_nothing_is_given_up_in_bounded_time(fault: str, tries: int) -> None:
    async def scene() -> None:
        async with house(Platform(fault=Faults([fault] * 100))) as h:
            h.place()
            await speak(h)
            assert len(h.log.calls) == tries
            assert len(h.notes) == 1

    run_virtual(scene())


def test_a_late_view_begins_from_what_is() -> None:
    async def scene() -> None:
        async with house() as h:
            await speak(h, 2)
            late = h.place("late")
            open_lane = h.display.open(key(7), "7", kind="turn", placeholder="…")
            open_lane.add("still")
            await h.display.wait_until_caught_up()
            await asyncio.sleep(5)
            assert [text for _, text in late.read_texts()] == ["words, all", "words, all", "still"]
            assert [len(history) for history in late.history.values()][:2] == [1, 1]

    run_virtual(scene())


def test_snapshots_hold_what_was_visible() -> None:
    async def scene() -> None:
        async with house() as h:
            h.place()
            await speak(h)
            assert h.snapshots == [(key(0), "words"), (key(0), "words, all")]

    run_virtual(scene())


def test_cards_and_board_are_rewritten_and_a_final_with_the_same_text_still_says_so() -> None:
    async def scene() -> None:
        async with house() as h:
            place = h.place()
            board = h.display.open(LaneId("board", 1, ""), "", kind="board")
            for second in range(30):
                board.set(f"{second} s")
                await asyncio.sleep(1)
            await asyncio.sleep(10)
            assert place.read_texts() == [(board.key, "29 s")]
            board.close()
            await h.display.wait_until_caught_up()
            history = next(iter(place.history.values()))
            assert [message.final for message in history][-2:] == [False, True]

    run_virtual(scene())


@pytest.mark.parametrize("after_s", [0.0, 0.05, 0.25, 1.0])
def test_a_button_that_goes_while_the_end_is_on_its_way_goes_on_the_platform_as_well(after_s: float) -> None:
    async def scene() -> None:
        async with house(Platform(round_trip_s=0.5)) as h:
            place = h.place()
            lane = h.display.open(key(0), "0", kind="turn", placeholder="…")
            await asyncio.sleep(1)
            lane.set_controls((Control("object", "Objection!"),))
            lane.close("words")
            await asyncio.sleep(after_s)
            lane.set_controls(())
            await asyncio.sleep(5)
            await h.display.wait_until_caught_up()
            (history,) = place.history.values()
            assert (history[-1].text, history[-1].controls) == ("words", ())

    run_virtual(scene())


async def test_leaving_ends_every_task() -> None:
    before = asyncio.all_tasks()
    async with house(Platform(round_trip_s=60.0)) as h:
        h.place()
        h.display.open(key(0), "0", kind="turn", placeholder="…")
        await asyncio.sleep(0.01)
        assert len(asyncio.all_tasks()) > len(before)
    assert asyncio.all_tasks() == before


async def test_a_cancelled_scheduler_leaves_nothing() -> None:
    async def hold() -> None:
        async with house(Platform(round_trip_s=60.0)) as h:
            h.place()
            h.display.open(key(0), "0", kind="turn", placeholder="…")
            await asyncio.sleep(60)

    before = asyncio.all_tasks()
    task = asyncio.create_task(hold())
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert asyncio.all_tasks() == before
