"""What people see first and last of a run: first words that are words, in panel order, and the end after the end."""

from __future__ import annotations

import asyncio

from bot.domain.run import LaneId
from bot.ports.surface import Method, SurfaceError
from tests.support.surfaces import Platform, WindowLimit
from tests.support.views import NAMES, Faults, house, key, speak
from tests.support.virtual_time import run_virtual


def test_placeholders_are_posted_in_panel_order_even_when_the_first_is_late() -> None:
    async def scene() -> None:
        async with house(Platform(fault=Faults(["slow", "500"]))) as h:
            place = h.place()
            await speak(h, 3)
            assert [lane.seat for lane, _ in place.read_texts()] == ["0", "1", "2"]
            assert next(iter(place.history.values()))[0].text == "…"

    run_virtual(scene())


def test_after_a_restart_what_was_shown_stays_until_the_new_text_has_outgrown_it() -> None:
    async def scene() -> None:
        async with house() as h:
            place = h.place()
            lane = h.display.open(key(0), "0", kind="turn", placeholder="…")
            lane.add("a long beginning")
            await asyncio.sleep(10)
            lane.restart("")
            lane.add("another")
            await asyncio.sleep(10)
            assert place.read_texts() == [(key(0), "a long beginning")]
            lane.add(" that is longer")
            await asyncio.sleep(10)
            assert place.read_texts() == [(key(0), "another that is longer")]
            lane.restart("")
            lane.close("no")
            await h.display.wait_until_caught_up()
            assert place.read_texts() == [(key(0), "no")]

    run_virtual(scene())


def test_the_card_that_notifies_waits_until_all_answers_can_be_read() -> None:
    async def scene() -> None:
        async with house(Platform({"edits": WindowLimit(5, 5.0), "posts": WindowLimit(5, 5.0)}, round_trip_s=1.0)) as h:
            place = h.place()
            turn = h.display.open(key(0), "Ada", kind="turn", placeholder="…")
            turn.add("word " * 20)
            turn.close(None, " footer")
            end = h.display.open(LaneId("end", 1, ""), "Result", kind="end")
            end.set("All is said.")
            end.close()
            await h.display.wait_until_caught_up()
            assert place.read_texts() == [(turn.key, turn.text + " footer"), (end.key, "All is said.")]
            at = {lane: when for when, _, lane, _ in reversed(h.platform.calls)}
            assert at[end.key] >= at[turn.key] + 1.0  # sent once the answer to the first was there

    run_virtual(scene())


def test_after_ten_seconds_the_card_comes_all_the_same_and_says_what_is_still_to_come() -> None:
    def fail_edits(method: Method, lane: LaneId) -> float:
        if method == "edit" and lane == key(0) and asyncio.get_running_loop().time() < 20:
            raise SurfaceError("broken", 500)
        return 0.0

    async def scene() -> None:
        platform = Platform({name: WindowLimit(5, 5.0) for name in NAMES}, fault=fail_edits)
        async with house(platform) as h:
            place = h.place()
            turn = h.display.open(key(0), "Ada", kind="turn", placeholder="…")
            await asyncio.sleep(1)
            turn.add("word " * 20)
            turn.close()
            end = h.display.open(LaneId("end", 1, ""), "Result", kind="end")
            end.set("All is said.")
            end.close()
            await h.display.wait_until_caught_up()
            *_, (_, text) = place.read_texts()
            assert text == "All is said."
            said = [[m.text for m in history] for history in place.history.values()][-1]
            assert said == ["All is said.\n\nStill to come here: Ada.", "All is said."]
            assert next(when for when, _, lane, _ in platform.calls if lane == end.key) >= 11.0

    run_virtual(scene())


def test_what_could_be_read_is_not_still_to_come_where_names_are_told_later() -> None:
    def fail_edits(method: Method, lane: LaneId) -> float:
        if method == "edit" and lane == key(0) and asyncio.get_running_loop().time() > 10:
            raise SurfaceError("broken", 500)
        return 0.0

    async def scene() -> None:
        async with house(Platform(fault=fail_edits)) as h:
            place = h.place()
            turn = h.display.open(key(0), "Speaker A", kind="turn", placeholder="…")
            turn.add("word " * 20)
            turn.close()
            end = h.display.open(LaneId("end", 1, ""), "Result", kind="end")
            end.set("All is said.")
            await asyncio.sleep(15)
            turn.rewrite(f"**Ada** (was Speaker A)\n\n{turn.text}", "")
            end.set("All is said. Speaker A was Ada.")
            await asyncio.sleep(15)
            said = [[m.text for m in history] for history in place.history.values()][-1]
            assert said == ["All is said.", "All is said. Speaker A was Ada."]

    run_virtual(scene())


def test_first_words_are_a_line_or_what_there_is_after_a_while() -> None:
    async def scene() -> None:
        async with house(Platform(round_trip_s=0.1)) as h:
            place = h.place()
            fast, slow, short = [h.display.open(key(n), f"{n}", kind="turn", placeholder="…") for n in range(3)]
            await asyncio.sleep(1)
            for _ in range(30):
                fast.add("word ")
                await asyncio.sleep(0.02)
            slow.add("I'd ")
            short.add("No.")
            short.close()
            await asyncio.sleep(0.5)
            first = [next((m.text for m in said if m.text != "…"), "") for said in place.history.values()]
            assert len(first[0]) >= 60
            assert first[1:] == ["", "No."]
            await asyncio.sleep(4.0)
            assert [text for _, text in place.read_texts()][1] == "I'd "

    run_virtual(scene())


def test_where_posts_are_cheap_first_words_post_the_message_and_a_silent_seat_gets_a_placeholder() -> None:
    async def scene() -> None:
        async with house(Platform(round_trip_s=0.1)) as h:
            place = h.place()
            place.placeholder_after_s = 2.5
            silent, quick = [h.display.open(key(n), f"{n}", kind="turn", placeholder="…") for n in range(2)]
            await asyncio.sleep(1)
            quick.add("word " * 20)
            await asyncio.sleep(1)
            assert not place.history  # in panel order
            await asyncio.sleep(2)
            assert [[m.text for m in said] for said in place.history.values()] == [["…"], [quick.text]]
            silent.close("Late.")
            quick.close()
            await h.display.wait_until_caught_up()
            assert [text for _, text in place.read_texts()] == ["Late.", quick.text]

    run_virtual(scene())
