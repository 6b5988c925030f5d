"""What counts as a vote between answers that were shown together."""

from __future__ import annotations

from dataclasses import replace

import pytest

from bot.domain.facts import NamesRevealed, Removed, Revealed, RunFinished, VoteCast, VoteWithdrawn
from bot.domain.run import Reveal, TurnId, Visibility
from bot.formats.vote_options import ROUND_BEFORE
from bot.ratings.comparisons import Vote, read_votes
from bot.ratings.tally import Tally
from tests.support.transcripts import Play, make_start

MODELS = ("model-ada", "model-bob", "model-cyd")
LENGTHS = {"ada": 10, "bob": 20, "cyd": 30}


def play_comparison(*, reveal: Reveal = "live", blind: bool = False, answers: int = 3, form: str = "compare") -> Play:
    """Play a comparison until so many seats have answered, in words that name nobody."""
    start = make_start(form)
    play = Play(replace(start, rules=replace(start.rules, vote_s=60.0, veil=Visibility(reveal, blind))))
    for turn in play.start_wanted()[:answers]:
        play.end_turn(turn, "x" * LENGTHS[turn.seat])
    return play


@pytest.mark.parametrize(
    ("choice", "preferred", "all_bad"), [("bob", 1, False), ("=tie", None, False), ("=none", None, True)]
)
def test_a_vote_is_between_all_answers_that_were_shown(choice: str, preferred: int | None, all_bad: bool) -> None:
    play = play_comparison().record(VoteCast("p", 1, choice))
    assert read_votes(play.t) == [Vote(MODELS, preferred, all_bad, (10, 20, 30))]


def test_an_answer_that_came_after_the_vote_is_not_in_it() -> None:
    play = play_comparison(answers=2).record(VoteCast("early", 1, "ada"))
    play.end_turn(TurnId("answer", 1, "cyd"), "x" * 30).record(VoteCast("late", 1, "ada"))
    assert [vote.models for vote in read_votes(play.t)] == [MODELS[:2], MODELS]


@pytest.mark.parametrize(
    "facts",
    [
        [VoteCast("p", ROUND_BEFORE, "bob")],
        [VoteCast("p", 1, "bob"), VoteWithdrawn("p", 1)],
        [VoteCast("p", 1, "nobody")],
        [VoteCast("p", 1, "bob"), Removed(TurnId("answer", 1, "bob"), "p")],
    ],
    ids=["before the answers", "withdrawn", "for no seat", "for an answer that is gone"],
)
def test_what_is_no_vote(facts: list[VoteCast | VoteWithdrawn | Removed]) -> None:
    assert read_votes(play_comparison().record(*facts).t) == []


def test_the_last_vote_of_a_person_counts() -> None:
    play = play_comparison().record(*(VoteCast("p", 1, seat) for seat in ("ada", "bob")))
    assert [vote.preferred for vote in read_votes(play.t)] == [1]
    assert [vote.preferred for vote in read_votes(play.record(VoteCast("p", 2, "cyd")).t)] == [2]


def test_every_account_is_a_person_of_its_own() -> None:
    play = play_comparison().record(VoteCast("discord:1", 1, "ada"), VoteCast("slack:T1/U1", 1, "bob"))
    assert sorted(vote.preferred for vote in read_votes(play.t) if vote.preferred is not None) == [0, 1]


def test_a_blind_vote_is_marked_and_told_once_names_are() -> None:
    play = play_comparison(blind=True).record(VoteCast("p", 1, "bob"), RunFinished("compared"))
    assert read_votes(play.t) == []
    assert [vote.blind for vote in read_votes(play.record(NamesRevealed()).t)] == [True]


def test_a_vote_before_the_reveal_is_none() -> None:
    play = play_comparison(reveal="demand").record(VoteCast("early", 1, "bob"))
    assert read_votes(play.t) == []
    play.record(Revealed("p"), VoteCast("late", 1, "cyd"))
    assert [vote.preferred for vote in read_votes(play.t)] == [2]


def test_seats_of_a_pipeline_do_not_answer_the_same() -> None:
    assert read_votes(play_comparison(form="pipeline").record(VoteCast("p", 1, "ada")).t) == []


def test_a_model_is_not_compared_with_itself() -> None:
    start = make_start("compare")
    seats = tuple(replace(seat, model="same") for seat in start.panel.seats)
    play = Play(replace(start, panel=replace(start.panel, seats=seats))).play_stage()
    assert read_votes(play.record(VoteCast("p", 1, "ada")).t) == []


def test_a_model_that_was_renamed_is_one_under_its_latest_name() -> None:
    tally = Tally()
    for name in ("Ada Lovelace", "Ada"):  # the newest run first
        play = play_comparison().record(VoteCast("p", 1, "ada"), RunFinished("compared"))
        first, *others = play.t.started.panel.seats
        panel = replace(play.t.started.panel, seats=(replace(first, name=name), *others))
        tally.add_run(replace(play.t, start=replace(play.t.started, panel=panel)))
    assert {vote.models for vote in tally.votes} == {MODELS}
    assert tally.names["model-ada"] == "Ada Lovelace"
