"""The parser's rules that differ from CommonMark's, since models write otherwise: emphasis, formulas and tables."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from functools import lru_cache
from itertools import zip_longest
from typing import NamedTuple

from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.state_inline import Delimiter

from bot.live.formulas import looks_like_math, match_math

# It stands before text that began on an earlier page: what follows never opens a block, and an item that
# begins with it has no marker. A private-use character, which `clean` lets no text contain.
CONTINUED = "\ue000"
GROWING = "growing"  # key of the parser's environment: the text goes on
OPEN = "open"  # key of a formula's `meta`: nothing closes it yet

# What a name, a quotation or a remark in bold may end and begin with, though CommonMark sees no bold beside it.
_ENDS = frozenset(":.!?%…")
_QUOTES = frozenset("\"'`$")


class Flanks(NamedTuple):
    """The abilities of a run of marks: it may open, it may close."""

    opens: bool
    closes: bool


def flanks(before: str, after: str, run: str) -> Flanks:
    """Return whether a run of "*", "_" or "~" between two characters (" " at an end) may open or close.

    CommonMark 0.31, 6.2, with three differences. Beside Chinese, Japanese and Korean script no white space tells
    words from punctuation (https://github.com/tats-u/markdown-cjk-friendly). `**Note:**text` is bold: the marks of a
    run of two or more stand on the inner side of what is quoted, bracketed, or ended by a colon. And stars between
    two digits multiply.
    """
    return _flanks_of(before, after, run[:2])


@lru_cache(maxsize=4096)  # texts have few such pairs, and each is looked at again and again while a text grows
def _flanks_of(before: str, after: str, run: str) -> Flanks:
    if run[0] == "*" and before.isdigit() and after.isdigit():
        return Flanks(False, False)
    left = not after.isspace() and (not _is_punctuation(after) or not _is_word(before) or _is_cjk(before))
    right = not before.isspace() and (not _is_punctuation(before) or not _is_word(after) or _is_cjk(after))
    if run[0] == "_":
        return Flanks(left and (not right or not _is_word(before)), right and (not left or not _is_word(after)))
    if len(run) > 1:
        left = left or (not after.isspace() and _may_begin(after))
        right = right or (not before.isspace() and _may_end(before))
    return Flanks(left, right)


def _is_word(char: str) -> bool:
    """Return whether a character is neither white space nor punctuation."""
    return not char.isspace() and unicodedata.category(char)[0] not in "PS"


def _is_punctuation(char: str) -> bool:
    """Return whether a character is punctuation that no East-Asian script owns."""
    return unicodedata.category(char)[0] in "PS" and not _is_cjk(char)


def _is_cjk(char: str) -> bool:
    return unicodedata.east_asian_width(char) in "WFH" and unicodedata.category(char) != "So"


def _may_begin(char: str) -> bool:
    return char in _QUOTES or char == "\\" or unicodedata.category(char) in ("Ps", "Pi")


def _may_end(char: str) -> bool:
    return char in _QUOTES or char in _ENDS or unicodedata.category(char) in ("Pe", "Pf")


def parse_emphasis(state: StateInline, silent: bool) -> bool:
    """Note a run of "*", "_" or "~" for the parser, which pairs them at the end; "~" by twos."""
    start, mark = state.pos, state.src[state.pos]
    if silent or mark not in "*_~":
        return False
    end = start
    while end < state.posMax and state.src[end] == mark:
        end += 1
    length, width = end - start, 2 if mark == "~" else 1
    before, after = state.src[start - 1] if start else " ", state.src[end] if end < state.posMax else " "
    opens, closes = flanks(before, after, state.src[start:end])
    if length % width:
        state.push("text", "", 0).content = mark
    for _ in range(length // width):
        state.push("text", "", 0).content = mark * width
        state.delimiters.append(
            Delimiter(ord(mark), 0 if mark == "~" else length, len(state.tokens) - 1, -1, opens, closes)
        )
    state.pos = end
    return True


LABEL_BRACKETS = 32  # in the label of a link


@lru_cache(maxsize=64)
def find_labels(text: str) -> frozenset[int] | None:
    """Return where labels of links begin, in a text of many brackets; None where they are few.

    The parser looks through the rest of the text for the end of each bracket: quadratic where few have one.
    """
    if text.count("[") <= LABEL_BRACKETS:
        return None
    open_: list[tuple[int, int]] = []  # where each bracket that is open begins, and how many there were before it
    labels: set[int] = set()
    count = 0
    for mark in _BRACKETS.finditer(text):
        if mark.group() == "[":
            open_.append((mark.start(), count))
            count += 1
        elif mark.group()[0] == "]" and open_:
            begun, before = open_.pop()
            if mark.group() == "](" and count - before <= LABEL_BRACKETS:
                labels.add(begun)
    return frozenset(labels)


def is_label(state: StateInline, at: int) -> bool:
    """Tell whether a link's label may begin here."""
    labels = find_labels(state.src)
    return labels is None or at in labels


def parse_math(state: StateInline, silent: bool) -> bool:
    """Parse a formula inside a line."""
    match = match_math(state.src, state.pos)
    if match is None or match.end() > state.posMax:
        return False
    if not silent:
        tex = match[match.lastgroup or 0].strip().strip("`")  # GitLab's way: $`x`$
        state.push("math_inline", "math", 0).content = tex
    state.pos = match.end()
    return True


_BRACKETS = re.compile(r"\\.|\[|\]\(?", re.DOTALL)
_MATH_OPENER = re.compile(r"(\$\$(?!\$)|\\\[)(\ue000?)")
_AFTER_MATH = re.compile(r"[ \t]*+[.,;:]?+[ \t]*+")


def parse_math_block(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    r"""Parse a formula that has its lines for itself, `$$…$$` or `\[…\]`, none of them blank.

    One that nothing closes is text, unless it is still growing or goes on from an earlier page.
    """
    opener = _MATH_OPENER.match(state.src, state.bMarks[start] + state.tShift[start], state.eMarks[start])
    if opener is None or state.is_code_block(start):
        return False
    closer = "$$" if opener[1] == "$$" else "\\]"
    line, at = start, opener.end()
    while (found := state.src.find(closer, at, state.eMarks[line])) < 0:
        line += 1
        if line == end or state.isEmpty(line) or state.sCount[line] < state.blkIndent:
            break
        at = state.bMarks[line]
    if found >= 0:
        if not _AFTER_MATH.fullmatch(state.src, found + 2, state.eMarks[line]):
            return False
        line += 1
    elif not opener[2] and not (state.env.get(GROWING) and not state.src[state.eMarks[line - 1] :].strip()):
        return False
    content = state.getLines(start, line, state.sCount[start], False).strip()[len(opener.group()) :]
    if found >= 0:
        content, _, mark = content.rpartition(closer)
        content = content.rstrip() + mark.strip()
    else:
        content = content.removesuffix(closer[0])  # half of what will close it
    if found >= 0 and not content.strip():
        return False
    if closer == "\\]" and content.strip() and not opener[2] and not looks_like_math(content):
        return False
    if not silent:
        token = state.push("math_block", "math", 0)
        token.content, token.markup, token.info, token.map = content, opener[1], closer, [start, line]
        token.meta = {OPEN: found < 0}
        state.line = line
    return True


_ROW_MARKS = re.compile(r"\\[|(]|\\.|`++|\||\$")
_DELIMITERS = re.compile(r"(?=[|:-])\|?[ \t]*+:?-++:?[ \t]*+(?:\|[ \t]*+:?-++:?[ \t]*+)*+\|?[ \t]*+")


def split_row(row: str, columns: int = 0) -> list[str]:
    """Split a table's row at its borders; no pipe in code or in a formula is one.

    `columns`: a row has so many if its pipes alone say so, whatever its backticks and dollars say.
    """
    cells = _split(row, whole=True)
    if columns and len(cells) != columns and len(plain := _split(row, whole=False)) == columns:
        return plain
    return cells


def _split(row: str, *, whole: bool) -> list[str]:
    """Split a row at its pipes that have no backslash; `whole`: code and formulas are taken whole."""
    ends = _find_code_ends(row) if whole else {}
    cells, cell, at = [], "", 0
    for mark in _ROW_MARKS.finditer(row):
        if mark.start() < at:
            continue
        cell += row[at : mark.start()]
        at = mark.end()
        if mark.group() == "|":
            cells.append(cell)
            cell = ""
            continue
        if whole and mark.group() in ("$", "\\(") and (math := match_math(row, mark.start())):
            at = math.end()
        at = ends.get(mark.start(), at)
        cell += row[mark.start() : at].replace("\\|", "|")
    cells = [part.strip() for part in (*cells, cell + row[at:])]
    return cells[not cells[0] : len(cells) - (len(cells) > 1 and not cells[-1])]


def _find_code_ends(row: str) -> dict[int, int]:
    """Return the end of each span of code by its start: the next run of as many backticks ends it."""
    ends: dict[int, int] = {}
    nexts: dict[int, int] = {}
    for run in reversed(list(re.finditer("`++", row))):
        length = len(run.group())
        if length in nexts:
            ends[run.start()] = nexts[length]
        nexts[length] = run.end()
    return ends


def parse_table(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Parse a table as GFM has it, but that no cell vanishes.

    A header or a line of delimiters that is short is filled up; the last cell of a row that is too long keeps the
    rest, since nearly always a pipe in it was meant as text.
    """
    if start + 2 > end or state.sCount[start + 1] < state.blkIndent:
        return False
    if state.is_code_block(start) or state.is_code_block(start + 1):
        return False
    header, delimiters = _line(state, start), _line(state, start + 1)
    if "|" not in header or not _DELIMITERS.fullmatch(delimiters) or delimiters.startswith(("- ", "-\t")):
        return False
    aligns = [_align(cell) for cell in _split(delimiters, whole=False)]
    cells = split_row(header, len(aligns))
    if len(cells) != len(aligns) and (len(aligns) < 2 or not delimiters.startswith("|")):
        return False
    if silent:
        return True
    columns = max(len(cells), len(aligns))
    aligns += [""] * (columns - len(aligns))
    parent, state.parentType = state.parentType, "table"
    table = state.push("table_open", "table", 1)
    state.push("thead_open", "thead", 1).map = [start, start + 1]
    _push_row(state, "th", cells, aligns, start)
    state.push("thead_close", "thead", -1)
    line = start + 2
    while line < end and _is_row(state, line, end):
        if line == start + 2:
            body = state.push("tbody_open", "tbody", 1)
        cells = split_row(_line(state, line), columns)
        if len(cells) > columns:
            cells[columns - 1 :] = [" | ".join(cell for cell in cells[columns - 1 :] if cell)]
        _push_row(state, "td", cells, aligns, line)
        line += 1
    if line > start + 2:
        body.map = [start + 2, line]
        state.push("tbody_close", "tbody", -1)
    table.map = [start, line]
    state.push("table_close", "table", -1)
    state.parentType, state.line = parent, line
    return True


def _is_row(state: StateBlock, line: int, end: int) -> bool:
    if state.isEmpty(line) or state.sCount[line] < state.blkIndent or state.is_code_block(line):
        return False
    return not any(rule(state, line, end, True) for rule in state.md.block.ruler.getRules("blockquote"))


def _line(state: StateBlock, line: int) -> str:
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]].strip()


def _align(delimiter: str) -> str:
    begins, ends = delimiter.startswith(":"), delimiter.endswith(":")
    return "center" if begins and ends else "right" if ends else "left" if begins else ""


def _push_row(state: StateBlock, tag: str, cells: Sequence[str], aligns: Sequence[str], line: int) -> None:
    """Write a row's tokens, a cell for each column."""
    state.push("tr_open", "tr", 1).map = [line, line + 1]
    for cell, align in zip_longest(cells, aligns, fillvalue=""):
        token = state.push(f"{tag}_open", tag, 1)
        token.attrs = {"style": f"text-align:{align}"} if align else {}
        inline = state.push("inline", "", 0)
        inline.map, inline.content, inline.children = [line, line + 1], cell, []
        state.push(f"{tag}_close", tag, -1)
    state.push("tr_close", "tr", -1)
