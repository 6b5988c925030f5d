"""The healing of half-written Markdown: what is open is closed, what cannot be read yet is held back.

Nothing is lost: this is only how a text looks while it grows. At its end it is parsed as it stands.
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import NamedTuple

from markdown_it.token import Token

from bot.live.formulas import looks_like_math, match_math
from bot.live.markdown import Document, parse, parse_inline
from bot.live.rules import flanks, split_row

PATIENCE = 400  # code points: an opener that has found no partner within so many is text

# A last line of nothing but block markers may still become anything: "-" a list, a heading's underline, a rule.
_MARKER = r"[ \t>|:=#*_~`$+-]|\d{1,9}(?:[.)]|$)|\\?\[[ xX]?(?:\]|$)|\\[(\]]?$|\ue000"
_MARKERS = re.compile(rf"(?:{_MARKER})*+|(?:(?!```|~~~)(?:{_MARKER}))*+(?:`{{3,}}+|~{{3,}}+)[^`]*+")
_POINTS = re.compile(r"\\.|`+|\$+|!?\[|<|\*+|_+|~+", re.DOTALL)
_LAST_HALF = re.compile(r"(?:(?<!\\)\\|&#?\w{0,8}|(?<!\S)\$)$")
_LABEL = re.compile(r"!?\[(?:\\.|[^\[\]\\]|\[[^\[\]]{0,999}+\]){0,999}+\]", re.DOTALL)
_TARGET = re.compile(r"\((?:\\.|[^()\\\n]|\([^()\n]{0,1999}+\)){0,1999}+\)")
_AUTOLINK = re.compile(r"<[A-Za-z][A-Za-z0-9+.-]{1,31}:[^\s<>]*>")
_AUTOLINK_BEGUN = re.compile(r"<https?:?/?/?[^\s<>]*$")
_MATH_BEGUN = re.compile(r"\$\$|\$(?=[^\s\d$])(?=[^$\n\\^_{=]*+[\\^_{=])[^$\n]*+$|\\\(|\\\[(?P<square>[^\]]*+)")


class OpenAtom(NamedTuple):
    r"""An atom that has begun at `at` and not ended: "`…", "$…", "\(…", "[…" or "<…"."""

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
        elif mark[0] != "\\" or mark[1] in "([":
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
    text = _without_last_half(text).rstrip()
    return text + scan(text).closers


def _without_last_half(text: str) -> str:
    """Leave out what a text ends with where the next character tells what it is: marks, an entity, an escape."""
    bare = text.rstrip("*_~")
    if bare == text:
        return _LAST_HALF.sub("", text)
    return text[: len(bare) + (len(bare) - len(bare.rstrip("\\"))) % 2]


def parse_growing(source: str) -> Document:
    """Parse clean Markdown that still grows; its last inline content is healed (`Token.children`)."""
    shown = source[: len(source) - count_held_back(source)]
    doc = parse(shown, growing=True)
    if line := _find_completion(doc):
        doc = _clip(parse(f"{shown.rstrip()}\n{line}", growing=True), shown)
    if (last := _last_inline(doc)) is not None:
        last.children = parse_inline(heal(last.content)) or [Token("text", "", 0)]
    return doc


def count_held_back(source: str) -> int:
    """Count the code points that are held back: a short last line that is nothing but markers so far."""
    last = source[source.rfind("\n") + 1 :]
    return len(last) if len(last) <= PATIENCE and _MARKERS.fullmatch(last) else 0


def _mend(text: str, begun: OpenAtom) -> str:
    before, after = text[: begun.at], text[begun.at :]
    match begun.mark[0]:
        case "`":
            body = after.strip("`")
            return f"{before}{begun.mark}{body}{begun.mark}" if body.strip() else before
        case "$" | "\\":
            closer = {"\\(": "\\)", "\\[": "\\]"}.get(begun.mark, begun.mark)
            body = after[len(begun.mark) :].rstrip("$")
            body = body[: len(body) - (len(body) - len(body.rstrip("\\"))) % 2]  # it may begin the closer
            return f"{before}{begun.mark}{body.rstrip()}{closer}" if body.strip() else before
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
    before, after = text[run.start() - 1 : run.start()] or " ", text[run.end() : run.end() + 1] or " "
    opens, closes = flanks(before, after, run.group())
    while closes and left and (at := _last_of(marks, kind)) is not None and len(marks[at]) <= left:
        left -= len(marks[at])
        del marks[at:]  # what was opened inside and never closed is text
    if not opens or (closes and left < len(run.group())):
        return
    if run.group() == "*" and before.isalnum() and after.isalnum():
        return  # rather a product than emphasis inside a word
    if kind != "~":
        marks.extend([kind * 2] * (left // 2 % 2) + [kind] * (left % 2))
    elif left == 2:
        marks.append("~~")


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
        case "$" | "\\":
            closing = match_math(text, start)
            waiting = closing is None and young and mark != "$$$" and _is_math_begun(text, start)
        case "<":
            closing = _AUTOLINK.match(text, start)
            waiting = closing is None and young and bool(_AUTOLINK_BEGUN.match(text, start))
        case _:
            return _link_end(text, point, young)
    return closing.end() if closing else None if waiting else point.end()


def _is_math_begun(text: str, start: int) -> bool:
    begun = _MATH_BEGUN.match(text, start)
    return begun is not None and (not begun["square"] or looks_like_math(begun["square"]))


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
    """Return the line that makes a table of a header row alone; "" when there is none."""
    tokens = [t for t in doc.blocks[-1].tokens if t.nesting >= 0] if doc.blocks else []
    if len(tokens) < 2 or tokens[-2].type != "paragraph_open":
        return ""
    content = tokens[-1].content
    row = content[content.rfind("\n") + 1 :]
    line = doc.source.rstrip()
    line = line[line.rfind("\n") + 1 :]
    indent = re.sub(r"[^>\s]", " ", line[: len(line) - len(row)])
    if not row.startswith("|") or not row.strip("| "):
        return ""
    return f"{indent}|{'---|' * len(split_row(row))}"


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
