"""The words by which runs are found, as digests: the index holds no word that anybody wrote.

SQLite's full-text index keeps what is deleted from it until its parts are merged, so it must not hold readable words. A
digest of 40 bits is enough to find a run by, and two words share one hardly ever.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from hashlib import blake2b
from unicodedata import combining, normalize

DIGEST_BYTES = 5
MAX_TEXT_CHARS = 100_000  # of a run by which it is found; the question comes first
MAX_WANTED = 20  # words of a search that count

# Scripts without spaces between words are found by each two signs that follow each other, an emoji by itself, and
# anything else by its words, in which C++ and C# are words too.
_DENSE = "\u2e80-\u2fdf\u3040-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
_PARTS = re.compile(rf"[{_DENSE}]+|[\u2190-\u2bff\U0001f000-\U0001faff]|[^\W{_DENSE}]+[+#]*")
_IS_DENSE = re.compile(f"[{_DENSE}]")


def list_words(text: str) -> list[str]:
    """Return the words of a text, without case and accents, each once, in their order."""
    plain = "".join(c for c in normalize("NFKD", text.casefold()) if not combining(c))
    words: dict[str, None] = {}
    for part in _PARTS.findall(normalize("NFC", plain)):
        words.update(dict.fromkeys(_split_part(part)))
    return list(words)


def _split_part(part: str) -> Iterable[str]:
    if _IS_DENSE.match(part):
        return (*part, *(part[n : n + 2] for n in range(len(part) - 1)))
    return (part, part.rstrip("+#"))


def index_text(texts: Iterable[str]) -> str:
    """Return the digests of the words of a run's texts, as its row in the index."""
    room, words = MAX_TEXT_CHARS, dict[str, None]()
    for text in texts:
        words.update(dict.fromkeys(list_words(text[:room])))
        room -= len(text)
        if room <= 0:
            break
    return " ".join(map(_digest, words))


def match_text(wanted: str) -> str:
    """Return the expression that finds the runs with all words of a search; "" where there is no word in it.

    Whatever people type is words: quotes and operators mean nothing.
    """
    words = list_words(wanted[:1_000])
    parts = {part for word in words for part in _list_parts(word)}
    typed = [word for word in words if word not in parts]
    return " ".join(map(_digest, typed[:MAX_WANTED]))


def _list_parts(word: str) -> Iterable[str]:
    """Return what stands for nothing of its own beside this word of the same search."""
    if _IS_DENSE.match(word):
        return word if len(word) > 1 else ()
    return {word.rstrip("+#")} - {word}


def _digest(word: str) -> str:
    return blake2b(word.encode("utf-8", "replace"), digest_size=DIGEST_BYTES).hexdigest()
