from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.costs import CostLine, divide_costs, expect_next_round, show_cost, show_range, total_cost
from bot.domain.facts import TurnEnded, TurnStarted
from bot.domain.run import CostRange, Panel, Price, TurnId, Usage
from bot.models.catalogue import LOCAL
from tests.support.transcripts import Play, make_seat, make_start

PAID = Price(1, 1, "litellm")


@pytest.mark.parametrize(
    ("cost", "price", "shown"),
    [
        (None, None, "cost unknown"),
        (0.0, LOCAL, "free (local)"),
        (None, LOCAL, "free (local)"),
        (0.0, PAID, "$0.000"),
        (0.0001, PAID, "under $0.001"),
        (0.0042, PAID, "$0.004"),
        (1234.5, PAID, "$1,234.50"),
    ],
)
def test_costs_are_shown(cost: float | None, price: Price | None, shown: str) -> None:
    assert show_cost(cost, price) == shown


@pytest.mark.parametrize(
    ("expected", "shown"),
    [
        (CostRange(0.0213, 0.0619), "about $0.021 to $0.062"),
        (CostRange(0.2, 0.61), "about $0.20 to $0.61"),
        (CostRange(1.234, 3.4), "about $1.23 to $3.40"),
        (CostRange(12.0, 1234.5), "about $12.00 to $1,234.50"),
        (CostRange(0.0501, 0.0502), "about $0.050"),
        (CostRange(0.0, 0.004), "about $0.00 to $0.0040"),
        (CostRange(0.0001, 0.0009), "under $0.001"),
        (CostRange(0.02, 0.06, unpriced=True), "about $0.020 to $0.060 and what is unknown"),
        (CostRange(0.0, 0.0, unpriced=True), "cost unknown"),
        (CostRange(0.0, 0.0), "free"),
    ],
)
def test_a_range_is_shown(expected: CostRange, shown: str) -> None:
    assert show_range(expected) == shown


def end(stage: str, round_: int, seat: str, tokens: int, usd: float | None) -> TurnEnded:
    return TurnEnded(TurnId(stage, round_, seat), "done", "text", Usage(10, tokens, 0, "reported"), usd)


def play(*ends: TurnEnded) -> Play:
    seats = (make_seat("ada", price=PAID), make_seat("bob", price=None))
    played = Play(replace(make_start("debate"), panel=Panel(seats)))
    for ended in ends:
        played.record(TurnStarted(ended.turn), ended)
    return played


def test_a_run_is_divided_by_seat_and_stage() -> None:
    t = play(
        end("opening", 1, "ada", 100, 0.01),
        end("opening", 1, "bob", 50, None),
        end("closing", 2, "ada", 200, 0.03),
        TurnEnded(TurnId("closing", 2, "bob"), "failed", ""),  # nothing was asked
    ).t
    assert divide_costs(t, lambda turn: turn.seat) == [
        CostLine("ada", 2, 300, "$0.040"),
        CostLine("bob", 1, 50, "cost unknown"),
    ]
    assert divide_costs(t, lambda turn: turn.stage) == [
        CostLine("opening", 2, 150, "$0.010 and what is unknown"),
        CostLine("closing", 1, 200, "$0.030"),
    ]
    assert total_cost(t) == "$0.040 and what is unknown"


def test_the_next_round_costs_as_much_more_as_the_last_one_did() -> None:
    t = play(end("opening", 1, "ada", 1, 0.02)).t
    assert expect_next_round(t, 1) == "about $0.020"
    t = play(end("opening", 1, "ada", 1, 0.02), end("rebuttal", 2, "ada", 1, 0.03)).t
    assert expect_next_round(t, 2) == "about $0.040"
    t = play(end("opening", 1, "ada", 1, 0.03), end("rebuttal", 2, "ada", 1, 0.02)).t
    assert expect_next_round(t, 2) == "about $0.020"
    assert expect_next_round(play(end("opening", 1, "bob", 1, None)).t, 1) == ""
