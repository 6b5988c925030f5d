"""Messages of a lane: posted in order, looked for when an answer was lost, posted again once, never too many."""

from __future__ import annotations

import asyncio

import pytest

from bot.live.shown_pages import NEXT_METHOD, TRANSITIONS, PageState
from tests.support.surfaces import Place, Platform, WindowLimit
from tests.support.views import NAMES, Faults, House, Tens, house, key, speak
from tests.support.virtual_time import run_virtual


def test_a_lost_answer_to_a_post_makes_no_second_message() -> None:
    async def scene() -> None:
        async with house(Platform(fault=Faults(["lost"]))) as h:
            place = h.place()
            await speak(h)
            assert len(place.history) == 1
            assert [call[2] for call in h.log.calls][:2] == [0, 200]

    run_virtual(scene())


def test_a_deleted_message_is_posted_once_more_and_then_let_go() -> None:
    async def scene(faults: list[str]) -> House:
        async with house(Platform(fault=Faults(faults))) as h:
            h.place()
            await speak(h)
        return h

    once = run_virtual(scene(["ok", "404"]))
    assert once.notes == []
    assert [call[0] for call in once.log.calls] == ["post", "edit", "post", "edit"]
    twice = run_virtual(scene(["ok", "404", "ok", "404"]))
    assert len(twice.notes) == 1
    assert "deleted" in twice.notes[0]
    assert not any(show[4] for show in twice.log.shows)


def test_pages_are_posted_in_order_and_deleted_when_there_are_fewer() -> None:
    async def scene() -> None:
        async with house() as h:
            place = Place(h.platform, "paged", posts=["posts"], edits=["edits"], pages=Tens)
            h.display.attach(place)
            lane = h.display.open(key(0), "0", kind="turn", placeholder="…")
            lane.add("0123456789abcdefghij!")
            await asyncio.sleep(20)
            assert [text for _, text in place.read_texts()] == ["0123456789", "abcdefghij", "!"]
            lane.close("0123456789abc", " end")
            await h.display.wait_until_caught_up()
            assert [text for _, text in place.read_texts()] == ["0123456789", "abc"]
            assert h.log.shows[-1][3:] == (13, True)

    run_virtual(scene())


@pytest.mark.parametrize("waits_s", [0.0, 8.0])
def test_what_is_taken_back_leaves_the_messages_at_once(waits_s: float) -> None:
    """Its first text was thinking, of three pages; the answer is shorter and may wait."""

    async def scene() -> None:
        async with house() as h:
            place = Place(h.platform, "paged", posts=["posts"], edits=["edits"], pages=Tens)
            h.display.attach(place)
            lane = h.display.open(key(0), "0", kind="turn", placeholder="…")
            lane.add("0123456789abcdefghij!")
            await asyncio.sleep(20)
            lane.withdraw()
            await asyncio.sleep(waits_s)
            if waits_s:
                assert [text for _, text in place.read_texts()] == ["…"]
            lane.add("Tabs")
            await asyncio.sleep(8)
            assert [text for _, text in place.read_texts()] == ["Tabs"]
            lane.close()
            await h.display.wait_until_caught_up()
            assert [text for _, text in place.read_texts()] == ["Tabs"]

    run_virtual(scene())


def test_a_page_whose_post_was_lost_is_found_and_deleted_when_the_text_has_become_shorter() -> None:
    async def scene() -> None:
        platform = Platform({name: WindowLimit(5, 5.0) for name in NAMES}, fault=Faults(["ok", "ok", "lost"]))
        async with house(platform) as h:
            place = Place(platform, "paged", posts=["posts"], edits=["edits"], pages=Tens)
            h.display.attach(place)
            lane = h.display.open(key(0), "0", kind="turn", placeholder="…")
            await asyncio.sleep(1)
            lane.add("0123456789abcdefghij")
            await asyncio.sleep(2)
            assert [text for _, text in place.read_texts()] == ["0123456789", "abcdefghij"]
            lane.close("0123456789")  # while nobody knows that the second page stands there
            await h.display.wait_until_caught_up()
            assert (place.read_texts(), h.notes) == ([(key(0), "0123456789")], [])

    run_virtual(scene())


def test_every_state_of_a_page_can_be_reached_and_left() -> None:
    reached, leads_to = {PageState.UNPOSTED}, {state: set(TRANSITIONS[state].values()) for state in PageState}
    for _ in PageState:
        reached |= {after for state in reached for after in leads_to[state]}
    assert reached == set(PageState)
    assert all(after - {state} for state, after in leads_to.items())
    assert set(NEXT_METHOD) == set(PageState) - {PageState.POSTING}
