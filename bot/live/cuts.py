"""Cuts of a block: places for them, marks to close before one, context to reopen behind it.

A cut works on the source. What stands before it is parsed as if the text ended there; what follows is parsed
behind a `carry`: the quotes and items, the fence or the table header that it stands in, and open emphasis.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from markdown_it.token import Token

from bot.live.dialect import grapheme_ends
from bot.live.heal import scan
from bot.live.markdown import CONTINUED, Block, Document

_MARKER = r"[ \t]*(?:>[ \t]?|(?:[-+*]|\d{1,9}[.)])(?:[ \t]{1,4}|(?=\n|$)))"
_PREFIX = re.compile(r"(?m)^(?:[ \t]*(?:>|(?:[-+*]|\d{1,9}[.)]|#{1,6})(?=\s)))*[ \t]*")
_CONTAINERS = ("blockquote_open", "list_item_open")
_CODE = ("fence", "code_block", "math_block")
_TEXT = ("paragraph_open", "heading_open")


class Cut(NamedTuple):
    """A cut at `at` (code points): `closers` end what stands before it, `carry` stands before what follows.

    `glue` joins both on one page, on surfaces whose pages are longer than a block may grow; None: nothing goes on.
    """

    at: int
    closers: str
    carry: str
    glue: str | None


def cut_block(doc: Document, block: Block, at: int) -> Cut:
    """Return the cut at a code point of the block's source."""
    line = bisect_right(doc.lines, at, hi=len(doc.lines) - 1) - 1
    fresh = at == doc.lines[line]
    leaf = _leaf_at(block.tokens, line)
    first = leaf.map[0] if leaf is not None and leaf.map else line
    inside = first < line or not fresh
    stack = [
        t for t in block.tokens if t.type in _CONTAINERS and t.map and t.map[0] < line + inside and line < t.map[1]
    ]
    openings = _openings(doc, stack)
    rows = "".join(f"{opening}{CONTINUED}\n" for opening in openings)
    indent = re.sub(r"[^>\s]", " ", openings[-1]) if openings else ""
    glue = _glue(block, doc.source, at)
    if leaf is None or not inside:
        return Cut(at, "", rows + _item_before(block.tokens, line, indent), glue)
    if leaf.type == "code_block":  # its lines are indented still
        return Cut(at, "", rows + ("" if fresh else f"{indent}    "), glue)
    if leaf.type in _CODE and first < line:
        if leaf.type == "math_block":
            closers, opener = f"\n{indent}{leaf.info}", leaf.markup + CONTINUED
        else:
            closers, opener = "", leaf.markup + leaf.info
        return Cut(at, closers, f"{rows}{indent}{opener}\n{'' if fresh else indent}", glue)
    if leaf.type == "table_open" and line >= first + 2:
        header = doc.source[doc.lines[first] : doc.lines[first + 2]]
        if any(t.map and t.map[0] == first for t in stack):
            header = indent + header[len(openings[-1]) :]
        return Cut(at, "", rows + header + ("" if fresh else indent), glue)
    marks = scan(doc.source[max(doc.lines[first], block.start) : at]) if leaf.type in _TEXT else scan("")
    heading = leaf.markup + " " if leaf.markup.startswith("#") else ""
    before = rows.removesuffix(f"{CONTINUED}\n")
    return Cut(at, marks.closers, f"{before}{heading}{CONTINUED} {marks.openers}", glue)


def row_stops(doc: Document, block: Block) -> list[int]:
    """Return the places before an item, a table's row, a line of code, or a block inside another."""
    lines: set[int] = set()
    for token in block.tokens:
        if token.map is None or token.type in ("inline", "tbody_open"):
            continue
        if token.type in _CODE:
            lines.update(range(token.map[0] + 2, token.map[1]))
        lines.add(token.map[0])
    for token in block.tokens:
        if token.type == "table_open" and token.map:  # a header stays with its first row
            lines.discard(token.map[0] + 2)
    return sorted(doc.lines[line] for line in lines if doc.lines[line] > block.start)


def shallow_row_stops(doc: Document, block: Block) -> list[int]:
    """Return the row stops that stand in no item and no quote."""
    if block.tokens[0].type in (*_CODE, "table_open"):
        return row_stops(doc, block)
    items = (t for t in block.tokens if t.type == "list_item_open" and t.level == 1)
    if block.tokens[0].type == "blockquote_open":
        return []
    return [doc.lines[t.map[0]] for t in items if t.map and doc.lines[t.map[0]] > block.start]


def outer_row_stops(doc: Document, block: Block) -> list[int]:
    """Return the row stops of which none tears code or a table inside an item or a quote."""
    nested = [t.map for t in block.tokens if t.level and t.map and t.type in (*_CODE, "table_open")]
    inside = {doc.lines[line] for first, end in nested for line in range(first + 1, end)}
    return [at for at in row_stops(doc, block) if at not in inside]


def word_stops(doc: Document, block: Block) -> list[int]:
    """Return the places before a word of a paragraph or a heading, never inside code, a link or math."""
    return [
        at
        for start, text in _text_leaves(doc, block)
        for at in _stops_outside_atoms(text, start, (m.start() for m in re.finditer(r"(?<=\s)(?=\S)", text)))
    ]


def grapheme_stops(doc: Document, block: Block) -> list[int]:
    """Return the places between graphemes of a paragraph, a heading or a line of code, never inside an inline atom."""
    stops: set[int] = set()
    for start, text in _text_leaves(doc, block):
        stops.update(_stops_outside_atoms(text, start, grapheme_ends(text)))
    for token in block.tokens:
        if token.type in _CODE and token.map:
            start, end = doc.lines[token.map[0] + 1], doc.lines[token.map[1]]
            stops.update(start + at for at in grapheme_ends(doc.source[start:end]))
    return sorted(at for at in stops if block.start < at < block.end)


def _text_leaves(doc: Document, block: Block) -> Iterator[tuple[int, str]]:
    for token in block.tokens:
        if token.type in _TEXT and token.map:
            start = max(doc.lines[token.map[0]], block.start)
            yield start, doc.source[start : doc.lines[token.map[1]]]


def _stops_outside_atoms(text: str, start: int, stops: Iterator[int]) -> Iterator[int]:
    """Yield the stops that lie in no atom and in no line's markers, as code points of the source."""
    spans = [*scan(text).atoms, *(m.span() for m in _PREFIX.finditer(text))]
    taken = {at for begin, end in spans for at in range(begin + 1, end)}
    prefixes = {m.start() for m in _PREFIX.finditer(text) if m.end() > m.start()} | {0, _first_word(text)}
    return (start + at for at in stops if at not in taken and at not in prefixes and at < len(text))


def _first_word(text: str) -> int:
    match = _PREFIX.match(text)
    return match.end() if match else 0


def _leaf_at(tokens: Sequence[Token], line: int) -> Token | None:
    leaves = (*_CODE, *_TEXT, "table_open")
    return next((t for t in tokens if t.type in leaves and t.map and t.map[0] <= line < t.map[1]), None)


def _openings(doc: Document, stack: Sequence[Token]) -> list[str]:
    """Return, for each line that opens containers of the stack, its text up to what they contain."""
    openings: list[str] = []
    quotes = 0
    for line in sorted({t.map[0] for t in stack if t.map}):
        opened = [t for t in stack if t.map and t.map[0] == line]
        text = doc.source[doc.lines[line] : doc.lines[line + 1]].removesuffix("\n")
        match = re.match(f"(?:{_MARKER}){{0,{quotes + len(opened)}}}", text)
        prefix = match.group() if match else ""
        openings.append(prefix if not prefix or prefix.endswith((" ", "\t")) else prefix + " ")
        quotes += sum(t.type == "blockquote_open" for t in opened)
    return openings


def _item_before(tokens: Sequence[Token], line: int, indent: str) -> str:
    """Return the item before the one that begins here, as carry, so that the list goes on counting from it."""
    counts: dict[int, int] = {}  # items so far of the list that is open at a level
    starts: dict[int, int] = {}
    for token in tokens:
        if token.type in ("ordered_list_open", "bullet_list_open"):
            counts[token.level + 1] = 0
            starts[token.level + 1] = int(token.attrs.get("start", 1)) if token.type == "ordered_list_open" else -1
        elif token.type == "list_item_open" and token.map:
            before, start = counts[token.level], starts[token.level]
            counts[token.level] += 1
            if token.map[0] == line:
                return f"{indent}{start + before - 1}{token.markup} {CONTINUED}\n" if before and start >= 0 else ""
    return ""


def _glue(block: Block, source: str, at: int) -> str:
    kind = block.tokens[0].type
    if kind == "blockquote_open":
        return "\n\n"
    if source[at - 1] == "\n" or kind in ("heading_open", "table_open"):
        return "\n"
    return " " if source[at - 1].isspace() and kind not in _CODE else ""
