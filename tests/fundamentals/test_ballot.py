"""A ballot: what a model writes, what is read from it, and what several of them say together."""

from __future__ import annotations

from bot.formats.ballots.ballots import read_ballot
from bot.formats.council.ranking import compute_standings

SEATS = ("ada", "bob", "cyd")


def test_a_ballot_is_read_as_it_was_asked_for() -> None:
    ballot = read_ballot("B is clear, C is not.\n\nFINAL RANKING:\n1. B\n2. A\n3. C", "ABC")
    assert (ballot.tiers, ballot.quality) == ((("B",), ("A",), ("C",)), "strict")


def test_a_ballot_in_other_words_is_repaired_with_a_note() -> None:
    ballot = read_ballot("**Final ranking**: Response B > Response A", "ABC")
    assert (ballot.tiers, ballot.quality) == ((("B",), ("A",)), "repaired")
    assert "not ranked: C" in ballot.note


def test_answers_that_are_only_mentioned_are_no_ranking() -> None:
    assert read_ballot("B is good and A is as well.", "ABC").quality == "abstained"


def test_ballots_are_counted_without_what_reviewers_say_of_themselves() -> None:
    """Each puts itself first; of the others' answers, Bob's is liked best."""
    ballots = {
        "ada": (("ada",), ("bob",), ("cyd",)),
        "bob": (("bob",), ("cyd",), ("ada",)),
        "cyd": (("cyd",), ("bob",), ("ada",)),
    }
    counted = compute_standings(ballots, SEATS)
    assert counted.order == (("bob",), ("cyd",), ("ada",))
    assert counted.top == "bob"
    assert counted.ballots == 3
