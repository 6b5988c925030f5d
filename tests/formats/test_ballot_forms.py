"""Ballots as JSON of every kind, with scores, and with places in words: what they say is read, or nothing is."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bot.formats.ballots.ballots import read_ballot

ABC = ("A", "B", "C")
BAC = "B A C"


def rows(key: str, *places: object) -> list[dict[str, object]]:
    """Return an object for each of A, B and C with what `key` says of it."""
    return [{"answer": label, key: place} for label, place in zip(ABC, places, strict=True)]


JSON: list[tuple[str, Any, str]] = [  # what is peculiar, the object, and what is read: "" is nothing
    ("ranks as text", {"ranking": rows("rank", "2", "1", "3")}, BAC),
    ("ranks as ordinals", {"ranking": rows("rank", "2nd", "1st", "3rd")}, BAC),
    ("ranks as words", {"ranking": rows("place", "second", "first", "third")}, BAC),
    ("ranks as broken numbers", {"ranking": rows("rank", 2.0, 1.0, 3.0)}, BAC),
    ("ranks by another name", {"ranking": rows("ranking", 2, 1, 3)}, BAC),
    ("ranks by a German name", {"ranking": rows("platz", 2, 1, 3)}, BAC),
    ("ranks that are tied", {"ranking": rows("rank", 2, 1, 2)}, "B A=C"),
    ("a rank that is missing", {"ranking": [*rows("rank", 2, 1, 3)[:2], {"answer": "C"}]}, ""),
    ("a rank a letter, as text", {"ranking": {"A": "2", "B": "1", "C": "3"}}, BAC),
    ("a rank a letter, from 0", {"ranking": {"A": 1, "B": 0, "C": 2}}, BAC),
    ("a rank a letter, with reasons", {"ranking": {"A": {"rank": 2, "why": "long"}, "B": {"rank": 1}}}, "B A"),
    ("a letter a place", {"ranking": {"1st": "B", "2nd": "A", "3rd": "C"}}, BAC),
    ("a letter a place in words", {"ranking": {"first": "B", "second": "A", "third": "C"}}, BAC),
    ("a letter a place, with reasons", {"ranking": {"1": "B: clear", "2": "A: long", "3": "C"}}, BAC),
    ("letters that share a place", {"ranking": {"1": ["B"], "2": ["A", "C"]}}, "B A=C"),
    ("scores for ranks", {"ranking": {"A": 7, "B": 9, "C": 3}}, ""),
    ("scores that have a 1 among them", {"ranking": {"A": 1, "B": 9, "C": 3}}, ""),
    ("scores in another order", {"ranking": rows("score", 7, 9, 3)}, ""),
    ("scores in this order", {"ranking": rows("score", 9, 7.5, 3)}, "A B C"),
    ("another name", {"order": ["B", "A", "C"]}, BAC),
    ("a French name", {"classement": ["B", "A", "C"]}, BAC),
    ("a Chinese name", {"排名": ["B", "A", "C"]}, BAC),
    ("an object around it", {"result": {"ranking": ["B", "A", "C"]}}, BAC),
    ("the other direction", {"ranking_worst_to_best": ["C", "A", "B"]}, BAC),
    ("its reason first", {"ranking_reason": "B > C is clear", "ranking": ["B", "A", "C"]}, BAC),
    ("its reason first, in one word", {"rankingRationale": "A > B?", "finalRanking": ["B", "A", "C"]}, BAC),
    ("what is said of it first", {"ranked": True, "ranking": ["B", "A", "C"]}, BAC),
    ("several, by what they go by", {"rankings": {"truth": ["A", "B"]}, "final_ranking": ["B", "A", "C"]}, BAC),
    ("scores alone", {"scores": {"A": 1, "B": 2, "C": 3}}, ""),
]


def tiers(written: str) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(tier.split("=")) for tier in written.split())


@pytest.mark.parametrize(("given", "read"), [pytest.param(g, r, id=kind) for kind, g, r in JSON])
def test_json_is_read_by_what_it_says(given: Any, read: str) -> None:
    for written in (
        json.dumps(given, ensure_ascii=False),
        f"Mine:\n```json\n{json.dumps(given, indent=2, ensure_ascii=False)}\n```",
    ):
        assert read_ballot(written, ABC).tiers == tiers(read)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ('{"ranking": ["B", ["A", "C"]], "review": "cut in the mid', "B A=C"),
        ('{"ranking": [{"rank": 2, "answer": "A"}, {"rank": 1, "answer": "B"}], "review": "cu', "B A"),
        ('{"ranking": [{"rank": 1, "answer": "B"}, {"rank": 2, "answer": "A"}, {"ra', "B A"),
        ('{"ranking": {"A": 2, "B": 1, "C": 3}, "review": "cu', BAC),
        ('{"ranking": {"A": 2, "B": 1, "C', ""),
        ('{"worst_to_best": 1, "ranking_from_worst_to_best": ["C", "A", "B"], "review": "cu', BAC),
    ],
)
def test_json_that_is_cut_is_read_as_far_as_it_says_something(written: str, read: str) -> None:
    assert read_ballot(written, ABC).tiers == tiers(read)


def test_what_stands_above_json_turns_it_round() -> None:
    assert read_ballot('From worst to best:\n{"ranking": ["C", "A", "B"]}', ABC).tiers == tiers(BAC)


@pytest.mark.parametrize(
    "scores",
    [
        ("7/10", "9/10", "3/10"),
        ("7,5", "9,5", "3,0"),
        ("70 %", "90 %", "30 %"),
        ("7 out of 10", "9 out of 10", "3 out of 10"),
        ("7,5 von 10", "9 von 10", "3 von 10"),
        ("2/3", "3/3", "1/3"),
        ("★★", "★★★", "★"),
    ],
)
def test_a_list_with_scores_of_another_order_is_no_ranking(scores: tuple[str, ...]) -> None:
    for mark in ("- Answer {}: {}", "* {} – {}", "{n}. Answer {}: {}"):
        marked = [mark.format(label, said, n=n) for n, (label, said) in enumerate(zip(ABC, scores, strict=True), 1)]
        assert read_ballot("Ranking:\n" + "\n".join(marked), ABC).tiers == ()
        ordered = [marked[1], marked[0], marked[2]]
        expected = () if "{n}" in mark else tiers(BAC)  # of numbers and scores that differ neither counts
        assert read_ballot("Ranking:\n" + "\n".join(ordered), ABC).tiers == expected
        upwards = "Ranking, from worst to best:\n" + "\n".join(ordered[::-1])
        assert read_ballot(upwards, ABC).tiers == expected
    assert read_ballot(f"FINAL RANKING: A ({scores[0]}), B ({scores[1]}), C ({scores[2]})", ABC).tiers == ()


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("**First place:** Answer B\n**Second place:** Answer A\n**Third place:** Answer C", BAC),
        ("FINAL RANKING:\nA: second\nB: first\nC: third", BAC),
        ("| Rank | Answer |\n|---|---|\n| First | B |\n| Second | A |\n| Third | C |", BAC),
        ("排名：\n一、回答B\n二、回答A\n三、回答C", BAC),
        ("Eindrangschikking:\n1. Antwoord B\n2. Antwoord A\n3. Antwoord C", BAC),
        ("Végső rangsor:\n1. B válasz\n2. A válasz\n3. C válasz", BAC),
        ("Clasament final:\n1. B\n2. A\n3. C", BAC),
        ("$\\mathbf{B} \\succ \\mathbf{A} \\sim \\mathbf{C}$", "B A=C"),
        ("FINAL RANKING: $B \\succ A \\succeq C$", BAC),
        ("FINAL RANKING (1 = worst, 3 = best):\nA: 2\nB: 3\nC: 1", BAC),
        ("FINAL RANKING (3 = best):\n1. C\n2. A\n3. B", BAC),
        ("Ranking (higher is better):\nA: 2\nB: 3\nC: 1", BAC),
        ("FINAL RANKING:\n1. C (worst)\n2. A\n3. B (best)", BAC),
        ("First: Answer A is clear.\nSecond: Answer B is wrong.\nThird: Answer C is short.", ""),
        ("Итоговый рейтинг:\n1. Ответ В\n2. Ответ Б\n3. Ответ А", ""),  # Cyrillic letters may mean either alphabet's
    ],
)
def test_places_in_words_and_directions_in_numbers(written: str, read: str) -> None:
    assert read_ballot(written, ABC).tiers == tiers(read)
