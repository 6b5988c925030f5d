"""Ballots of any length: what is read of them, and what is an abstention."""

# ruff: noqa: E501 – ballots stand as they were written, a case a line

from __future__ import annotations

import pytest

from bot.formats.ballots.ballots import HEADER, read_ballot

ABC = ("A", "B", "C")
BAC = "B A C"


def parse_tiers(written: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(tier.split("=")) for tier in written.split())


@pytest.mark.parametrize(
    "text", ["[" * 50_000, "{" * 50_000, '{"a":' * 20_000, "\n{" * 5_000, "<think>" * 9_000, "```\n" * 9_000, "> " * 20_000, "“" * 40_000, "My ranking " + "_" * 40, "My ranking " + "_" * 49_000, "~~a " * 12_000]
)  # fmt: skip
def test_hostile_lengths_are_abstentions(text: str) -> None:
    assert read_ballot(text, ABC).quality == "abstained"


def test_forty_thousand_characters_with_a_ballot_at_the_end() -> None:
    text = 'Answer A: it is "fine" (mostly), and B > A in part; {see below}. ' * 600
    assert read_ballot(f"{text}\n\n{HEADER} B > A > C", ABC).tiers == parse_tiers(BAC)


def test_what_never_ends_is_no_ballot() -> None:
    text = "FINAL RANKING:\n1. A\n2. B\n"
    assert read_ballot(text, ["A", "B"]).quality == "strict"
    assert read_ballot("so on " * 10_000 + text, ["A", "B"]).note == "longer than 50,000 characters"


@pytest.mark.parametrize(
    ("text", "tiers"),
    [
        ("# Ranking\n" * 1_000 + "Ranking: B > A > C", BAC),  # the last of many headers
        ("Ranking: A, B, C\n" + "# Ranking\nof a kind\n" * 1_000, ""),
        ("A > so\n" * 1_000 + "\nB > A > C", BAC),
        ("1st A\n" * 1_000 + "\n\n1st B\n2nd A\n3rd C", BAC),
        ("1. A\n" * 1_000, ""),  # no ranking has so many entries
        ('{"ranking": ["B", "A", "C", ' + '"A", ' * 5_000, BAC),
        ('{"ranking": ["B", "A", "C", ' + '"A", ' * 5_000 + '"A"]}', BAC),
        (f"Ranking: B > A > C{' and so on' * 1_000}", BAC),
        ("🥇 so\n" * 1_000 + "Ranking:\n🥇 B 🥈 A 🥉 C", BAC),
    ],
)
def test_what_goes_on_and_on_is_read_as_far_as_a_ranking_may_be_long(text: str, tiers: str) -> None:
    assert read_ballot(text, ABC).tiers == parse_tiers(tiers)
