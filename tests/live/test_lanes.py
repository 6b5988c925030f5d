"""Lanes: what they read, what waits in them, and whom they wake."""

from __future__ import annotations

import pytest

from bot.domain.run import LaneId
from bot.live.lanes import Lane


class Bench:
    """A lane on a clock that is set by hand."""

    def __init__(self) -> None:
        self.now = 10.0
        self.stirred = 0
        self.lane = Lane(
            LaneId("answer", 1, "a"), "A", "turn", "A is thinking…", time=lambda: self.now, on_change=self._stir
        )

    def _stir(self, lane: Lane) -> None:
        self.stirred += 1

    def waits(self) -> float:
        return self.lane.chars * self.now - self.lane.moments


def test_text_grows_and_its_wait_is_counted() -> None:
    bench = Bench()
    bench.lane.add("four")
    bench.now = 12.0
    bench.lane.add("")
    bench.lane.add("six")
    bench.now = 13.0
    assert bench.lane.text == "foursix"
    assert bench.lane.length == bench.lane.chars == 7
    assert bench.waits() == pytest.approx(4 * 3.0 + 3 * 1.0)
    assert bench.lane.speed(13.0) == pytest.approx((7 + 60) / 4)


def test_a_lane_wakes_once_until_somebody_has_taken_its_text() -> None:
    bench = Bench()
    bench.lane.add("a")
    bench.lane.add("b")
    assert bench.stirred == 1
    bench.lane.settle()
    bench.lane.add("c")
    assert bench.stirred == 2
    bench.lane.close()
    assert bench.stirred == 3  # an end always


def test_what_is_closed_stays_so() -> None:
    bench = Bench()
    bench.lane.add("draft")
    bench.lane.close("the end", " · 3 s")
    version = bench.lane.version
    bench.lane.add("late")
    bench.lane.set("late")
    bench.lane.restart("")
    bench.lane.close("later")
    assert (bench.lane.text, bench.lane.footer, bench.lane.version) == ("the end", " · 3 s", version)


def test_what_is_asked_again_goes_on_and_what_is_removed_reads_differently() -> None:
    bench = Bench()
    bench.lane.close("failed", " · 3 s")
    bench.lane.reopen()
    bench.lane.add("anew")
    assert (bench.lane.text, bench.lane.footer, bench.lane.closed) == ("anew", "", False)
    bench.lane.close("anew")
    bench.lane.rewrite("removed", "")
    assert (bench.lane.text, bench.lane.closed) == ("removed", True)


def test_closing_counts_only_what_is_new() -> None:
    bench = Bench()
    bench.lane.add("draft")
    bench.lane.close("draft and more")
    assert bench.lane.chars == len("draft and more")
    assert Bench().lane.speed(99.0) == 0


def test_the_same_card_again_is_no_news_and_a_restart_keeps_what_it_is_told() -> None:
    bench = Bench()
    bench.lane.set("card")
    version = bench.lane.version
    bench.lane.set("card")
    assert bench.lane.version == version
    bench.lane.restart("ca")
    assert (bench.lane.text, bench.lane.length) == ("ca", 2)
