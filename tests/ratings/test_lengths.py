"""How far the longer answer wins, by hand."""

from __future__ import annotations

from bot.ratings.comparisons import Vote
from bot.ratings.lengths import LengthWins, measure_length_wins

MODELS = ("a", "b", "c")
LONGEST, MIDDLE = Vote(MODELS, 0, chars=(30, 20, 10)), Vote(MODELS, 1, chars=(30, 20, 10))


def test_a_vote_weighs_one_however_many_answers_it_is_between() -> None:
    assert measure_length_wins([LONGEST, LONGEST, MIDDLE, MIDDLE], min_votes=4) == LengthWins(0.75, 4)


def test_what_tells_nothing_of_length_is_left_out() -> None:
    silent = [
        Vote(MODELS, None, chars=(30, 20, 10)),
        Vote(MODELS, 0),
        Vote(("a", "b"), 0, chars=(20, 20)),
    ]
    assert measure_length_wins([*silent, LONGEST], min_votes=1) == LengthWins(1.0, 1)
    assert measure_length_wins(silent, min_votes=0) is None
    assert measure_length_wins([Vote(MODELS, 0, chars=(20, 20, 10))], min_votes=1) == LengthWins(1.0, 1)


def test_of_few_votes_nothing_is_said() -> None:
    assert measure_length_wins([LONGEST] * 19) is None
    assert measure_length_wins([LONGEST] * 20) == LengthWins(1.0, 20)
