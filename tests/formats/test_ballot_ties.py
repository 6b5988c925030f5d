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
        ("I rank A, B equally, and C last.", ""),
        ("FINAL RANKING:\n1. A (tie)\n2. B (tie)\n3. C", "A=B C"),
        ("FINAL RANKING:\n1. C\n2. A (tied)\n3. B (tied)", "C A=B"),
        ("FINAL RANKING: (A = B) > C", "A=B C"),
        ("FINAL RANKING: (A, B) > C", "A=B C"),
        ("FINAL RANKING: C, (A, B)", "C A=B"),
        ("FINAL RANKING: A ≅ B > C", "A=B C"),
        ("FINAL RANKING: C > A ∼ B", "C A=B"),
        ("FINAL RANKING:\n1-2. A, B\n3. C", "A=B C"),
        ("FINAL RANKING:\n1. C\n2–3. A and B", "C A=B"),
        ("FINAL RANKING:\n1. C\nT2. A\nT2. B", "C A=B"),
        ("| Rank | Answer |\n|--|--|\n| 1 | C |\n| 2-3 | A, B |", "C A=B"),
        # some of them, and nobody knows which
        ("Ranking: A, B (tied), C", ""),
        ("Ranking: A, B tied for first; C", ""),
        ("FINAL RANKING: A or B > C", ""),
        # none, though the word stands there
        ("Ranking: A, B, C. They are equally long but differ", "A B C"),
        ("FINAL RANKING:\n1. A: as good as B, equally clear\n2. B\n3. C", "A B C"),
        ("FINAL RANKING:\n1. B, equal to none\n2. A\n3. C", "B A C"),
    ],
)
def test_ties_in_words_are_no_order(text: str, expected: str) -> None:
    assert read_ballot(text, ("A", "B", "C")).tiers == tuple(tuple(tier.split("=")) for tier in expected.split())
