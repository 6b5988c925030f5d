from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.domain.word_filter import BLANK, MAX_WORD_CHARS, MAX_WORDS, WordFilter
from bot.errors import Refused
from tests.support.listed_words import texts

LISTED = ("ham", "Foo Bar", "bar baz", "snark*", "Straße", "バカ", "c++", "café", "h*t", "नमस्ते")
WORDS = WordFilter(LISTED)


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("Ham!", "███!"),
        ("hamlet, sham, champion", "hamlet, sham, champion"),
        ("_ham_ **HAM** ham's", "_███_ **███** ███'s"),
        ("ＨＡＭ, 𝐡𝐚𝐦", "███, ███"),  # full-width and mathematical letters
        ("h\u200ba\u00adm and \ufeffham\u200d.", "█████ and \ufeff███\u200d."),  # what nobody sees hides nothing
        ("foo \t bar", "█████████"),
        ("foo\nbar", "foo\nbar"),  # two lines
        ("foo bar baz", "███████████"),  # words that overlap
        ("snarky SNARK snärk", "██████ █████ snärk"),
        ("STRASSE straße", "███████ ██████"),
        ("你是バカだ, ﾊﾞｶ, バガ", "你是██だ, ███, バガ"),  # no spaces between words; half-width; another word
        ("这是ham吗", "这是███吗"),
        ("c++ c++. c+", "███ ███. c+"),
        ("café cafe\u0301 cafe", "████ █████ cafe"),  # composed or not, but never without its accent
        ("ham\u0301 éham", "ham\u0301 éham"),
        ("h*t hot", "███ hot"),
        ("नमस्ते नमस्तेजी", "██████ नमस्तेजी"),  # vowel signs belong to a word
    ],
)
def test_words_are_blanked_whole_and_in_place(text: str, masked: str) -> None:
    assert WORDS.censor(text) == masked
    assert (WORDS.first_match(text) is None) == (masked == text)


def test_what_is_found_is_told_as_it_was_listed() -> None:
    assert WORDS.first_match("He said: FOO  bar") == "Foo Bar"
    assert WORDS.first_match("snarkiest") == "snark*"
    assert WORDS.first_match("first c++, then ham") == "c++"
    assert WORDS.first_match("nothing here") is None


def test_the_longest_word_wins_and_a_shorter_one_where_it_fails() -> None:
    words = WordFilter(["foo", "foo bar", "foo bar baz"])
    assert words.censor("foo bar ba") == "███████ ba"
    assert words.censor("foo barn") == "███ barn"
    assert words.first_match("foo bar bazaar") == "foo bar"


def test_empty_words_are_none() -> None:
    words = WordFilter(["", " ", "*", "\u200b", "* *"])
    assert words.first_match("* any text\u200b at all") is None
    assert words.censor("any * text") == "any * text"


def test_a_list_has_bounds() -> None:
    with pytest.raises(Refused, match=r"1,001 words and may have 1,000"):
        WordFilter(f"w{n}" for n in range(MAX_WORDS + 1))
    with pytest.raises(Refused, match="too long for the list"):
        WordFilter(["x" * (MAX_WORD_CHARS + 1)])
    assert WordFilter(["x"] * 2000).first_match("x") == "x"  # the same word twice is one


@given(st.one_of(texts, st.text()))
def test_only_listed_words_change_and_no_position_moves(text: str) -> None:
    masked = WORDS.censor(text)
    assert len(masked) == len(text)
    assert all(is_now in (was, BLANK) for was, is_now in zip(text, masked, strict=True))


@given(st.lists(st.sampled_from(["ham", "h", "am", " ", "漢", "_"]), max_size=8).map("".join))
def test_a_plain_word_is_found_exactly_where_it_stands_alone(text: str) -> None:
    """Against a rule written down another way: blanks and underscores and ideographs part words."""
    parted = text
    for letter in "漢_":
        parted = parted.replace(letter, f" {letter} ")
    assert (WORDS.first_match(text) == "ham") == ("ham" in parted.split(" "))


@given(texts, texts)
@example("foo", " bar baz")
@example("snark\u200b", "y")
@example("バカ", "\u3099")
@example("foo bar ", "baz")
def test_what_is_settled_never_changes(begun: str, rest: str) -> None:
    settled = WORDS.stable_length(begun)
    assert 0 <= settled <= len(begun)
    assert WORDS.censor(begun + rest)[:settled] == WORDS.censor(begun)[:settled]


@pytest.mark.parametrize(
    ("text", "settled"),
    [
        ("ha", 0),
        ("ham", 0),
        ("ham ", 4),
        ("say foo ", 4),
        ("hamlet", 6),
        ("snarki", 6),
        ("snark", 5),
        ("x\nfoo", 2),
        ("x y", 3),
    ],
)
def test_only_what_may_become_a_word_waits(text: str, settled: int) -> None:
    assert WORDS.stable_length(text) == settled


@pytest.mark.parametrize(
    ("text", "blanked"), [("x" * 200_000, True), ("a " * 100_000, False), (("a" + " " * 50) * 4000, False)]
)
def test_long_texts_made_to_be_tried_again_and_again_are_walked_once(text: str, blanked: bool) -> None:
    """Squared, these would take minutes."""
    words = WordFilter(["a " * 29 + "b", "x" * 58 + "*"])
    assert words.censor(text) == (BLANK * len(text) if blanked else text)
    assert words.stable_length(text) <= len(text)
