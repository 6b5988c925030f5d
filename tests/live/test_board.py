from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.caveats import AWAY
from bot.domain.costs import Spent
from bot.domain.facts import TurnEnded, TurnStarted
from bot.domain.run import Failure, Origin, Panel, Price, Timings, TurnId, Usage
from bot.live.board import build_board, build_footer, render_board, render_brief
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
    assert card.rest_s is None
    text = render_board(card)
    question, origin, progress, *_ = text.split("\n\n")
    assert (question, origin) == ("> Tabs or spaces?", "comparison of Ada, Bob, Cyd · asked by a person")
    assert progress.startswith("▰▰▰▰▰▰▰▰▱▱▱▱ 2/3 · answers · ")
    assert "40 tokens" in text
    assert "free (local)" in text


def test_in_brief_the_board_is_a_line_on_the_run_and_one_for_each_thing_worth_knowing() -> None:
    play = Play(make_start("compare")).record(TurnStarted(ADA), TurnStarted(BOB), ended(ADA, 2.0))
    going = build_board(play.t, "answers", 3, {}, play.t.at, ["Away: Cyd"], board_lines=["Bob joined."])
    assert render_brief(going) == (
        "answers 1/3 · 3 s · 20 tokens · free (local) · Tabs or spaces?\nBob joined.\n⚠ Away: Cyd"
    )
    over = build_board(play.t, "finished", 3, {}, play.t.at, verdict="It is yes.")
    assert render_brief(over).startswith("finished · 3 s · ")


def test_how_long_it_takes_is_told_only_of_the_rest_of_the_run() -> None:
    play = Play(make_start("council")).record(TurnStarted(ADA), TurnStarted(BOB), ended(ADA, 9.0))
    assert " s to go" in render_board(build_board(play.t, "answers", 2, {}, play.t.at))
    assert build_board(play.t, "answers", 7, {}, play.t.at).rest_s is None
    assert build_board(play.t, "answers", 2, {}, play.t.at + 20.0).rest_s is None


def test_of_a_long_question_the_board_has_the_beginning() -> None:
    play = Play(replace(make_start("compare"), question="word " * 200)).record(TurnStarted(ADA))
    question = render_board(build_board(play.t, "answers", 3, {}, play.t.at)).split("\n\n")[0]
    assert len(question) <= 304
    assert question.endswith("word …")


def test_a_summary_is_by_a_seat_and_not_of_it() -> None:
    play = Play(make_start("summary", seats=("ada",))).record(TurnStarted(ADA))
    assert "\n\nsummary by Ada · asked by" in render_board(build_board(play.t, "summary", 1, {}, play.t.at))


def test_a_message_that_is_replied_to_is_quoted_without_its_marks() -> None:
    origin = Origin("Kim", "0" * 64, excerpt=("**Yes**, run `make`.", "*Or* not."))
    play = Play(replace(make_start("compare"), origin=origin)).record(TurnStarted(ADA))
    assert render_board(build_board(play.t, "answers", 3, {}, play.t.at)).startswith(
        "> **Kim:** Yes, run make.\n> \\*Or\\* not.\n\n"
    )


def test_who_takes_long_is_told_after_three_times_the_median() -> None:
    play = Play(make_start("compare")).record(TurnStarted(ADA), TurnStarted(BOB), ended(ADA, 2.0))
    began = play.t.turns[BOB].started.at
    assert build_board(play.t, "", 3, {}, began).lines[1].state == "thinking"  # nothing is known of it yet
    assert build_board(play.t, "", 3, {BOB: ""}, began + 5.9).lines[1].state == "speaking"
    assert "taking long" in build_board(play.t, "", 3, {}, began + 6.1).lines[1].state


def test_an_unknown_cost_is_told_beside_the_known_one() -> None:
    panel = Panel((make_seat("ada", price=PAID), make_seat("bob", price=None)))
    play = Play(replace(make_start("compare"), panel=panel))
    unknown = TurnEnded(BOB, "done", "text", Usage(1, 2, 0, "estimated"), None)
    play.record(ended(ADA, 1.0), unknown)
    assert build_board(play.t, "", 3, {}, play.t.at).spent == "22 tokens · $0.002 and what is unknown"


def test_a_cost_of_which_nothing_is_known_is_unknown_and_not_nothing() -> None:
    play = Play(replace(make_start("compare"), panel=Panel((make_seat("ada", price=None),))))
    play.record(TurnEnded(ADA, "done", "text", Usage(1, 2, 0, "estimated"), None))
    assert build_board(play.t, "", 1, {}, play.t.at).spent == "2 tokens · cost unknown"


def test_costs_move_by_seat_while_turns_go_on() -> None:
    panel = Panel((make_seat("ada", price=PAID), make_seat("bob", price=PAID), make_seat("cyd", price=PAID)))
    play = Play(replace(make_start("compare"), panel=panel)).record(
        TurnStarted(ADA), TurnStarted(BOB), TurnStarted(CYD)
    )
    play.record(ended(ADA, 2.0))
    card = build_board(play.t, "answers", 3, {BOB: "", CYD: "thinking"}, play.t.at, running={BOB: Spent(700, 0.049)})
    assert [line.state for line in card.lines] == ["done · 2.0 s · $0.002", "speaking · $0.049", "thinking"]
    assert card.spent == "720 tokens · $0.051"


@pytest.mark.parametrize(
    ("usd", "warned"),
    [
        (0.50, ()),
        (0.51, ("This run has cost more than $0.50.",)),
        (2.0, ("This run has cost more than $1.00.",)),
    ],
)
def test_the_highest_sum_that_was_passed_is_warned_of(usd: float, warned: tuple[str, ...]) -> None:
    play = Play(replace(make_start("compare"), panel=Panel((make_seat("ada", price=PAID),)))).record(TurnStarted(ADA))
    card = build_board(play.t, "", 1, {}, play.t.at, running={ADA: Spent(1, usd)}, warn_usd=(0.5, 1.0))
    assert card.warnings == warned


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
        (TurnEnded(ADA, "failed", failure=Failure("key", AWAY)), AWAY),
        (TurnEnded(ADA, "skipped", "t", Usage(), 0.0), "skipped · 0.0 s · $0.000"),
        (TurnEnded(ADA, "repeated", "t", Usage(), 0.0), "stopped: it repeated itself · 0.0 s · $0.000"),
    ],
)
def test_footers(end: TurnEnded, shown: str) -> None:
    assert build_footer(end, PAID) == shown


def test_who_still_speaks_is_listed_whatever_the_stage() -> None:
    play = Play(make_start("compare")).record(TurnStarted(ADA), TurnStarted(BOB), ended(ADA, 2.0))
    review = TurnId("review", 1, "ada")
    card = build_board(play.record(TurnStarted(review)).t, "reviews", 3, {BOB: "", review: ""}, play.t.at)
    assert [(line.name, line.state) for line in card.lines] == [
        ("Bob (answer)", "speaking"),
        ("Ada (review)", "speaking"),
    ]
    play.record(ended(BOB, 3.0))
    assert [line.name for line in build_board(play.t, "reviews", 3, {}, play.t.at).lines] == ["Ada"]
