"""What people are told of a turn besides its words."""

from __future__ import annotations

import pytest

from bot.domain.caveats import describe_cut, list_run_caveats
from bot.domain.facts import TurnEnded
from bot.domain.run import Price, StandIn, TurnId, WindowCut
from tests.support.transcripts import Play, make_start


@pytest.mark.parametrize(
    ("cut", "told"),
    [
        (WindowCut(8_192, (1, 2)), "rounds 1–2 were left out for GPT: its window is 8,192 tokens"),
        (WindowCut(8_192, (1,)), "round 1 was left out for GPT: its window is 8,192 tokens"),
        (WindowCut(8_192, (1, 3, 4)), "rounds 1, 3–4 were left out for GPT: its window is 8,192 tokens"),
        (
            WindowCut(900, (), other=True),
            "parts of what was to be read were left out for GPT: its window is 900 tokens",
        ),
        (
            WindowCut(900, (1,), other=True),
            "round 1 and parts of what was to be read were left out for GPT: its window is 900 tokens",
        ),
    ],
)
def test_a_cut_is_told_in_a_sentence(cut: WindowCut, told: str) -> None:
    assert describe_cut("GPT", cut) == told


def test_the_board_has_the_latest_of_each_seat_once() -> None:
    play = Play(make_start("debate"))
    other = StandIn("x", "Other", Price(1.0, 1.0, "settings"), "rate_limit")
    play.record(
        TurnEnded(TurnId("rebuttal", 2, "ada"), "done", "a", cut=WindowCut(900, (1,))),
        TurnEnded(TurnId("rebuttal", 3, "ada"), "done", "a", cut=WindowCut(900, (1, 2))),
        TurnEnded(TurnId("rebuttal", 3, "bob"), "done", "b", stand_in=other, cut=WindowCut(700, (1, 2))),
    )
    assert list_run_caveats(play.t) == [
        "rounds 1–2 were left out for Ada: its window is 900 tokens",
        "Bob takes no more questions for now; Other answers",
        "rounds 1–2 were left out for Other: its window is 700 tokens",
    ]
