"""Ballots that put several answers in one place, in words."""

from __future__ import annotations

import pytest

from bot.formats.ballots.ballots import read_ballot


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # all of them
        ("I rank A, B, C equally", "A=B=C"),
        ("I rank A, B and C equally.", "A=B=C"),
        ("Ranking: A, B, C (all equal)", "A=B=C"),
        ("Final ranking: A, B, C all tie", "A=B=C"),
        ("FINAL RANKING: A, B, C are equally good", "A=B=C"),
        ("FINAL RANKING:\n1. A, B, C (tie)", "A=B=C"),
        ("Ranking: B, A and C are of the same quality", "B=A=C"),
        ("Rangliste: A, B, C gleichauf", "A=B=C"),
        # some of them
        ("My ranking: A and B equal, then C", "A=B C"),
        ("Ranking: A & B tied, then C", "A=B C"),
        ("Ranking: A and B (tied), C", "A=B C"),
        ("My ranking: A, then B and C tied", "A B=C"),
        ("Ranking: C, with A and B tied", "C A=B"),
        ("FINAL RANKING:\n1. A and B are equal\n2. C", "A=B C"),
        # none, though the word stands there
        ("Ranking: A, B, C. They are equally long but differ", "A B C"),
        ("FINAL RANKING:\n1. A: as good as B, equally clear\n2. B\n3. C", "A B C"),
        ("FINAL RANKING:\n1. B, equal to none\n2. A\n3. C", "B A C"),
    ],
)
def test_ties_in_words_are_no_order(text: str, expected: str) -> None:
    assert read_ballot(text, ("A", "B", "C")).tiers == tuple(tuple(tier.split("=")) for tier in expected.split())
