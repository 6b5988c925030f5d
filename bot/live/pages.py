"""The pages of a growing Markdown text. They fit a surface, and a page that is full never changes.

Only the tail is parsed again when text arrives: a block that a later one follows is rendered once and kept.
A block that outgrows `LONG` code points, or its page, is cut: what stands before the cut is settled, what
follows goes on behind a short `carry` that tells the parser where it stands (`bot.live.cuts`). So a step costs
the same at the end of a long text as at its start, and text that comes all at once is taken in such steps.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import NamedTuple

from bot.live import cuts
from bot.live.cuts import Cut
from bot.live.dialect import Dialect, Piece, grapheme_ends
from bot.live.heal import count_held_back, parse_growing, scan
from bot.live.markdown import Block, Document, clean, parse
from bot.live.render import render_block
from bot.live.rules import OPEN
from bot.ports.surface import Page

LONG = 1024  # code points: a block that grows beyond is cut, and so much is read at once
LONG_WHOLE = 8 * LONG  # a table's columns have one width, code in an item or a quote cannot go on: they are cut late
INDENT = 8  # code points: no block asks for more
GAP = "\n\n"
_OPENERS = "*_~[<`$&\\"

Stops = Callable[[Document, Block], Sequence[int]]


class Sheet(NamedTuple):
    """An open page: its text, the `foot` that ends its last block, and the text's `size` without that foot."""

    text: str = ""
    foot: str = ""
    size: int = 0

    def whole(self) -> str:
        return (self.text + self.foot).strip("\n")

    def plus(self, piece: Piece, glue: str | None, measure: Callable[[str], int]) -> Sheet:
        """Return the page with one more piece. `glue`: it goes on with the block that the last piece began.

        A piece that ends otherwise than the last one stands by itself: a table that has become a list, code that
        needs a longer fence.
        """
        if not piece.text:
            return self
        if not self.text:
            part = piece.head + piece.body
        elif glue is None or piece.foot != self.foot:
            part = self.foot + GAP + piece.head + piece.body
        else:
            part = glue + piece.body
        return Sheet(self.text + part, piece.foot, self.size + measure(part))


class Headings(NamedTuple):
    """The headings at the end of an open page: the page without them, where they begin, and their source."""

    before: Sheet
    at: int  # in code points of the whole
    source: str


class Pages:
    """The pages of one lane on one surface.

    No page but the last ends with a heading, unless what follows has no beginning that fits a page with it.

    `limit`: a message's length as the dialect measures it. `reserve`: the part of it that is kept free for footers, so
    that one that grows never needs a page more. `most`: how many pages anybody sees; text behind those is not read,
    however long it is, and one empty page stands for it.

    A link, a row or a piece of code that is longer than a page by itself is shown as it was written, cut between
    words or graphemes; a grapheme longer than a page is cut between code points.
    """

    def __init__(self, dialect: Dialect, limit: int, *, reserve: int = 0, most: float = math.inf) -> None:
        if not 0 <= reserve < limit:
            raise ValueError(f"a page of {limit} cannot keep {reserve} free")
        self._dialect = dialect
        self._limit = limit
        self._reserve = reserve
        self._most = most
        self._restart()

    def _restart(self) -> None:
        self._text = ""
        self._ended = False
        self._closed: list[Page] = []
        self._sheet = Sheet()
        self._room = self._limit - self._reserve
        self._source = ""  # the carry, then the text that is not settled
        self._carried = 0  # length of the carry
        self._at = 0  # where the unsettled text begins, in code points of the whole
        self._page_at = 0  # where the open page begins
        self._glue: str | None = None  # set while a block goes on that the sheet's last piece began
        self._headings: Headings | None = None  # set while the open page ends with some
        self._written_to = 0  # up to here (code points of the whole) goes a link or code that is shown as written

    def begin_after(self, text: str, at: int) -> None:
        """Begin behind the first `at` code points of a text, as the pages go on there that have ended there."""
        self._restart()
        if not at:
            return
        doc = parse(clean(text))
        within = next((block for block in doc.blocks if block.start < at < block.end), None)
        self._text, self._at, self._page_at = text[:at], at, at
        self._source = cuts.cut_block(doc, within, at).carry if within else ""
        self._carried = len(self._source)

    def update(self, text: str, *, final: bool = False, footer: str = "") -> Sequence[Page]:
        """Return the pages that show `text`, at least one. `footer` stands on the last and takes half of it at most.

        `final`: no more will come, so nothing is healed or held back. A text that does not begin with the one before,
        or that goes on after its end, starts again: then any page may change.
        """
        if not text.startswith(self._text) or (self._ended and text != self._text):
            self._restart()
        line = self._footer(footer)
        self._room = self._limit - max(self._reserve, self._dialect.measure(line))
        if not self._fits(self._sheet):
            self._end_page()
        grown, self._text, self._ended = text[len(self._text) :], text, final
        sheet, at = self._sheet, 0
        while at < max(len(grown), 1):
            if len(self._closed) >= self._most:
                return [*self._closed, Page("", 0, final)]
            stuck = len(self._source)  # it is read again with each step
            step = LONG if stuck <= LONG_WHOLE else stuck
            self._source += clean(grown[at : at + step])
            at += step
            sheet = self._settle(final and at >= len(grown))
        waiting = 0 if final else count_held_back(self._source[self._carried :])
        chars = self._at - self._page_at + len(self._source) - self._carried - waiting
        body = sheet.whole()
        return [*self._closed, Page(body + line if body else line.lstrip("\n"), chars, final)]

    def _footer(self, footer: str) -> str:
        line = self._dialect.footer(footer) if footer else ""
        return line if self._dialect.measure(line) <= self._limit // 2 else ""

    def _fits(self, sheet: Sheet) -> bool:
        return sheet.size + self._dialect.measure(sheet.foot) <= self._room

    def _settle(self, final: bool) -> Sheet:
        """Settle what cannot change any more and what does not fit; return the open page with all the rest."""
        while True:
            doc = parse(self._source) if final else parse_growing(self._source)
            sheet = self._settle_once(doc, len(doc.blocks) if final else _count_sure(doc, self._source), final)
            if sheet is not None:
                return sheet

    def _settle_once(self, doc: Document, sure: int, final: bool) -> Sheet | None:
        """Settle once; return None when a cut was made, so that the rest must be read again."""
        if self._at < self._written_to and doc.blocks:
            return None if self._spill(doc, doc.blocks[0], final) else self._sheet
        sheets = [self._sheet]  # as it is after each block
        for i, block in enumerate(doc.blocks):
            piece = self._render(doc, block)
            sheets.append(sheets[-1].plus(piece, None if i else self._glue, self._dialect.measure))
            fits = self._fits(sheets[-1])
            if fits and (i < sure or _filled_end(doc, block) - max(block.start, self._carried) <= _longest_kept(block)):
                continue
            if i:
                self._take_blocks(sheets, doc, i)
            elif fits:
                return None if self._shorten(doc, block) else sheets[-1]
            elif not self._break(doc, block, final):
                return self._sheet
            return None
        if final:
            self._take(sheets[-1], Cut(len(self._source), "", "", None))
        elif (end := _blank_end(doc)) > self._carried:
            self._take(sheets[-1], Cut(end, "", "", None))
        elif sure:
            self._take_blocks(sheets, doc, sure)
        return sheets[-1]

    def _render(self, doc: Document, block: Block) -> Piece:
        """Render a block; it is empty when it is nothing but carry, which has been shown."""
        new = doc.source[max(block.start, self._carried) : block.end]
        return render_block(block.tokens, self._dialect) if new.strip() else Piece("")

    def _take_blocks(self, sheets: Sequence[Sheet], doc: Document, count: int) -> None:
        """Settle so many blocks; `sheets` is the open page as it is after none, one, … of them."""
        first, end, known = count, doc.blocks[count].start, self._headings
        while first and doc.blocks[first - 1].tokens[0].type == "heading_open":
            first -= 1
        start = doc.blocks[first].start
        is_whole = first < count and start >= self._carried
        found = Headings(sheets[first], self._at + start - self._carried, doc.source[start:end])
        self._take(sheets[count], Cut(end, "", "", None))
        if is_whole:
            goes_on = known is not None and found.at == known.at + len(known.source)
            self._headings = known._replace(source=known.source + found.source) if known and goes_on else found

    def _take(self, sheet: Sheet, cut: Cut) -> None:
        """Settle all before the cut: `sheet` shows it."""
        self._headings = None
        self._sheet = sheet
        self._at += cut.at - self._carried
        self._source = cut.carry + self._source[cut.at :]
        self._carried = len(cut.carry)
        self._glue = cut.glue

    def _end_page(self) -> None:
        """Close the open page; headings at its end go to the next one, unless it has nothing else."""
        if self._headings and self._headings.before.text:
            self._sheet, self._at, source = self._headings
            self._source, self._carried = source + self._source, 0
        self._close()

    def _close(self) -> None:
        self._headings = None
        self._closed.append(Page(self._sheet.whole(), self._at - self._page_at, True))
        self._sheet = Sheet()
        self._page_at = self._at

    def _shorten(self, doc: Document, block: Block) -> bool:
        """Settle most of a block that fits the page and grows beyond LONG; return False if no cut is possible yet."""
        kinds: list[Stops] = [cuts.shallow_row_stops, cuts.word_stops, cuts.outer_row_stops]
        if block.end - self._carried > LONG_WHOLE or _is_noise(doc.source[self._carried : block.end]):
            kinds += [cuts.row_stops, cuts.grapheme_stops]
        for stops in kinds:
            at = max(self._real_stops(doc, stops(doc, block)), default=0)
            if at - self._carried > LONG // 2:
                sheet, cut = self._sheet_before(doc, cuts.cut_block(doc, block, at))
                if not self._fits(sheet):  # what healing hid is longer than what it showed
                    return self._break(doc, block, final=False)
                self._take(sheet, cut)
                return True
        return False

    def _break(self, doc: Document, block: Block, final: bool) -> bool:
        """Fill the page with the block's beginning and close it; return False if what there is must wait for more."""
        has_only_headings = self._headings is not None and not self._headings.before.text
        least = 1 if has_only_headings else self._room // 2
        for stops in (cuts.shallow_row_stops, cuts.row_stops, cuts.word_stops):
            if stops is cuts.word_stops and self._sheet.size > self._room * 3 // 4:
                break  # rather a little space than a paragraph torn
            if (found := self._best_cut(doc, block, stops(doc, block))) and found[0].size >= least:
                return self._fill_page(*found)
        if self._sheet.text:
            self._end_page()
            return True
        for stops in (cuts.grapheme_stops, cuts.row_stops):
            if found := self._best_cut(doc, block, stops(doc, block)):
                return self._fill_page(*found)
        return self._spill(doc, block, final)

    def _fill_page(self, sheet: Sheet, cut: Cut) -> bool:
        self._take(sheet, cut)
        self._close()
        return True

    def _best_cut(self, doc: Document, block: Block, stops: Sequence[int]) -> tuple[Sheet, Cut] | None:
        """Return the page and the cut at the last stop up to which the block fits; None when nothing of it does."""
        stops = self._real_stops(doc, stops)
        best: tuple[Sheet, Cut] | None = None
        low, high = 0, len(stops)
        while low < high:
            middle = (low + high) // 2
            found = self._sheet_before(doc, cuts.cut_block(doc, block, stops[middle]))
            if self._fits(found[0]):
                best, low = found, middle + 1
            else:
                high = middle
        return best if best and best[0] is not self._sheet else None

    def _real_stops(self, doc: Document, stops: Sequence[int]) -> list[int]:
        """Return the stops in real text: not in the carry, not in what completed a half-written block."""
        return [at for at in stops if self._carried < at < len(doc.source)]

    def _sheet_before(self, doc: Document, cut: Cut) -> tuple[Sheet, Cut]:
        """Return the open page with what stands before a cut of the first block."""
        before = parse(doc.source[: cut.at].rstrip() + cut.closers)
        pieces = [piece for block in before.blocks if (piece := self._render(before, block)).text]
        piece = pieces[0] if len(pieces) == 1 else Piece(GAP.join(piece.text for piece in pieces))
        return self._sheet.plus(piece, self._glue, self._dialect.measure), cut

    def _spill(self, doc: Document, block: Block, final: bool) -> bool:
        """Show as it was written, on a page of its own, what can be cut nowhere.

        Return False if there is but one grapheme, and it may grow.
        """
        text = doc.source[self._carried : block.end]
        if self._at < self._written_to:
            text = doc.source[self._carried :][: self._written_to - self._at]
        bounds = list(grapheme_ends(text[: self._room + LONG]))
        whole = final and bounds[-1] == len(text)
        if len(bounds) > 1 and not whole:
            bounds.pop()  # the last grapheme may be half
        elif not whole and len(text) < LONG:
            return False
        fitting = bisect_right(bounds, self._room, key=lambda end: self._dialect.measure(self._escape(text[:end])))
        end = bounds[max(0, fitting - 1)]
        space = max(text.rfind(" ", 0, end), text.rfind("\n", 0, end)) + 1
        end = space if space > end // 2 else end
        *crumbs, last = self._split_by_chars(self._escape(text[:end])) or [""]
        cut = cuts.cut_block(doc, block, self._carried + end)
        torn = (fin for begin, fin in scan(text).atoms if begin < end < fin)
        self._written_to = max(self._written_to, self._at + next(torn, 0))
        self._closed += (Page(crumb, 0, True) for crumb in crumbs)
        self._take(Sheet(last, "", self._dialect.measure(last)), cut)
        if last:
            self._close()
        return True

    def _split_by_chars(self, text: str) -> list[str]:
        """Split a text into parts that fit a page: itself as a rule, a grapheme longer than a page by code points."""
        parts: list[str] = []
        for char in text.strip():
            char = char if self._dialect.measure(char) <= self._room else "\ufffd"
            if parts and self._dialect.measure(parts[-1] + char) <= self._room:
                parts[-1] += char
            else:
                parts.append(char)
        return parts

    def _escape(self, text: str) -> str:
        return self._dialect.paragraph(self._dialect.text(text))


def _is_noise(source: str) -> bool:
    """Tell whether a text is mostly marks that open something: each costs the parser much, and none has a meaning."""
    return sum(map(source.count, _OPENERS)) > LONG


def _longest_kept(block: Block) -> int:
    return LONG_WHOLE if block.tokens[0].type in ("table_open", "blockquote_open") else LONG


def _filled_end(doc: Document, block: Block) -> int:
    """Return where a block ends, without the blank lines behind it; in code they count."""
    if block.end < len(doc.source) or block.tokens[0].type == "fence":
        return block.end
    return len(doc.source.rstrip())


def _blank_end(doc: Document) -> int:
    """Return up to where a text can be settled that ends in so many blanks that no block goes on behind them; else 0.

    A few stay, as the indent of what follows.
    """
    filled = _filled_end(doc, doc.blocks[-1]) if doc.blocks else 0
    at = len(doc.source) - INDENT
    return at if at - filled > LONG and not doc.source[filled:].strip() else 0


def _count_sure(doc: Document, source: str) -> int:
    """Count the blocks that no more text can change: those before the last one that has a whole line."""
    whole = source.count("\n")
    if doc.blocks and doc.blocks[-1].tokens[0].meta.get(OPEN):
        whole = min(whole, doc.blocks[-1].line)  # without an end it is text, of the paragraph before it
    return max((i for i, block in enumerate(doc.blocks) if block.line < whole), default=0)
