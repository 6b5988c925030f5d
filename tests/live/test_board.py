from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.facts import TurnEnded, TurnStarted
from bot.domain.run import Failure, Panel, Price, Timings, TurnId, Usage
from bot.live.board import build_board, build_footer, render_board
from tests.support.transcripts import Play, make_seat, make_start

ADA, BOB, CYD = (TurnId("answer", 1, s) for s in ("ada", "bob", "cyd"))
PAID = Price(1, 1, "litellm")


def ended(turn: TurnId, total_s: float) -> TurnEnded:
    return TurnEnded(turn, "done", "text", Usage(10, 20, 0, "reported"), 0.002, Timings(total_s, 0.5))


def test_the_board_tells_who_is_done_and_what_is_to_come() -> None:
    play = Play(make_start("compare")).record(TurnStarted(ADA), TurnStarted(BOB), TurnStarted(CYD))
    play.record(ended(ADA, 2.0), ended(BOB, 4.0))
    card = build_board(play.t, "answers", 3, {CYD: "waiting: 2nd in the queue"}, play.t.at + 1)
    assert (card.done, card.total, card.spent) == (2, 3, "40 tokens · free (local)")
    assert [line.state for line in card.lines] == [
        "done · 2.0 s",
        "done · 4.0 s",
        "waiting: 2nd in the queue",
    ]
    assert card.fastest == "Ada"
    assert card.rest_s == 0
    text = render_board(card)
    question, origin, progress, *_ = text.split("\n\n")
    assert (question, origin) == ("> Tabs or spaces?", "compare of Ada, Bob, Cyd · asked by a person")
    assert progress.startswith("▰▰▰▰▰▰▰▰▱▱▱▱ 2/3 · answers · ")
    assert "40 tokens" in text
    assert "free (local)" in text


def test_who_takes_long_is_told_after_three_times_the_median() -> None:
    play = Play(make_start("compare")).record(TurnStarted(ADA), TurnStarted(BOB), ended(ADA, 2.0))
    began = play.t.turns[BOB].started.at
    assert build_board(play.t, "", 3, {}, began + 5.9).lines[1].state == "speaking"
    assert "taking long" in build_board(play.t, "", 3, {}, began + 6.1).lines[1].state


def test_an_unknown_cost_is_told_beside_the_known_one() -> None:
    panel = Panel((make_seat("ada", price=PAID), make_seat("bob", price=None)))
    play = Play(replace(make_start("compare"), panel=panel))
    unknown = TurnEnded(BOB, "done", "text", Usage(1, 2, 0, "estimated"), None)
    play.record(ended(ADA, 1.0), unknown)
    assert build_board(play.t, "", 3, {}, play.t.at).spent == "22 tokens · $0.002 and what is unknown"


@pytest.mark.parametrize(
    ("end", "shown"),
    [
        (ended(ADA, 6.12), "6.1 s · 20 tokens · $0.002"),
        (
            TurnEnded(ADA, "length", "t", Usage(1, 9, 0, "estimated"), 0.01, Timings(1.0)),
            "cut at its length limit · 1.0 s · about 9 tokens · $0.010",
        ),
        (
            TurnEnded(ADA, "failed", failure=Failure("key", "its key was refused")),
            "failed: its key was refused · 0.0 s · cost unknown",
        ),
        (TurnEnded(ADA, "skipped", "t", Usage(), 0.0), "skipped · 0.0 s · $0.000"),
        (TurnEnded(ADA, "repeated", "t", Usage(), 0.0), "stopped: it repeated itself · 0.0 s · $0.000"),
    ],
)
def test_footers(end: TurnEnded, shown: str) -> None:
    assert build_footer(end, PAID) == shown


def test_who_still_speaks_is_listed_whatever_the_stage() -> None:
    play = Play(make_start("compare")).record(TurnStarted(ADA), TurnStarted(BOB), ended(ADA, 2.0))
    review = TurnId("review", 1, "ada")
    card = build_board(play.record(TurnStarted(review)).t, "reviews", 3, {}, play.t.at)
    assert [(line.name, line.state) for line in card.lines] == [
        ("Bob (answer)", "speaking"),
        ("Ada (review)", "speaking"),
    ]
    play.record(ended(BOB, 3.0))
    assert [line.name for line in build_board(play.t, "reviews", 3, {}, play.t.at).lines] == ["Ada"]
