"""Differences of two answers."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.formats.differences import MAX_COMPARED_WORDS, MAX_SENTENCES, NamedAnswer, describe_differences


def compare(a: str, b: str) -> tuple[str, str, str]:
    """Return the section of the first answer, that of the second, and the word diff."""
    only_a, only_b, words, *_ = re.split(
        r"\n\n(?=\*\*Only|\*\*Word)", describe_differences(NamedAnswer("Ada", a), NamedAnswer("Bob", b))
    )
    return only_a, only_b, words.partition("\n\n")[2]


@pytest.mark.parametrize(
    ("a", "b", "only_a", "only_b", "words"),
    [
        ("Same.", "Same.", "says: nothing", "says: nothing", "Same."),
        ("Yes. Use tabs.", "Use tabs. No.", "- Yes.", "- No.", "~~Yes.~~ Use tabs. **No.**"),
        ("Tabs are good.", "Tabs are really good.", "says: nothing", "says: nothing", "Tabs are **really** good."),
        (
            "- one thing\n- other stuff",
            "one thing",
            "- other stuff",
            "says: nothing",
            "~~-~~ one thing ~~- other stuff~~",
        ),
        ("", "A word.", "says: nothing", "- A word.", "**A word.**"),
        ("…", "---", "says: nothing", "says: nothing", "~~…~~ **---**"),
        ("我喜欢猫。", "我喜欢狗。", "says: nothing", "says: nothing", "我喜欢 ~~猫~~ **狗** 。"),
        ("我喜欢猫。天气很好。", "我喜欢猫。", "- 天气很好。", "says: nothing", "我喜欢猫。 ~~天气很好。~~"),
        ("1 2 3 4 5 6 7 8 9 10 a", "1 2 3 4 5 6 7 8 9 10 b", "says: nothing", "", "1 2 3 4 … 7 8 9 10 ~~a~~ **b**"),
        (
            "a **bold** `x`",
            "a [b](c)",
            "- a \\*\\*bold\\*\\* \\`x\\`",
            "",
            "a ~~\\*\\*bold\\*\\* \\`x\\`~~ **\\[b\\](c)**",
        ),
    ],
)
def test_what_only_one_says_and_word_by_word(a: str, b: str, only_a: str, only_b: str, words: str) -> None:
    first, second, diff = compare(a, b)
    assert only_a in first
    assert only_b in second
    assert diff == words


def test_long_answers_are_compared_so_far_and_it_says_so() -> None:
    assert "Compared: the first" not in describe_differences(
        NamedAnswer("A", "a " * MAX_COMPARED_WORDS), NamedAnswer("B", "b")
    )
    assert "Compared: the first" in describe_differences(
        NamedAnswer("A", "a " * (MAX_COMPARED_WORDS + 1)), NamedAnswer("B", "b")
    )
    assert "Compared: the first" in describe_differences(
        NamedAnswer("A", "a. " * (MAX_SENTENCES + 1)), NamedAnswer("B", "b")
    )


@given(st.text(max_size=200), st.text(max_size=200))
def test_turned_round_it_tells_the_same_sentences(a: str, b: str) -> None:
    first, second, _ = compare(a, b)
    other_second, other_first, _ = compare(b, a)
    assert first.partition(" says:")[2] == other_first.partition(" says:")[2]
    assert second.partition(" says:")[2] == other_second.partition(" says:")[2]
    assert [part.partition(" says:")[2] for part in compare(a, a)[:2]] == [" nothing."] * 2
