"""The one Markdown parser, set up for text that models write, and the blocks it finds.

CommonMark with tables, strikethrough and formulas (`bot.live.rules`). What else differs from CommonMark, and why:

- HTML is text: a model that writes `List<String>` means it, and nothing may vanish.
- Link reference definitions are text: while an answer streams, a definition comes after the blocks that use
  it have been shown, and one that is never used would be swallowed.
- Nesting ends at `DEPTH` levels, deeper markers are text: the parser recurses, and would drop what is deeper.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from markdown_it import MarkdownIt
from markdown_it.rules_block import StateBlock
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from bot.live import rules
from bot.live.rules import CONTINUED as CONTINUED

DEPTH = 24  # token levels; a quote takes one, a list two
IMAGE_DEPTH = 4  # images in the descriptions of images

BlockRule = Callable[[StateBlock, int, int, bool], bool]
InlineRule = Callable[[StateInline, bool], bool]


@dataclass(frozen=True, slots=True)
class Block:
    """A top-level block: its tokens, and its source from code point `start` up to the next block."""

    tokens: Sequence[Token]
    start: int
    end: int
    line: int


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed text. `lines`: the beginnings of its lines (code points), and behind the last one the end."""

    source: str
    lines: Sequence[int]
    blocks: Sequence[Block]


def clean(text: str) -> str:
    """Replace what could harm a screen, one code point for each, so that offsets stay true.

    Control characters, NUL, escape and lone surrogates become U+FFFD, unusual line ends a space, bidirectional
    overrides and isolates (Unicode TR 9; "Trojan Source", CVE-2021-42574) an invisible word joiner.
    """
    return text if text.isascii() and text.isprintable() else text.translate(_harmless())


@functools.cache
def _harmless() -> dict[int, str]:
    controls = {*range(0x20), *range(0x7F, 0xA0), *range(0xD800, 0xE000), ord(CONTINUED)} - {0x09, 0x0A}
    bidi = (*range(0x202A, 0x202F), *range(0x2066, 0x206A))
    spaces = (0x0B, 0x0C, 0x0D, 0x85, 0x2028, 0x2029)  # a carriage return before its newline is a trailing space
    return dict.fromkeys(controls, "�") | dict.fromkeys(bidi, "\u2060") | dict.fromkeys(spaces, " ")


def parse(source: str, *, growing: bool = False) -> Document:
    """Parse clean Markdown into blocks; inline content is left unparsed (see `parse_inline`).

    `growing`: a formula at its end that nothing closes yet is a formula.
    """
    lines = [0, *accumulate(len(line) + 1 for line in source.split("\n"))]
    lines[-1] = len(source)
    tops = list(split_siblings(parser().parse(source, {rules.GROWING: growing})))
    firsts = [top[0].map[0] for top in tops if top[0].map]
    ends = [*(lines[first] for first in firsts), len(source)][1:]
    return Document(source, lines, [Block(t, lines[f], end, f) for t, f, end in zip(tops, firsts, ends, strict=True)])


def parse_inline(content: str) -> list[Token]:
    """Return the inline tokens of a paragraph, heading or cell."""
    tokens: list[Token] = []
    parser().inline.parse(content, parser(), {}, tokens)
    return tokens


def split_siblings(tokens: Sequence[Token]) -> Iterator[Sequence[Token]]:
    """Split tokens wherever nothing is open: one sequence for each child."""
    start = depth = 0
    for i, token in enumerate(tokens):
        depth += token.nesting
        if depth == 0:
            yield tokens[start : i + 1]
            start = i + 1


@functools.cache
def parser() -> MarkdownIt:
    """Return the parser, built once at first use; it keeps nothing between texts."""
    md = MarkdownIt("commonmark", {"html": False, "maxNesting": 4 * DEPTH})
    md.enable(["table", "strikethrough"]).disable(["reference", "inline", "text_join"])
    md.inline.ruler.before("escape", "math_inline", rules.parse_math)
    for name in ("emphasis", "strikethrough"):
        md.inline.ruler.at(name, rules.parse_emphasis)
    md.block.ruler.before("fence", "math_block", rules.parse_math_block, {"alt": ["paragraph", "blockquote", "list"]})
    md.block.ruler.at("table", rules.parse_table, {"alt": ["paragraph"]})
    for name in ("blockquote", "list"):
        rule, alt = _block_rule(md, name)
        md.block.ruler.at(name, _limit_depth(rule), {"alt": alt})
    md.inline.ruler.at("image", _only_with_label(_limit_image_depth(_inline_rule(md, "image")), 1))
    md.inline.ruler.at("link", _only_with_label(_inline_rule(md, "link"), 0))
    md.block.ruler.before("table", "continued", _parse_continued)
    for ruler in (md.core.ruler, md.block.ruler, md.inline.ruler, md.inline.ruler2):
        ruler.getRules("")  # they are compiled at first use, which is not safe in two threads
    return md


def _block_rule(md: MarkdownIt, name: str) -> tuple[BlockRule, list[str]]:
    rule = next(r for r in md.block.ruler.__rules__ if r.name == name)
    return rule.fn, rule.alt


def _inline_rule(md: MarkdownIt, name: str) -> InlineRule:
    return next(r.fn for r in md.inline.ruler.__rules__ if r.name == name)


def _limit_depth(rule: BlockRule) -> BlockRule:
    def parse_within_depth(state: StateBlock, start: int, end: int, silent: bool) -> bool:
        return state.level < DEPTH and rule(state, start, end, silent)

    return parse_within_depth


def _only_with_label(rule: InlineRule, mark: int) -> InlineRule:
    """Try a rule only where a label may begin, `mark` characters on."""

    def parse_label(state: StateInline, silent: bool) -> bool:
        return rules.is_label(state, state.pos + mark) and rule(state, silent)

    return parse_label


def _limit_image_depth(rule: InlineRule) -> InlineRule:
    """Count the levels of images here: the parser of a description counts from nought."""

    def parse_within_depth(state: StateInline, silent: bool) -> bool:
        depth = state.env.get("image_depth", 0)
        if depth >= IMAGE_DEPTH:
            return False
        state.env["image_depth"] = depth + 1
        try:
            return rule(state, silent)
        finally:
            state.env["image_depth"] = depth

    return parse_within_depth


def _parse_continued(state: StateBlock, start: int, _end: int, silent: bool) -> bool:
    """Make a block of a line of nothing but CONTINUED, so that what follows it begins afresh."""
    line = state.src[state.bMarks[start] + state.tShift[start] : state.eMarks[start]]
    if silent or line.strip() != CONTINUED:
        return False
    state.push("continued", "", 0).map = [start, start + 1]
    state.line = start + 1
    return True
