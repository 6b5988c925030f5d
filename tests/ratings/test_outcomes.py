"""A marked decision counts for the model that was preferred in it, and for none where nobody can say which."""

from __future__ import annotations

import pytest

from bot.domain.facts import Mark, OutcomeMarked, RunFinished, VoteCast
from bot.domain.run import TurnId
from bot.domain.transcript import Transcript
from bot.ratings.leaderboard import Leaderboard
from bot.ratings.outcomes import OutcomeCount, read_outcome
from bot.ratings.tally import Tally
from tests.support.transcripts import Play, make_start


def play(form: str, mark: Mark | None, *votes: str) -> Transcript:
    """Return a finished run with a person's vote for each of these seats, and marked so."""
    p = Play(make_start(form))
    while not p.plan.outcome and p.wanted:
        p.play_stage(lambda turn: answer(turn))
    p.record(*(VoteCast(f"person {n}", 1, seat) for n, seat in enumerate(votes)), RunFinished(p.plan.outcome))
    return (p.record(OutcomeMarked("ann", mark)) if mark else p).t


def answer(turn: TurnId) -> str:
    return "FINAL RANKING:\n1. Response A\n2. Response B\n3. Response C" if turn.stage == "review" else "Yes."


@pytest.mark.parametrize(
    ("mark", "votes", "counted"),
    [
        ("right", ("ada", "ada", "bob"), ("model-ada", True)),
        ("wrong", ("bob",), ("model-bob", False)),
        ("right", ("ada", "bob"), None),
        ("right", (), None),
        ("undecided", ("ada",), None),
        ("done", ("ada",), None),
        (None, ("ada",), None),
    ],
)
def test_the_model_that_most_people_preferred_counts(
    mark: Mark | None, votes: tuple[str, ...], counted: tuple[str, bool] | None
) -> None:
    assert read_outcome(play("compare", mark, *votes)) == counted


def test_a_later_mark_replaces_an_earlier_one() -> None:
    p = Play(make_start("compare"))
    p.record(VoteCast("p", 1, "ada"), OutcomeMarked("ann", "right"), OutcomeMarked("ann", "wrong"))
    assert read_outcome(p.t) == ("model-ada", False)


def test_a_leaderboard_tells_it() -> None:
    tally = Tally()
    for mark in ("right", "right", "wrong"):
        tally.add_run(play("compare", mark, "ada"))
    assert tally.outcomes == {"model-ada": OutcomeCount(2, 1)}
    told = "Decisions that people marked afterwards, right by the model that was preferred: Ada 2 of 3."
    assert told in Leaderboard(tally, []).list_caveats()
