"""Views: whatever a platform answers, every lane ends on its final text, once, and nobody waits for another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.domain.controls import Control
from bot.domain.run import LaneId
from bot.engine.trace import NoTrace
from bot.live.budget import Budgets, FixedWindow
from bot.live.lane_view import NEXT_METHOD, TRANSITIONS, TRIES, PageState
from bot.live.schedule import Scheduler
from bot.live.view import Display
from bot.ports import Forbidden, Gone, Method, Page, RateLimited, SurfaceError
from tests.support.surfaces import Place, Platform, WindowLimit
from tests.support.virtual_time import run_virtual

NAMES = ("edits", "posts")


def key(seat: int) -> LaneId:
    return LaneId("answer", 1, f"{seat}")


@dataclass
class Log(NoTrace):
    """What the trace was told: finals by lane, and calls in the order of their answers."""

    shows: list[tuple[str, LaneId, int, int, bool]] = field(default_factory=list)
    calls: list[tuple[str, LaneId, int]] = field(default_factory=list)

    def record_shown(self, surface: str, lane: LaneId, page: int, chars: int, final: bool) -> None:
        self.shows.append((surface, lane, page, chars, final))

    def record_request(
        self, surface: str, method: str, bucket: str, lane: LaneId, status: int, duration_s: float
    ) -> None:
        self.calls.append((method, lane, status))


@dataclass
class House:
    display: Display
    log: Log
    platform: Platform
    notes: list[str]
    snapshots: list[tuple[LaneId, str]]

    def place(self, name: str = "place") -> Place:
        place = Place(self.platform, name, posts=["posts"], edits=["edits"])
        self.display.attach(place)
        return place


@asynccontextmanager
async def house(platform: Platform | None = None) -> AsyncIterator[House]:
    platform = platform or Platform({name: WindowLimit(5, 5.0) for name in NAMES})
    budgets = Budgets(lambda name, started: FixedWindow(5, 5.0), asyncio.get_running_loop().time())
    log, notes, snapshots = Log(), list[str](), list[tuple[LaneId, str]]()
    async with Scheduler(budgets, request_timeout_s=3.0) as scheduler:
        display = Display(
            scheduler, trace=log, on_shown=lambda lane, text: snapshots.append((lane, text)), on_note=notes.append
        )
        yield House(display, log, platform, notes, snapshots)
        display.close()


class Faults:
    """Answers a call with the next fault of a list, then with none."""

    def __init__(self, faults: Sequence[str]) -> None:
        self._faults = list(faults)

    def __call__(self, method: Method, lane: LaneId) -> float:
        match self._faults.pop(0) if self._faults else "ok":
            case "500":
                raise SurfaceError("broken", 500)
            case "429":
                raise RateLimited("edits" if method == "edit" else "posts", 2.0)
            case "404":
                raise Gone("deleted")
            case "403":
                raise Forbidden("not here")
            case "slow":
                return 1.0
            case "lost":
                return 100.0
            case _:
                return 0.0


STEPS = st.lists(st.tuples(st.integers(0, 3), st.text("abc", max_size=40), st.floats(0, 3)), max_size=40)
FAULTS = st.lists(st.sampled_from(["ok", "500", "429", "slow", "lost"]), max_size=30)


@settings(deadline=None, max_examples=60)
@given(STEPS, FAULTS, st.integers(0, 10))
def test_every_lane_ends_on_its_final_text_whatever_happens(
    steps: list[tuple[int, str, float]], faults: list[str], closed_after: int
) -> None:
    """Results, errors and pauses in any order: never older after newer, posts in panel order, nothing after an end."""

    async def scene() -> None:
        platform = Platform({name: WindowLimit(5, 5.0) for name in NAMES}, fault=Faults(_bounded(faults)))
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


def _bounded(faults: list[str]) -> list[str]:
    """Fewer failures in a row than make us give up a lane, even if one lane meets them all."""
    failures = 0
    kept = []
    for fault in faults:
        failures += fault in ("500", "lost")
        kept.append(fault if failures < TRIES else "ok")
    return kept


async def _speak(h: House, seats: int = 1) -> None:
    lanes = [h.display.open(key(n), f"{n}", kind="turn", placeholder="…") for n in range(seats)]
    await asyncio.sleep(1)
    for lane in lanes:
        lane.add("words")
    await asyncio.sleep(10)
    for lane in lanes:
        lane.close("words, all")
    await h.display.wait_until_caught_up()


def test_placeholders_are_posted_in_panel_order_even_when_the_first_is_late() -> None:
    async def scene() -> None:
        async with house(Platform(fault=Faults(["slow", "500"]))) as h:
            place = h.place()
            await _speak(h, 3)
            assert [lane.seat for lane, _ in place.read_texts()] == ["0", "1", "2"]
            assert next(iter(place.history.values()))[0].text == "…"

    run_virtual(scene())


def test_a_lost_answer_to_a_post_makes_no_second_message() -> None:
    async def scene() -> None:
        async with house(Platform(fault=Faults(["lost"]))) as h:
            place = h.place()
            await _speak(h)
            assert len(place.history) == 1
            assert [call[2] for call in h.log.calls][:2] == [0, 200]

    run_virtual(scene())


def test_a_deleted_message_is_posted_once_more_and_then_let_go() -> None:
    async def scene(faults: list[str]) -> House:
        async with house(Platform(fault=Faults(faults))) as h:
            h.place()
            await _speak(h)
        return h

    once = run_virtual(scene(["ok", "404"]))
    assert once.notes == []
    assert [call[0] for call in once.log.calls] == ["post", "edit", "post", "edit"]
    twice = run_virtual(scene(["ok", "404", "ok", "404"]))
    assert len(twice.notes) == 1
    assert "deleted" in twice.notes[0]
    assert not any(show[4] for show in twice.log.shows)


def test_a_place_that_forbids_us_is_dropped_and_slows_nobody() -> None:
    async def scene() -> None:
        async with house(Platform(fault=Faults(["403"]))) as h:
            bad, good = h.place("bad"), h.place("good")
            await _speak(h)
            assert (bad.read_texts(), good.read_texts()) == ([], [(key(0), "words, all")])
            assert h.notes == ["bad no longer shows this run: not here"]
            assert [view.surface.name for view in h.display.views] == ["good"]

    run_virtual(scene())


def test_a_place_that_never_answers_is_given_up_in_bounded_time() -> None:
    async def scene() -> None:
        async with house(Platform(fault=Faults(["lost"] * 100))) as h:
            h.place()
            await _speak(h)
            assert len(h.log.calls) == TRIES
            assert len(h.notes) == 1

    run_virtual(scene())


def test_a_late_view_begins_from_what_is() -> None:
    async def scene() -> None:
        async with house() as h:
            await _speak(h, 2)
            late = h.place("late")
            open_lane = h.display.open(key(7), "7", kind="turn", placeholder="…")
            open_lane.add("still")
            await h.display.wait_until_caught_up()
            await asyncio.sleep(5)
            assert [text for _, text in late.read_texts()] == ["words, all", "words, all", "still"]
            assert [len(history) for history in late.history.values()][:2] == [1, 1]

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


class Tens:
    """Pages of ten code points."""

    def update(self, text: str, *, final: bool = False, footer: str = "") -> Sequence[Page]:
        parts = [text[k : k + 10] for k in range(0, len(text), 10)] or [""]
        return [Page(part, len(part), k < len(parts) - 1) for k, part in enumerate(parts)]


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


def test_snapshots_hold_what_was_visible() -> None:
    async def scene() -> None:
        async with house() as h:
            h.place()
            await _speak(h)
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
