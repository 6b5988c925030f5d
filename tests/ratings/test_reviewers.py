"""How many independent opinions reviewers amount to: by hand on made data, and from a council's own ballots."""

from __future__ import annotations

import pytest

from bot.domain.facts import VoteCast
from bot.domain.run import TurnId
from bot.ratings.reviewers import measure_independence, read_review_errors
from tests.support.transcripts import Play, make_start

WRONG, RIGHT = True, False
AGREEMENT = [  # of each two answers, which of three reviewers had them reversed
    *[{"x": WRONG, "y": WRONG, "z": WRONG}] * 6,
    *[{"x": WRONG, "y": WRONG, "z": RIGHT}] * 2,
    *[{"x": WRONG, "y": RIGHT, "z": WRONG}] * 1,
    *[{"x": WRONG, "y": RIGHT, "z": RIGHT}] * 1,
    *[{"x": RIGHT, "y": WRONG, "z": RIGHT}] * 2,
    *[{"x": RIGHT, "y": RIGHT, "z": WRONG}] * 3,
    *[{"x": RIGHT, "y": RIGHT, "z": RIGHT}] * 5,
]


def test_kishs_number_is_the_one_computed_by_hand() -> None:
    """Compute it from the counts of each two reviewers, as one would on paper.

    Each errs in 10 of 20, so that the correlation of two is (20 · both - 10 · 10) / 100: x and y err together in 8
    (.6), x and z in 7 (.4), y and z in 6 (.2). Their mean is .4, and 3 / (1 + 2 · .4) = 1.667.
    """
    found = measure_independence(AGREEMENT)
    assert found is not None
    assert found.reviewers == 3
    assert found.correlation == pytest.approx(0.4, abs=1e-12)
    assert found.effective == pytest.approx(3 / 1.8, abs=1e-12)


def test_reviewers_who_err_alike_are_one_and_never_more_than_there_are() -> None:
    alike = measure_independence([{"x": n % 2 == 0, "y": n % 2 == 0} for n in range(20)])
    apart = measure_independence([{"x": n % 2 == 0, "y": n % 2 == 1} for n in range(20)])
    assert alike is not None
    assert apart is not None
    assert (alike.effective, apart.effective) == pytest.approx((1.0, 2.0))


@pytest.mark.parametrize(
    "errors",
    [
        AGREEMENT[:19],
        [{"x": n % 2 == 0} for n in range(40)],
        [{"x": n % 2 == 0, "y": False} for n in range(40)],
    ],
    ids=["too few", "one reviewer", "one who never errs"],
)
def test_where_nothing_can_be_said(errors: list[dict[str, bool]]) -> None:
    assert measure_independence(errors) is None


def test_errors_are_read_from_a_councils_ballots() -> None:
    play = Play(make_start("council")).play_stage(lambda turn: f"{turn.seat} speaks")
    reviews = play.start_wanted()
    assert {turn.stage for turn in reviews} == {"review"}
    for turn in reviews:
        play.end_turn(turn, write_ballot(play, turn, ["ada", "bob", "cyd"] if turn.seat == "bob" else ["cyd", "bob"]))
    play.record(*(VoteCast(f"p{n}", 1, "ada" if n else "cyd") for n in range(3)))
    assert read_review_errors(play.t) == [
        {"model-ada": False, "model-bob": True, "model-cyd": False},  # cyd over bob
        {"model-bob": False},  # ada over bob, which the others have not ranked both
        {"model-bob": False},  # ada over cyd
    ]


def write_ballot(play: Play, turn: TurnId, seats: list[str]) -> str:
    """Write a ballot that ranks these seats, in the letters that its reviewer was shown."""
    shown = [answer.seat for answer in play.t.turns[turn].about]
    letters = [f"{n}. {'ABC'[shown.index(seat)]}" for n, seat in enumerate(seats, 1)]
    return "\n".join(["FINAL RANKING:", *letters])
