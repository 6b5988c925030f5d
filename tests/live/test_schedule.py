"""The schedule: who goes first, what a slot costs, and that no platform ever has to refuse us."""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from statistics import fmean

import pytest

from bot.domain.run import LaneId
from bot.engine.trace import NoTrace
from bot.live.budget import Budget, Budgets, SlidingWindow, TokenBucket
from bot.live.demand import Ahead, Lengths, Usual, price
from bot.live.fixed_window import FixedWindow
from bot.live.lanes import Lane
from bot.live.schedule import Scheduler
from bot.live.view import Display
from bot.ports.surface import Kind
from tests.support.surfaces import Place, Platform, WindowLimit
from tests.support.virtual_time import run_virtual


def test_the_price_spends_exactly_what_is_free() -> None:
    speeds, span_s, free = [20.0, 60.0, 90.0], 60.0, 50.0
    value = price(span_s * sum(math.sqrt(v / 2) for v in speeds), free)
    assert sum(span_s / math.sqrt(2 * value / v) for v in speeds) == pytest.approx(free)
    assert price(10.0, 0.0) == math.inf


def test_lengths_are_learnt() -> None:
    lengths = Lengths()
    for seconds in range(1, Lengths.KEEP + 1):
        lengths.learn(float(seconds))
    assert lengths.mean_s == pytest.approx(fmean(range(1, Lengths.KEEP + 1)))
    assert lengths.quantile(0.8) == pytest.approx(0.8 * Lengths.KEEP, abs=1)
    assert lengths.quantile(1.0) == Lengths.KEEP


def test_what_a_run_still_holds_is_bounded_by_its_plan_and_by_the_time() -> None:
    lengths = Lengths()
    for _ in range(Lengths.KEEP):
        lengths.learn(8.5)
    assert Ahead("r", 2, 4).count_turns(60.0, 0.0, lengths) == 8  # two more stages fit
    assert Ahead("r", 9, 4).count_turns(60.0, 0.0, lengths) == pytest.approx(4 * (60 - 10) / 10)
    assert Ahead("r", 0, 4).count_turns(60.0, 0.0, lengths) == pytest.approx(1.2)  # another run may follow
    assert Ahead("r", 2, 4).count_turns(5.0, 0.0, lengths) == 0


def test_a_run_that_holds_more_spends_less_now() -> None:
    counts = [len(edits(run_virtual(talk(4, 50, 30.0, window_s=60.0, stages=stages)))) for stages in (0, 3)]
    assert counts[0] > counts[1] > 10


@asynccontextmanager
async def stage(
    platform: Platform, makes: dict[str, Budget], draws: Sequence[Sequence[str]]
) -> AsyncIterator[tuple[Display, list[Lane]]]:
    """One display a place, four lanes in all places together; `draws` are the places' edits."""
    budgets = Budgets(lambda name, started: makes[name], 0.0)
    platform.budgets = budgets
    async with Scheduler(budgets) as scheduler:
        displays: list[Display] = []
        lanes: list[Lane] = []
        for number, edits in enumerate(draws):
            display = Display(scheduler, trace=NoTrace())
            display.attach(Place(platform, f"place {number}", edits=edits))
            displays.append(display)
            lanes += [lane(display, f"{number}{seat}") for seat in range(4 // len(draws))]
        await asyncio.sleep(1)
        yield displays[0], lanes
        for display in displays:
            await display.wait_until_caught_up()


def lane(display: Display, seat: str, kind: Kind = "turn") -> Lane:
    return display.open(LaneId("answer", 1, seat), seat, kind=kind, placeholder="…")


async def speak(lanes: Sequence[Lane], seconds: float) -> None:
    """Each at its own speed."""
    end = asyncio.get_running_loop().time() + seconds
    while asyncio.get_running_loop().time() < end:
        await asyncio.sleep(0.05)
        for k, one in enumerate(lanes):
            one.add("x" * (1 + k))


def edits(platform: Platform, since: float = 0.0) -> list[tuple[float, str]]:
    return [(at, lane.seat) for at, method, lane, _ in platform.calls if method == "edit" and at >= since]


def test_first_words_go_at_once_when_nobody_else_is_open() -> None:
    async def scene() -> None:
        platform = Platform({"e": WindowLimit(5, 5.0)}, round_trip_s=0.1)
        budgets = Budgets(lambda name, started: FixedWindow(5, 5.0), 0.0)
        async with Scheduler(budgets) as scheduler:
            display = Display(scheduler, trace=NoTrace())
            display.attach(Place(platform, edits=["e"]))
            only = lane(display, "0")
            await asyncio.sleep(1)
            only.add("a line of words, for one word alone would stand there frozen")
            await asyncio.sleep(1)
            ((arrived, _),) = edits(platform)
            assert arrived == pytest.approx(1.05)

    run_virtual(scene())


def test_an_end_goes_before_text_that_has_waited_longer_and_the_board_last() -> None:
    async def scene() -> None:
        platform = Platform({"e": WindowLimit(5, 5.0)}, round_trip_s=0.1)
        async with stage(platform, {"e": FixedWindow(5, 5.0)}, [["e"]]) as (display, lanes):
            board = lane(display, "board", "board")
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(speak(lanes, 60.0))
                for second in range(60):
                    board.set(f"{second}")
                    if second == 30:
                        extra = lane(display, "extra")
                        await asyncio.sleep(0.5)
                        extra.add("short")
                        extra.close("short")
                        closed_at = asyncio.get_running_loop().time()
                    await asyncio.sleep(1)
            after = edits(platform, since=closed_at)
            assert after[0][1] == "extra"  # the first of all edits since
            boards = sum(seat == "board" for _, seat in edits(platform))
            assert 1 <= boards < min(sum(seat == one.key.seat for _, seat in edits(platform)) for one in lanes)
            for one in (*lanes, board):
                one.close()

    run_virtual(scene())


def test_unequal_speeds_are_shown_by_the_square_root_law() -> None:
    async def scene() -> None:
        platform = Platform({"e": WindowLimit(5, 5.0)})
        async with stage(platform, {"e": FixedWindow(5, 5.0)}, [["e"]]) as (_, lanes):
            await speak(lanes, 300.0)
            counts = [sum(seat == one.key.seat for _, seat in edits(platform)) for one in lanes]
            assert counts == sorted(counts)
            assert 1.4 < counts[3] / counts[0] < 2.8  # four times the speed, about twice the requests
            for one in lanes:
                one.close()

    run_virtual(scene())


def test_a_lane_that_draws_on_two_budgets_keeps_to_both_and_a_spent_one_stops_no_other() -> None:
    async def scene() -> None:
        limits = {"a": WindowLimit(5, 5.0), "b": WindowLimit(5, 5.0), "all": WindowLimit(8, 10.0)}
        makes: dict[str, Budget] = {"a": FixedWindow(5, 5.0), "b": FixedWindow(0, 5.0), "all": FixedWindow(8, 10.0)}
        platform = Platform({**limits})
        async with stage(platform, makes, [["a", "all"], ["b", "all"]]) as (_, lanes):
            platform.budgets = None
            await speak(lanes, 60.0)
            seats = {seat[0] for _, seat in edits(platform)}
            assert seats == {"0"}
            assert 40 <= len(edits(platform)) <= 56
            assert platform.statuses[429] == 0
            makes["b"].learn(0.0, asyncio.get_running_loop().time(), limit=5, remaining=5, reset_after_s=0.0)
            for one in lanes:
                one.close()

    run_virtual(scene())


@pytest.mark.parametrize("told", [True, False])
def test_after_a_limit_is_halved_in_mid_run_none_is_refused_beyond_the_first(told: bool) -> None:
    async def scene() -> None:
        platform = Platform({"e": WindowLimit(6, 5.0)})
        async with stage(platform, {"e": FixedWindow(6, 5.0)}, [["e"]]) as (_, lanes):
            if not told:
                platform.budgets = None
            await speak(lanes, 62.0)
            assert platform.statuses[429] == 0
            platform.limits["e"].limit = 3
            await speak(lanes, 62.0)
            for one in lanes:
                one.close()
        assert platform.statuses[429] <= 1

    run_virtual(scene())


def test_posts_are_paced_by_their_budget_too() -> None:
    async def scene() -> None:
        platform = Platform({"p": WindowLimit(2, 5.0)}, round_trip_s=0.1)
        async with Scheduler(Budgets(lambda name, started: FixedWindow(2, 5.0), 0.0)) as scheduler:
            display = Display(scheduler, trace=NoTrace())
            display.attach(Place(platform, posts=["p"]))
            for seat in range(5):
                lane(display, f"{seat}")
            await asyncio.sleep(20)
        assert [at for at, *_ in platform.calls] == pytest.approx([0.05, 0.15, 5.15, 5.25, 10.25], abs=0.02)
        assert platform.statuses[429] == 0

    run_virtual(scene())


def test_first_words_that_an_eager_budget_gives_away_go_before_text_at_a_ceiling_over_all() -> None:
    async def scene() -> None:
        platform = Platform({}, round_trip_s=0.1)
        budgets: dict[str, Budget] = {"all": TokenBucket(1, 1, documented=True)}
        budgets |= {name: FixedWindow(5, 5.0, at_once=1, eager=True) for name in ("loud", "late")}
        async with Scheduler(Budgets(lambda name, started: budgets[name], 0.0)) as scheduler:
            displays = {name: Display(scheduler, trace=NoTrace()) for name in ("loud", "late")}
            for name, display in displays.items():
                display.attach(Place(platform, name, edits=[name, "all"]))
            loud = [lane(displays["loud"], seat) for seat in ("ada", "bob")]
            late = [lane(displays["late"], seat) for seat in ("cyd", "dan")]
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(speak(loud, 20.0))
                await asyncio.sleep(10.5)
                for one in late:
                    one.add("I" * 60)
                spoke_at = asyncio.get_running_loop().time()
            seats = [seat for _, seat in edits(platform, spoke_at)]
            assert set(seats[:2]) == {"cyd", "dan"}

    run_virtual(scene())


def test_one_seat_of_each_run_is_heard_before_the_second_of_any() -> None:
    async def scene() -> None:
        platform = Platform({}, round_trip_s=0.1)
        budgets: dict[str, Budget] = {"all": TokenBucket(1, 1, documented=True)}
        async with Scheduler(Budgets(lambda name, started: budgets[name], 0.0)) as scheduler:
            displays = [Display(scheduler, trace=NoTrace()) for _ in range(3)]
            for run, display in enumerate(displays):
                display.attach(Place(platform, f"{run}", edits=["all"]))
            lanes = [lane(display, f"{run}{seat}") for run, display in enumerate(displays) for seat in range(3)]
            await asyncio.sleep(1)
            for words, one in zip(range(9, 0, -1), lanes, strict=True):  # most of them in the first run
                one.add("word " * words)
            await asyncio.sleep(12)
        runs = [seat[0] for _, seat in edits(platform)]
        assert (runs[:3], len(runs)) == (["0", "1", "2"], 9)

    run_virtual(scene())


async def talk(seats: int, limit: int, seconds: float, *, window_s: float = 1.0, stages: int | None = None) -> Platform:
    """So many seats speak without an end, and share a window that slides. `stages`: what their run still holds."""
    platform = Platform({}, round_trip_s=0.1)
    budget = SlidingWindow(limit, window_s, documented=True)
    async with Scheduler(Budgets(lambda name, started: budget, 0.0)) as scheduler:
        display = Display(scheduler, trace=NoTrace())
        display.attach(Place(platform, edits=["all"]))
        if stages is not None:
            display.foresee(stages, seats)
        await speak([lane(display, f"{seat}") for seat in range(seats)], seconds)
    return platform


def test_many_who_speak_for_longer_than_anybody_did_are_shown_all_the_same() -> None:
    platform = run_virtual(talk(20, 5, 90.0))
    assert {seat for _, seat in edits(platform, since=70.0)} == {f"{seat}" for seat in range(20)}


def test_what_was_usual_of_a_budget_that_nobody_draws_on_fades() -> None:
    usual = Usual()
    usual.learn(5.0, 2, 3, 1.0)
    assert not usual.is_faint
    usual.learn(0.0, 0, 0, 15 * 60.0)
    assert usual.is_faint
