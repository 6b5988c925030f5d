"""The healing of half-written Markdown: what is open is closed, what cannot be read yet is held back.

Nothing is lost: this is only how a text looks while it grows. At its end it is parsed as it stands.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import NamedTuple

from markdown_it.token import Token

from bot.live.markdown import DOLLAR_MATH, Document, parse, parse_inline

PATIENCE = 400  # code points: an opener that has found no partner within so many is text

# A last line of nothing but block markers may still become anything: "-" a list, a heading's underline, a rule.
_MARKERS = re.compile(
    r"(?:[ \t>|:=#*_~`$+-]|\d{1,9}(?:[.)]|$)|\[[ xX]?(?:\]|$)|\ue000)*"
    r"(?:(?:`{3,}|~{3,})[^`]*)?"
)
_POINTS = re.compile(r"\\.|`+|\$+|!?\[|<|[*_~]+", re.DOTALL)
_LABEL = re.compile(r"!?\[(?:\\.|[^\[\]\\]|\[[^\[\]]*\])*\]", re.DOTALL)
_TARGET = re.compile(r"\((?:\\.|[^()\\\n]|\([^()\n]*\))*\)")
_AUTOLINK = re.compile(r"<[A-Za-z][A-Za-z0-9+.-]{1,31}:[^\s<>]*>")
_AUTOLINK_BEGUN = re.compile(r"<https?:?/?/?[^\s<>]*$")
_LIKE_MATH = re.compile(r"\$(?=[^\s\d$])[^$\n]*[\\^_{=][^$\n]*$")


class OpenAtom(NamedTuple):
    """An atom that has begun at `at` and not ended: "`…", "$…", "[…" or "<…"."""

    mark: str
    at: int


class Scan(NamedTuple):
    """The open ends of inline text. `marks`: open emphasis, outermost first. `atoms`: spans of code, links and math."""

    marks: tuple[str, ...]
    atoms: tuple[tuple[int, int], ...]
    open_atom: OpenAtom | None

    @property
    def openers(self) -> str:
        return "".join(self.marks)

    @property
    def closers(self) -> str:
        return "".join(reversed(self.marks))


def scan(text: str) -> Scan:
    """Find what is open at the end of inline text, in one pass (CommonMark 0.31, section 6, simplified)."""
    marks: list[str] = []
    atoms: list[tuple[int, int]] = []
    at = 0
    while point := _POINTS.search(text, at):
        at = point.end()
        mark = point.group()
        if mark[0] in "*_~":
            _apply_emphasis(text, point, marks)
        elif mark[0] != "\\":
            end = _atom_end(text, point)
            if end is None:
                atoms.append((point.start(), len(text)))
                return Scan(tuple(marks), tuple(atoms), OpenAtom(mark, point.start()))
            if end > at:
                atoms.append((point.start(), end))
                at = end
    return Scan(tuple(marks), tuple(atoms), None)


def heal(text: str) -> str:
    """Close all that growing inline text has opened, and leave out what is not readable yet."""
    for _ in range(8):  # each round takes one atom that has begun; more in one place is noise
        begun = scan(text).open_atom
        if begun is None:
            break
        text = _mend(text, begun)
    text = re.sub(r"(?:(?<!\\)\\|&#?\w{0,8}|(?<!\\)[*_~]+)$", "", text)
    return text.rstrip() + scan(text).closers


def parse_growing(source: str) -> Document:
    """Parse clean Markdown that still grows; its last inline content is healed (`Token.children`)."""
    shown = source[: len(source) - count_held_back(source)]
    doc = parse(shown)
    if line := _find_completion(doc):
        doc = _clip(parse(f"{shown.rstrip()}\n{line}"), shown)
    if (last := _last_inline(doc)) is not None:
        last.children = parse_inline(heal(last.content)) or [Token("text", "", 0)]
    return doc


def count_held_back(source: str) -> int:
    """Count the code points that are held back: a last line that is nothing but markers so far."""
    last = source[source.rfind("\n") + 1 :]
    return len(last) if _MARKERS.fullmatch(last) else 0


def _mend(text: str, begun: OpenAtom) -> str:
    before, after = text[: begun.at], text[begun.at :]
    match begun.mark[0]:
        case "`":
            body = after.strip("`")
            return f"{before}{begun.mark}{body}{begun.mark}" if body.strip() else before
        case "$":
            body = after.strip("$")
            return f"{before}{begun.mark}{body}{begun.mark}" if body.strip() else before
        case "<":
            return before + after[1:]
        case _:  # a link or an image: its label, its target is not complete
            label = _LABEL.match(after)
            return before + (label.group()[len(begun.mark) : -1] if label else after.lstrip("![")).rstrip()


def _apply_emphasis(text: str, run: re.Match[str], marks: list[str]) -> None:
    """Open or close with a delimiter run: "*" and "_" by ones and twos, "~" by twos only."""
    left = len(run.group())
    kind = run.group()[0]
    if left == 1 and kind == "~":
        return
    opens, closes = _flanks(text, run)
    while closes and left and (at := _last_of(marks, kind)) is not None and len(marks[at]) <= left:
        left -= len(marks[at])
        del marks[at:]  # what was opened inside and never closed is text
    if not opens or (closes and left < len(run.group())):
        return
    if run.group() == "*" and text[: run.start()][-1:].isalnum() and text[run.end() :][:1].isalnum():
        return  # rather a product than emphasis inside a word
    if kind != "~":
        marks.extend([kind * 2] * (left // 2 % 2) + [kind] * (left % 2))
    elif left == 2:
        marks.append("~~")


def _flanks(text: str, run: re.Match[str]) -> tuple[bool, bool]:
    """Return whether the run can open, and whether it can close (CommonMark 0.31, 6.2)."""
    before, after = text[run.start() - 1 : run.start()] or " ", text[run.end() : run.end() + 1] or " "
    left = not after.isspace() and (_is_word_char(after) or not _is_word_char(before))
    right = not before.isspace() and (_is_word_char(before) or not _is_word_char(after))
    if run.group()[0] == "_":
        return left and (not right or not _is_word_char(before)), right and (not left or not _is_word_char(after))
    return left, right


def _is_word_char(char: str) -> bool:
    """Tell whether a character is neither white space nor punctuation."""
    return not char.isspace() and (char.isalnum() or ord(char) > 0x2E7F)


def _last_of(marks: list[str], kind: str) -> int | None:
    return next((i for i in reversed(range(len(marks))) if marks[i][0] == kind), None)


def _atom_end(text: str, point: re.Match[str]) -> int | None:
    """Return the end of the atom that begins here; of the mark if that is text; None when it may still come."""
    mark, start = point.group(), point.start()
    young = len(text) - start <= PATIENCE
    match mark[0]:
        case "`":
            closing = re.compile(rf"(?<!`){mark}(?!`)").search(text, point.end())
            waiting = closing is None and young
        case "$":
            closing = DOLLAR_MATH.match(text, start)
            waiting = closing is None and young and (mark == "$$" or bool(_LIKE_MATH.match(text, start)))
        case "<":
            closing = _AUTOLINK.match(text, start)
            waiting = closing is None and young and bool(_AUTOLINK_BEGUN.match(text, start))
        case _:
            return _link_end(text, point, young)
    return closing.end() if closing else None if waiting else point.end()


def _link_end(text: str, point: re.Match[str], young: bool) -> int | None:
    label = _LABEL.match(text, point.start())
    if label is None or label.end() == len(text):
        return None if young else point.end()
    if text[label.end()] != "(":
        return point.end()
    target = _TARGET.match(text, label.end())
    if target:
        return target.end()
    return None if young and "\n" not in text[label.end() :] else point.end()


def _find_completion(doc: Document) -> str:
    """Return the line that makes a table of a header row alone, or ends display math; "" when none is missing."""
    tokens = [t for t in doc.blocks[-1].tokens if t.nesting >= 0] if doc.blocks else []
    if len(tokens) < 2 or tokens[-2].type != "paragraph_open":
        return ""
    content = tokens[-1].content
    row = content[content.rfind("\n") + 1 :]
    line = doc.source.rstrip()
    line = line[line.rfind("\n") + 1 :]
    indent = re.sub(r"[^>\s]", " ", line[: len(line) - len(row)])
    if content.startswith("$$") and content.count("$$") == 1 and content.strip("$ \n"):
        return f"{indent}$$"
    if not row.startswith("|") or not row.strip("| "):
        return ""
    cells = re.split(r"(?<!\\)\|", row.strip().removeprefix("|"))
    return f"{indent}|{'---|' * (len(cells) - (not cells[-1]))}"


def _clip(doc: Document, source: str) -> Document:
    """Return the same blocks, without the source that was added behind `source`."""
    blocks = [replace(b, end=min(b.end, len(source))) for b in doc.blocks]
    return Document(source, doc.lines, blocks)


_ROW_TOKENS = {"td_open", "th_open", "tr_open", "tbody_open"}


def _last_inline(doc: Document) -> Token | None:
    """Return the inline content that is still being written: of the last leaf, in a table of its last filled cell."""
    for token in reversed(doc.blocks[-1].tokens) if doc.blocks else ():
        if token.type == "inline" and token.content:
            return token
        if token.nesting >= 0 and token.type not in _ROW_TOKENS and token.type != "inline":
            return None
    return None
