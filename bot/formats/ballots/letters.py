"""Letters: the label that a piece of a ballot means, as in "B", "**b**", "Response B", "Antwort B: …", "回答B"."""

from __future__ import annotations

import re
from collections.abc import Sequence

_LETTER = "0-9A-Za-zÀ-ɏͰ-ϿЀ-ӿ"  # a label touches none of these; it may touch ideographs and kana
_MARKS = "\u0300-\u036f\u0900-\u0e7f"  # marks in Indian and Thai words, no letters to Python
_EDGE = " \t\n*_`~\"'“”„«»「」[](){}<>.,;:!#|-–—→•·✅👉🏆⭐"
_NOT = re.compile(r"\b(?:not|never|neither|no(?!\.)|nicht|kein\w{0,2}|pas|ni|non|não|не)\b", re.I)
EITHER = re.compile(r"\s(?:or|oder|ou|или)\s", re.I)
_COMMENT = re.compile(r"[(\[:;]|\s[-–—]+\s|[.,](?:\s|$)|[–—]")
_SIGNS = "=≈≅≃≡∼〜|&+/,、~和与と및"
TIED = re.compile(
    r"(?<!\w)(?:tied?(?: for \w+)?|equal(?:ly)?|same (?:quality|rank|place|level)|ex aequo|"
    r"gleich(?:auf|wertig|gut|rangig)?|empatad\w{1,2}|égalité|并列|並列|同率|同着|공동)\b",
    re.I,
)
_TIED_END = re.compile(
    rf"(?<![\s,(–—-])[\s,(–—-]++(?:(?:are|is|all|both|rank|ranked|as|a|à|of|the|sind|alle)\s){{0,4}}{TIED.pattern}",
    re.I,
)
MAX_TIED_ROW = 200  # code points
_THEN = re.compile(r"\b(?:then|dann|puis|luego|with|mit|avec|con)\b|[>→]", re.I)
_WORDS = ("and", "und", "et", "y", "e", "en", "og", "och", "и", "tie with", "tied with")


class Letters:
    """The labels of one ballot, and how they are recognised in text."""

    def __init__(self, labels: Sequence[str]) -> None:
        self._known = {label.upper(): label for label in labels}
        any_label = "|".join(re.escape(label) for label in sorted(labels, key=len, reverse=True)) or r"(?!)"
        # at most two words before the label, in any language
        noun = rf"(?:(?!(?:{any_label})(?![{_LETTER}]))(?:[^\W\d_]|[{_MARKS}]){{1,20}}[\s#_:.-]{{0,3}}){{0,2}}?"
        self._whole = re.compile(rf"{noun}(?<![{_LETTER}])({any_label})(?![{_LETTER}])[^\W\d_a-z]{{0,4}}", re.I)
        self._leading = re.compile(
            rf"{noun}(?<![{_LETTER}])({any_label})(?![{_LETTER}]|['’](?!s\b)|\s(?:or|oder|ou|или)\s)", re.I
        )
        self._mention = re.compile(rf"(?<![{_LETTER}])({any_label})(?![{_LETTER}])")
        self._ending = re.compile(rf"(?<![{_LETTER}])({any_label})$", re.I)

        words = "|".join(word for word in _WORDS if word.upper() not in self._known)  # "E" may be a label
        self._tie = re.compile(rf"[{_SIGNS}]|\b(?:{words})\b", re.I)

    def only_label(self, text: str) -> str | None:
        """Return the label when the text is nothing but a reference to it."""
        found = self._whole.fullmatch(text.strip(_EDGE))
        return self._known[found[1].upper()] if found and not _NOT.search(found[0][: found.start(1)]) else None

    def tied_labels(self, text: str) -> list[str | None]:
        """Return the labels of "A", "A = B", "A and B"; None for each that is not known."""
        parts = [part for part in self._tie.split(text.strip(_EDGE)) if part.strip()]
        labels = [self.only_label(part) for part in parts]
        return labels if all(labels) else [alone] if (alone := self.only_label(text)) else labels

    def tied_row(self, text: str) -> list[str | None]:
        """Return the labels of "A, B and C are equal", "A, B (tie)": all in one place; nothing where it says else."""
        end = _TIED_END.search(text[:MAX_TIED_ROW])
        if not end or _THEN.search(text) or self._mention.search(text, end.end()):
            return []
        labels = self.tied_labels(text[: end.start()])
        return labels if len(labels) > 1 and all(labels) else []

    def entry_labels(self, text: str) -> list[str | None]:
        """Return the labels of a list's entry: a reference, maybe tied ones, maybe with a comment behind.

        A label in capitals may be followed by plain words ("B is clearest"), one in small letters may not, or the
        article "a" would be a vote. Of an entry that does not begin with its label all is read ("The best is B"): it
        means the one label that it mentions.
        """
        if tied := self.tied_row(text):
            return tied
        for head in (text, *_before_comments(text)):
            labels = self.tied_labels(head)
            if labels and all(labels):
                return labels
        found = self._leading.match(text.strip(_EDGE))
        if found and found[1].isupper() and not _NOT.search(found[0]):
            return [self._known[found[1].upper()]]
        mentioned = set(self._mention.findall(text))
        return [mentioned.pop() if len(mentioned) == 1 and not _NOT.search(text) else None]

    def last_labels(self, text: str) -> list[str | None]:
        """Return the labels on which a piece of prose ends: of "So I rank them: A = B" both."""
        for tail in (text, text.rpartition(":")[2], text.rpartition(" is ")[2]):
            labels = self.tied_labels(tail)
            if labels and all(labels):
                return labels
        if len(words := text.split()) > 1 and all(map(self.only_label, words)):
            return [None]  # "B A" may be a row or a tie
        clause = re.split("[:,;]", text)[-1]
        if _NOT.search(" ".join(clause.split()[-3:])) or EITHER.search(clause[-20:]):
            return [None]  # "I would not rank A", "A or B"
        found = self._ending.search(text.rstrip(_EDGE)[-60:])
        return [self._known[found[1].upper()] if found else None]


def _before_comments(text: str) -> list[str]:
    """Return the text before its first comment, and before its second ("Answer: B – because …")."""
    return [text[: m.start()] for m in list(_COMMENT.finditer(text[:120]))[:2]]
