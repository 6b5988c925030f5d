"""The differences of two answers: sentences that only one of them has, and a word diff. Pure."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from itertools import islice
from typing import NamedTuple

ALIKE = 0.5  # share of common words from which on two sentences say the same
KEPT_WORDS = 4  # shown at each end of an unchanged stretch
MAX_SENTENCES = 200  # compared of an answer, each with each of the other's
MAX_COMPARED_WORDS = 1_500  # compared of an answer in the word diff
MAX_WORD_CHARS = 200  # of one of them
SENTENCE_WORDS = 60  # by which a sentence is compared
FREQUENT = 5  # times: words that are there more often are passed over in looking for what two answers share
MARKUP = re.compile(r"([\\`*_~\[\]<>|#])")
SENTENCE = re.compile(r"(?<=[.!?…])\s+|(?<=[。！？])\s*|\n+")
BULLET = re.compile(r"^\s*(?:[-*+>]|#+|\d+[.)])\s+")
UNSPACED = r"[\u3000-\u30ff\u3400-\u9fff\uff00-\uff65]"  # scripts in which each sign counts as a word
WORD = re.compile(rf"(?=\w){UNSPACED}|(?:(?!{UNSPACED})\w)+")
SPACED = re.compile(rf"{UNSPACED}|(?:(?!{UNSPACED})\S)+")
GAP = re.compile(rf"(?<={UNSPACED}) (?={UNSPACED})")


class NamedAnswer(NamedTuple):
    """An answer and the name of its author."""

    name: str
    text: str


def describe_differences(a: NamedAnswer, b: NamedAnswer) -> str:
    """Describe in Markdown how two answers differ.

    Model text in it is escaped. Long answers are compared as far as the bounds go, and the text says so.
    """
    first, second = _split_sentences(a.text), _split_sentences(b.text)
    parts = [
        _only_section(a.name, _unmatched_sentences(first, second)),
        _only_section(b.name, _unmatched_sentences(second, first)),
        f"**Word by word**, ~~{_escape(a.name)}~~ and **{_escape(b.name)}**:\n\n{_word_diff(a.text, b.text)}",
    ]
    words = max(len(SPACED.findall(said.text)) for said in (a, b))
    if words > MAX_COMPARED_WORDS or max(len(first), len(second)) > MAX_SENTENCES:
        parts.append(f"*Compared: the first {MAX_SENTENCES} sentences and {MAX_COMPARED_WORDS:,} words of each.*")
    return "\n\n".join(parts)


def _split_sentences(text: str) -> list[str]:
    """Split a text into sentences, without the marks of headings and lists; a line break ends a sentence too."""
    found = (BULLET.sub("", part).strip() for part in SENTENCE.split(text))
    return [part for part in found if WORD.search(part)]


def _unmatched_sentences(own: Sequence[str], other: Sequence[str]) -> list[str]:
    """Return the sentences to which no sentence of the other is alike, as far as their words tell."""
    others = [_word_set(sentence) for sentence in other[:MAX_SENTENCES]]
    return [s for s in own[:MAX_SENTENCES] if not any(_are_alike(_word_set(s), words) for words in others)]


def _word_set(sentence: str) -> frozenset[str]:
    found = (match[0] for match in WORD.finditer(sentence.casefold()))
    return frozenset(islice(found, SENTENCE_WORDS))


def _are_alike(a: frozenset[str], b: frozenset[str]) -> bool:
    """Compare two sets of words by Dice's coefficient.

    L. R. Dice, "Measures of the amount of ecologic association between species", Ecology 26 (1945).
    """
    return 2 * len(a & b) >= ALIKE * (len(a) + len(b))


def _only_section(name: str, sentences: Sequence[str]) -> str:
    if not sentences:
        return f"**Only {_escape(name)}** says: nothing."
    return "\n".join([f"**Only {_escape(name)}** says:", "", *(f"- {_escape(s)}" for s in sentences)])


def _word_diff(a: str, b: str) -> str:
    """Return the second text with new words in bold and lost ones struck through; equal stretches are shortened."""
    old, new = (
        [match[0][:MAX_WORD_CHARS] for match in islice(SPACED.finditer(text), MAX_COMPARED_WORDS)] for text in (a, b)
    )
    return " ".join(_stretches(old, new)) or "Nothing to compare."


def _stretches(old: Sequence[str], new: Sequence[str]) -> Iterator[str]:
    """Yield the stretches of a word diff.

    Frequent words of long texts are passed over, as difflib compares each place of a word with each other place of
    it (https://docs.python.org/3/library/difflib.html#difflib.SequenceMatcher).
    """
    count = Counter(new) if len(new) >= 200 else Counter[str]()
    for _, i, j, k, m in SequenceMatcher(lambda word: count[word] > FREQUENT, old, new).get_opcodes():
        gone, come = old[i:j], new[k:m]
        if gone == come:
            yield _shorten(gone)
            continue
        if gone:
            yield f"~~{_escape(_join_words(gone))}~~"
        if come:
            yield f"**{_escape(_join_words(come))}**"


def _shorten(words: Sequence[str]) -> str:
    if len(words) <= 2 * KEPT_WORDS + 1:
        return _escape(_join_words(words))
    return _escape(f"{_join_words(words[:KEPT_WORDS])} … {_join_words(words[-KEPT_WORDS:])}")


def _join_words(words: Sequence[str]) -> str:
    return GAP.sub("", " ".join(words))


def _escape(text: str) -> str:
    """Escape Markdown's signs.

    https://spec.commonmark.org/0.31.2/#backslash-escapes
    """
    return MARKUP.sub(r"\\\1", text)
