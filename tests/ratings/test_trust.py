"""Reviewers against people, and against the place at which they are shown an answer: by hand, and from a council."""

from __future__ import annotations

import pytest

from bot.ratings.trust import Pick, Trust, measure_trust, read_picks
from tests.support.transcripts import Play, make_start


def test_agreement_and_first_places_are_shares_of_what_each_has_judged() -> None:
    errors = [{"x": False, "y": True}] * 3 + [{"x": True, "y": True}, {"x": False}]
    picks = [Pick("x", 0, 2), Pick("x", 0, 4), Pick("x", 3, 4), Pick("x", 1, 2)]
    assert measure_trust(errors, picks, least=4) == [
        Trust("x", 5, 4 / 5, 4, 2 / 4, 1.5 / 4),
        Trust("y", 4, 0.0, 0, None, None),
    ]


def test_of_few_nothing_is_said() -> None:
    assert measure_trust([{"x": False}] * 19, [Pick("x", 0, 2)] * 19) == []
    [known] = measure_trust([{"x": False}] * 20, [Pick("x", 0, 2)] * 19)
    assert (known.agrees, known.first) == (1.0, None)


def test_picks_are_read_from_a_councils_ballots() -> None:
    play = Play(make_start("council")).play_stage(lambda turn: f"{turn.seat} speaks")
    reviews = play.start_wanted()
    for review, text in zip(reviews, ("RANKING: B > A > C", "RANKING: A = B > C", "no ballot"), strict=True):
        play.end_turn(review, text)
    shown = play.t.turns[reviews[0]].about
    assert len(shown) in (2, 3)
    [pick] = read_picks(play.t)
    assert pick == Pick(f"model-{reviews[0].seat}", 1, len(shown))


@pytest.mark.parametrize("form", ["compare", "debate"])
def test_other_formats_have_no_ballots(form: str) -> None:
    assert read_picks(Play(make_start(form)).play_stage().t) == []
