"""What people are offered of a run as it stands."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.actions.possible import list_possible
from bot.domain.facts import Paused, RunFinished, VoteClosed
from bot.domain.run import Visibility
from tests.support.transcripts import Play, make_start


def possible(play: Play) -> set[str]:
    return set(list_possible(play.t, play.form, play.plan))


def play_first_answers(form: str) -> Play:
    play = Play(make_start(form))
    play.start_wanted()
    return play


@pytest.mark.parametrize(
    ("form", "own"),
    [
        ("council", {"add", "drop"}),
        ("compare", {"add", "drop"}),
        ("debate", {"add", "drop", "object"}),
        ("pipeline", set[str]()),
    ],
)
def test_what_a_format_has_not_is_not_offered(form: str, own: set[str]) -> None:
    assert possible(play_first_answers(form)) == {"skip", "vote", "say", "stop", "pause", *own}


def test_a_paused_run_can_be_resumed_and_not_paused() -> None:
    offered = possible(play_first_answers("council").record(Paused("you", "you")))
    assert "resume" in offered
    assert "pause" not in offered


def test_after_the_end_one_votes_until_the_vote_is_closed() -> None:
    start = make_start("compare")
    play = Play(replace(start, rules=replace(start.rules, vote_s=600.0))).play_stage().record(RunFinished("answered"))
    assert possible(play) == {"vote"}
    assert possible(play.record(VoteClosed("you"))) == set()


def test_a_blind_run_is_guessed_about_and_what_is_hidden_can_be_revealed() -> None:
    start = make_start("compare")
    play = Play(replace(start, rules=replace(start.rules, veil=Visibility(reveal="demand", blind=True, guess=True))))
    play.play_stage()
    assert {"guess", "reveal"} <= possible(play)
