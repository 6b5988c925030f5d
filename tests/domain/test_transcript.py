from __future__ import annotations

from bot.domain.facts import (
    Fact,
    Interjected,
    RunFinished,
    SkipAsked,
    Stopped,
    TurnEnded,
    TurnStarted,
    VoteCast,
    VoteWithdrawn,
)
from bot.domain.run import TurnId
from bot.domain.transcript import Entry, Transcript, fold, fold_all, in_rows
from tests.support.transcripts import Play, make_start

ADA = TurnId("answer", 1, "ada")


def test_the_first_end_of_a_turn_wins() -> None:
    play = Play(make_start("compare")).record(TurnStarted(ADA)).end_turn(ADA, "first").end_turn(ADA, "second", "failed")
    assert play.t.turns[ADA].text == "first"


def test_folding_an_entry_twice_changes_nothing() -> None:
    entry = Entry(1, 5.0, make_start("compare"))
    once = fold(Transcript(), entry)
    assert fold(once, entry) is once


def test_an_end_without_a_start_is_still_the_end() -> None:
    play = Play(make_start("compare")).end_turn(ADA, "late")
    assert play.t.turns[ADA].spoke
    assert play.record(TurnStarted(ADA)).t.turns[ADA].text == "late"


def test_one_vote_a_person_and_round() -> None:
    play = Play(make_start("compare")).record(VoteCast("p", 1, "ada"), VoteCast("q", 1, "ada"), VoteCast("p", 1, "bob"))
    assert play.t.votes == {("p", 1): "bob", ("q", 1): "ada"}
    assert play.record(VoteWithdrawn("q", 1), VoteWithdrawn("q", 1)).t.votes == {("p", 1): "bob"}


def test_before_looks_back_at_what_was_known_then() -> None:
    play = Play(make_start("compare")).record(TurnStarted(ADA), Interjected("p", "late"), SkipAsked(ADA, "p"))
    past = play.t.before(3)
    assert past.seq == 2
    assert past.remarks == ()
    assert past.turns.keys() == {ADA}
    assert past == fold_all(Transcript(), play.t.entries[:2])


def test_the_first_stop_and_the_first_outcome_stand() -> None:
    play = Play(make_start("compare")).record(Stopped("p"), Stopped("q"), RunFinished("one"), RunFinished("two"))
    assert play.t.stopped == Stopped("p")
    assert play.t.finished == RunFinished("one")


def test_turns_and_lanes_are_written_alike_but_for_the_ask() -> None:
    assert str(ADA) == str(ADA.lane) == "answer/1/ada"
    assert str(ADA._replace(ask=2)) == "answer/1/ada/2"
    assert ADA._replace(ask=2).lane == ADA.lane


def test_only_a_turn_that_left_text_has_spoken() -> None:
    play = Play(make_start("compare")).record(TurnStarted(ADA))
    assert not play.t.turns[ADA].spoke
    assert not play.record(TurnEnded(ADA, "done", " \n")).t.turns[ADA].spoke


def test_votes_in_a_row_come_to_what_they_come_to_one_by_one() -> None:
    votes: tuple[Fact, ...] = (
        VoteCast("p", 1, "ada"),
        VoteCast("q", 1, "ada"),
        VoteWithdrawn("p", 1),
        VoteCast("p", 1, "bob"),
    )
    facts: tuple[Fact, ...] = (
        make_start("compare"),
        *votes,
        Interjected("r", "so?"),
        *votes,
        VoteWithdrawn("nobody", 1),
        RunFinished("done"),
    )
    entries = [Entry(seq, float(seq), fact) for seq, fact in enumerate(facts, start=1)]
    one_by_one = Transcript()
    for entry in entries:
        one_by_one = fold(one_by_one, entry)
    for known in range(len(entries)):
        before = fold_all(Transcript(), entries[:known])
        assert fold_all(before, entries) == one_by_one, "what is known already changes nothing"
    assert [len(row) for row in in_rows(entries)] == [1, 4, 1, 5, 1]
