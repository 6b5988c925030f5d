"""Names in a sentence, and hints for a mistyped one."""

from __future__ import annotations

import pytest

from bot.errors import MAX_CHARS, Refused
from bot.text import QUOTED_CHARS, cut_at_word, did_you_mean, has_signs, join_names, quote_typed


@pytest.mark.parametrize(
    ("names", "text"),
    [(["Ada"], "Ada"), (["Ada", "Bob"], "Ada and Bob"), (["Ada", "Bob", "3 more"], "Ada, Bob and 3 more")],
)
def test_names_are_joined_as_people_write_them(names: list[str], text: str) -> None:
    assert join_names(names) == text
    assert join_names(names, "or") == text.replace(" and ", " or ")


@pytest.mark.parametrize(
    ("word", "known", "text"),
    [
        ("fats", ["fast", "slow"], "Did you mean fast?"),
        ("other", ["fast", "slow"], "The panels are fast, slow."),
        ("other", [f"p{n}" for n in range(9)], "The panels are p0, p1, p2, p3, p4, p5, p6, p7."),
        ("other", [], "No panels are configured yet."),
    ],
)
def test_a_mistyped_word_is_answered_with_the_close_ones_or_the_first(word: str, known: list[str], text: str) -> None:
    assert did_you_mean(word, known, "panels") == text


@pytest.mark.parametrize(
    ("typed", "quoted"),
    [
        ("fast", "“fast”"),
        ("my_panel", "“my_panel”"),
        ("two\n  lines", "“two lines”"),
        ("**bold** [a](b)", r"“\*\*bold\*\* \[a\](b)”"),
        ("a" * QUOTED_CHARS, f"“{'a' * QUOTED_CHARS}”"),
        ("a" * 6_000, f"“{'a' * (QUOTED_CHARS - 1)}…”"),
        (" " * 6_000 + "far", "“…”"),
    ],
)
def test_what_somebody_has_typed_is_quoted_short_and_as_plain_text(typed: str, quoted: str) -> None:
    assert quote_typed(typed) == quoted


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("one two three", "one two"),
        ("one two th", "one two th"),
        ("one two ab cd", "one two ab"),
        ("one two\nthree", "one two"),
        ("a" * 20, "a" * 10),
        ("one " + "a" * 20, "one aaaaaa"),  # a word without end is no reason to lose most of the room
        ("日本語では空白がありません", "日本語では空白があり"),
    ],
)
def test_a_text_is_cut_at_a_word_where_there_is_one_near(text: str, kept: str) -> None:
    assert cut_at_word(text, 10) == kept


def test_no_refusal_is_longer_than_a_message() -> None:
    assert str(Refused("a" * MAX_CHARS)) == "a" * MAX_CHARS
    assert str(Refused("a" * 50_000)) == "a" * (MAX_CHARS - 1) + "…"


@pytest.mark.parametrize("text", ["", " \n\u00a0", "\u200b\ufeff", "\u202e", "\u3164\u115f", "\u2800", "\ufe0f"])
def test_a_text_of_which_nothing_can_be_seen_has_no_signs(text: str) -> None:
    assert not has_signs(text)
    assert has_signs(f"{text}?")
