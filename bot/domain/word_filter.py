"""A server's word list: whether a text holds a listed word, and the same text with such words blanked.

Texts are compared by their folded form: compatibility forms (full-width letters, ligatures) and case are levelled
(after the Unicode Standard, 3.13, D146), and what nobody sees is left out. The words stand in a tree by their letters,
which is walked once from each place where a word may begin: a text takes linear time, whatever it is.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import accumulate
from typing import NamedTuple

from bot.errors import Refused

BLANK = "█"
MAX_WORDS, MAX_WORD_CHARS = 1000, 60  # as AutoMod has them: discord.com/developers/docs/resources/auto-moderation


class WordFilter:
    """A list of words, each found whole and in any case.

    A word may hold spaces, then it stands on one line; a `*` at its end stands for any ending. Raises Refused for a
    list that is longer than `most`, by default what AutoMod takes.
    """

    def __init__(self, words: Iterable[str], *, most: int = MAX_WORDS) -> None:
        listed = {key: word for word in words if (key := _key(word)).strip("*")}
        if len(listed) > most:
            raise Refused(f"The list has {len(listed):,} words and may have {most:,}: leave some out.")
        if long := next((word for key, word in listed.items() if len(key) > MAX_WORD_CHARS), None):
            raise Refused(f"“{long}” is too long for the list: shorten it to {MAX_WORD_CHARS} characters.")
        self._tree = Node()
        for key, word in listed.items():
            self._tree.plant(key, word)
        self._start = re.compile(_start(self._tree.by_letter))

    def first_match(self, text: str) -> str | None:
        """Return the first listed word in the text, as it was listed."""
        return next((walk.word for walk in self._walks(_fold(text)) if walk.word), None)

    def censor(self, text: str) -> str:
        """Return the text with every code point of listed words replaced by a █, so that positions stay."""
        walks = [walk for walk in self._walks(_fold(text)) if walk.word]
        if not walks:
            return text
        origin, shown, at = _origin(text), "", 0
        for walk in walks:  # words may overlap
            start, end = max(at, origin(walk.start)), max(at, origin(walk.end - 1) + 1)
            shown += text[at:start] + BLANK * (end - start)
            at = end
        return shown + text[at:]

    def stable_length(self, text: str) -> int:
        """Return how many code points stay as `censor` has them, whatever text follows.

        The rest may be half a word.
        """
        folded, origin = _fold(text), _origin(text)
        line = folded.rfind("\n") + 1  # no word goes beyond its line
        cut = next((walk.start for walk in self._walks(folded, line) if walk.cut), None)
        return origin(len(folded) - 1) + 1 if cut is None else origin(cut)  # unseen ones at the end may join a word

    def _walks(self, folded: str, at: int = 0) -> Iterator[Walk]:
        """Yield one walk from each place where a word may begin, in order."""
        for hit in self._start.finditer(folded, at):
            if not _within_word(folded, hit.start()):
                yield _walk(self._tree, folded, hit.start())


class WordFilters:
    """The word lists of servers, by `listed`."""

    def __init__(self, listed: Callable[[str], Sequence[str]]) -> None:
        self._listed = listed
        self._known: dict[tuple[str, ...], WordFilter] = {}  # by the words: most servers share a list

    def of(self, *servers: str) -> WordFilter:
        """Return the words that must not be read in any of these servers."""
        words = tuple(dict.fromkeys(word for server in servers for word in self._listed(server)))
        if words not in self._known:
            self._known[words] = WordFilter(words, most=MAX_WORDS * len(servers))
        return self._known[words]

    def check(self, text: str, servers: Iterable[str], what: str) -> None:
        """Check that the text has no listed word. Raises Refused; `what` begins its sentence."""
        if word := self.of(*servers).first_match(text):
            raise Refused(f"{what} has a word that is not allowed here: “{word}”.")


def _key(word: str) -> str:
    """Return a word as it is looked up: folded, with single spaces, and one star at its end where it has any."""
    key = " ".join(_fold(word).split())
    return key.rstrip("* ") + "*" if key.endswith("*") else key


# Folding


# with category Cf, what Unicode calls default ignorable (DerivedCoreProperties.txt)
_UNSEEN = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u180b\u180c\u180d\u180f\u3164\uffa0").union(
    map(chr, range(0xFE00, 0xFE10)), map(chr, range(0xE0100, 0xE01F0))
)


def _fold(text: str) -> str:
    return text.lower().replace("\t", " ") if text.isascii() else "".join(map(_fold_char, text))


@lru_cache(maxsize=8192)
def _fold_char(char: str) -> str:
    """Return what a code point is compared by: as a rule one, but none where it is not seen, and two for “ß”."""
    if char in _UNSEEN or unicodedata.category(char) == "Cf":
        return ""
    if char.isspace():
        return char if char == "\n" else " "
    return unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", char).casefold())


def _origin(text: str) -> Callable[[int], int]:
    """Return a function from positions in the folded text to those in the text; -1, before its start, stays."""
    if text.isascii():
        return lambda at: at
    ends = list(accumulate(len(_fold_char(char)) for char in text))
    return lambda at: bisect_right(ends, at) if at >= 0 else at


# The tree


@dataclass(slots=True)
class Node:
    """A node of the tree. `whole` and `begins`: the listed words that end here, without and with a star."""

    by_letter: dict[str, Node] = field(default_factory=dict)
    whole: str = ""
    begins: str = ""

    def plant(self, key: str, word: str) -> None:
        node = self
        for letter in key.removesuffix("*"):
            node = node.by_letter.setdefault(letter, Node())
        if key.endswith("*"):
            node.begins = word
        else:
            node.whole = word


class Walk(NamedTuple):
    """A walk down the tree from `start`.

    The longest word goes to `end`, "" where there is none; `cut`: the text ends in the midst of one.
    """

    start: int
    end: int
    word: str
    cut: bool


def _walk(node: Node, folded: str, start: int) -> Walk:
    at = end = start
    word = ""
    while True:
        if node.begins:
            end, word = _word_end(folded, at), node.begins
        elif node.whole and not _within_word(folded, at):
            end, word = at, node.whole
        if at == len(folded):
            return Walk(start, end, word, cut=not node.begins)
        beyond = node.by_letter.get(folded[at])
        if beyond is None:
            return Walk(start, end, word, cut=False)
        node, at = beyond, at + 1
        while folded[at - 1] == " " == folded[at : at + 1]:  # any number of spaces is one
            at += 1


# Scripts without spaces between words (Thai to Tibetan, Burmese, Khmer, kana, ideographs): a word of theirs is found
# wherever it stands, and the words of others beside it are whole.
_UNSPACED = "\u0e00-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U0003ffff"
_IS_UNSPACED = re.compile(f"[{_UNSPACED}]")


def _start(letters: Iterable[str]) -> str:
    """Return a pattern for places where one of the letters may begin a word; after a combining mark it need not."""
    inside = "".join(re.escape(letter) for letter in letters if _joins(letter))
    others = "".join(re.escape(letter) for letter in letters if not _joins(letter))
    ways = [rf"(?<![^\W_{_UNSPACED}])[{inside}]" if inside else "", f"[{others}]" if others else ""]
    return "|".join(filter(None, ways)) or "(?!)"


def _within_word(folded: str, at: int) -> bool:
    """Return whether a word goes on from the letter before `at`; a mark always does."""
    if not 0 < at < len(folded):
        return False
    return (_joins(folded[at]) and _joins(folded[at - 1])) or _is_mark(folded[at])


def _word_end(folded: str, at: int) -> int:
    while at < len(folded) and _joins(folded[at]):
        at += 1
    return at


@lru_cache(maxsize=8192)
def _joins(char: str) -> bool:
    """Return whether it and its like beside it are one word."""
    return (char.isalnum() or _is_mark(char)) and not _IS_UNSPACED.match(char)


def _is_mark(char: str) -> bool:
    return unicodedata.category(char).startswith("M")
