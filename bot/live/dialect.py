"""The Markdown of surfaces: Protocols of dialects, and what dialects share.

A dialect says how each thing is written; `bot.live.render` walks the tree. `CommonMark` writes Markdown again and
is what dialects start from; `Plain` writes text alone, for cells of tables that are drawn by hand.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from typing import Literal, NamedTuple, Protocol
from urllib.parse import urlsplit

import wcwidth

from bot.domain.lane_links import is_lane_link

Align = Literal["", "left", "center", "right"]

_BARE_URL = re.compile(r"https?://[^\s<>*`|\\\[\]]+")
_SPECIAL = re.compile(
    r"[\\`*\[~|]"  # a closing bracket means nothing by itself, and `\[…\]` would be a formula
    r"|(?<![^\W_])_|_(?![^\W_])"  # an underscore inside a word is no emphasis
    r"|<(?=[A-Za-z/!?@#:$])"
    r"|&(?=#?\w+;)"
)
_LINE_START = re.compile(r"(?m)^([ \t]*)([#>=+-]|\d{1,9}(?=[.)](?:\s|$)))")
_ESCAPED = r"\\\g<0>"
_PIPE = re.compile(r"(?<!\\)\|")
_NO_HOST = re.compile(r"[^\w.-]+")
_MENTION = re.compile(r"@(?=everyone|here|channel)|<(?=[@#!:/]|(?:t|id|a):)")
TABLE_WIDTH = 46  # columns of code that a phone shows in one line
_JOINER = "\u2060"  # word joiner: invisible, and no word boundary


class Piece(NamedTuple):
    """A rendered block. Pieces of one long block on one page share the first `head` and the last `foot`."""

    body: str
    head: str = ""
    foot: str = ""

    @property
    def text(self) -> str:
        return self.head + self.body + self.foot


class Table(NamedTuple):
    """Rendered cells; the first of `rows` is the header, `aligns` has one entry a column.

    `plain`: the same cells as text alone, for columns drawn by hand; the rows themselves where there is no difference.
    """

    rows: Sequence[Sequence[str]]
    aligns: Sequence[Align]
    plain: Sequence[Sequence[str]] = ()


class Inline(Protocol):
    """A way to write what stands inside a line. Arguments named `inner` are rendered already."""

    def text(self, text: str) -> str:
        """Write text that must look as it is: escaped, mentions without effect."""
        ...

    def label(self, text: str) -> str:
        """Write text as `text` does, inside the label of a link."""
        ...

    def strong(self, inner: str) -> str: ...

    def emphasis(self, inner: str) -> str: ...

    def strike(self, inner: str) -> str: ...

    def code(self, text: str) -> str: ...

    def link(self, inner: str, url: str) -> str: ...

    def image(self, inner: str, url: str) -> str: ...

    def line_break(self) -> str: ...


class Dialect(Inline, Protocol):
    """A surface's way to write Markdown. Rendering is pure; `measure(a + b) == measure(a) + measure(b)`."""

    def measure(self, text: str) -> int:
        """Return the text's length as the surface counts it against its limit."""
        ...

    def paragraph(self, inner: str) -> str: ...

    def heading(self, level: int, inner: str) -> str: ...

    def rule(self) -> str: ...

    def quote(self, inner: str) -> str: ...

    def item(self, number: int | None, inner: str) -> str:
        """Write a list's item; `number` is None in a bullet list."""
        ...

    def fence(self, code: str, language: str) -> Piece: ...

    def table(self, table: Table) -> Piece: ...

    def footer(self, text: str) -> str:
        """Write a page's last line, small if the surface can, with the line break that sets it apart."""
        ...


class Plain:
    """A style of text alone. A link keeps its target behind its label."""

    def text(self, text: str) -> str:
        return text

    def label(self, text: str) -> str:
        return text

    def strong(self, inner: str) -> str:
        return inner

    def emphasis(self, inner: str) -> str:
        return inner

    def strike(self, inner: str) -> str:
        return inner

    def code(self, text: str) -> str:
        return text

    def link(self, inner: str, url: str) -> str:
        return url if inner in ("", url) else f"{inner} ({url})"

    def image(self, inner: str, url: str) -> str:
        return self.link(inner, url)

    def line_break(self) -> str:
        return "\n"


class CommonMark:
    """The dialect of CommonMark with tables and strikethrough; parsing what it writes gives the same again."""

    def measure(self, text: str) -> int:
        return len(text)

    def text(self, text: str) -> str:
        return change_outside_urls(text, lambda t: _SPECIAL.sub(_ESCAPED, t))

    def label(self, text: str) -> str:
        if _are_pairs(text):  # they need no escape, and two of them would look like a formula
            return self.text(text).replace("\\[", "[")
        return self.text(text).replace("]", "\\]")

    def strong(self, inner: str) -> str:
        return f"**{inner}**"

    def emphasis(self, inner: str) -> str:
        return f"*{inner}*"

    def strike(self, inner: str) -> str:
        return f"~~{inner}~~"

    def code(self, text: str) -> str:
        ticks = "`" * (1 + longest_run(text, "`")) if "`" in text else "`"
        eaten = text.strip() != "" and text[0] == text[-1] == " "  # a parser takes one space off both ends
        pad = " " if eaten or text.startswith("`") or text.endswith("`") else ""
        return f"{ticks}{pad}{text}{pad}{ticks}"

    def link(self, inner: str, url: str) -> str:
        target = url.translate(_TARGET_SAFE)
        return self.text(url) if inner in ("", self.label(url)) else f"[{inner}]({target})"

    def image(self, inner: str, url: str) -> str:
        return self.link(inner, url)

    def line_break(self) -> str:
        return "\\\n"

    def paragraph(self, inner: str) -> str:
        return _LINE_START.sub(_escape_start, inner)

    def heading(self, level: int, inner: str) -> str:
        return f"{'#' * level} {inner}"

    def rule(self) -> str:
        return "---"

    def quote(self, inner: str) -> str:
        return "\n".join(f"> {line}" if line else ">" for line in inner.split("\n"))

    def item(self, number: int | None, inner: str) -> str:
        return hang_indent("- " if number is None else f"{number}. ", inner)

    def fence(self, code: str, language: str) -> Piece:
        ticks = "`" * max(3, longest_run(code, "`") + 1)
        return Piece(code, f"{ticks}{language}\n", f"\n{ticks}")

    def table(self, table: Table) -> Piece:
        header, *rows = map(_format_row, table.rows)
        delimiters = "|".join(map(_delimiter, table.aligns))
        return Piece("\n".join(rows), f"{header}\n|{delimiters}|\n")

    def footer(self, text: str) -> str:
        return f"\n\n_{self.text(text)}_"


_TARGET_SAFE = str.maketrans(
    {"(": "%28", ")": "%29", " ": "%20", "<": "%3C", ">": "%3E", "\\": "%5C", "|": "%7C", "@": "%40"}
)


def _are_pairs(text: str) -> bool:
    """Return whether each square bracket has its partner and none begins a link."""
    depth = 0
    for char in text:
        depth += (char == "[") - (char == "]")
        if depth < 0:
            return False
    return depth == 0 and "](" not in text


def _escape_start(match: re.Match[str]) -> str:
    indent, start = match.groups()
    return f"{indent}{start}\\" if start[0].isdigit() else f"{indent}\\{start}"


def _format_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(_PIPE.sub(_ESCAPED, cell) for cell in cells)} |"


def _delimiter(align: Align) -> str:
    return f"{':' if align in ('left', 'center') else '-'}-{':' if align in ('right', 'center') else '-'}"


def without_mentions(text: str) -> str:
    """Make mentions, commands and time stamps of Discord and Slack text, by an invisible character.

    This is a second lock: the adapters switch mentions off in every request as well.
    """
    return _MENTION.sub(rf"\g<0>{_JOINER}", text)


def has_false_label(label: str, url: str) -> bool:
    """Return whether a link's label reads like another address than the one that it leads to."""
    if is_lane_link(url):  # to another message of the same thread
        return False
    try:
        target = (urlsplit(url).hostname or "").removeprefix("www.")
    except ValueError:
        return True
    seen = "".join(char for char in unicodedata.normalize("NFKC", label) if unicodedata.category(char) != "Cf")
    words = _NO_HOST.split(seen.casefold().replace("\\", ""))
    return any(_is_host(word) and word.strip("._").removeprefix("www.") != target for word in words)


def _is_host(word: str) -> bool:
    *head, last = word.strip("._").split(".")
    return bool(head) and (len(last) > 1 or len(head) == 3) and (not last.isdigit() or len(head) == 3)


def without_fences(code: str) -> str:
    """Break fences inside code, for surfaces that know fences of three backticks only."""
    return code.replace("```", f"`{_JOINER}`{_JOINER}`")


def change_outside_urls(text: str, change: Callable[[str], str]) -> str:
    """Apply `change` to all but bare addresses, which an escape inside would break."""
    parts: list[str] = []
    at = 0
    for url in _BARE_URL.finditer(text):
        parts += (change(text[at : url.start()]), url.group())
        at = url.end()
    return "".join((*parts, change(text[at:])))


def longest_run(text: str, char: str) -> int:
    return max((len(run) for run in re.findall(f"{re.escape(char)}+", text)), default=0)


def hang_indent(marker: str, inner: str) -> str:
    """Write `inner` behind a marker, its further lines indented as deep."""
    indent = " " * len(marker)
    first, *rest = inner.split("\n")
    return "\n".join((marker + first, *(indent + line if line else "" for line in rest)))


def draw_table(table: Table, dialect: Dialect, escape: Callable[[str], str]) -> Piece:
    """Draw a table for surfaces that have none: in columns as code, or as a list where it is too wide for a phone.

    `escape` makes what stands in a fence harmless. East-Asian wide characters count two (Unicode TR 11).
    """
    rows = [[" ".join(cell.split()) for cell in row] for row in table.plain or table.rows]
    widths = [max(_width(cell) for cell in column) for column in zip(*rows, strict=True)]
    if sum(widths) + 2 * (len(widths) - 1) > TABLE_WIDTH:
        return _list_rows(rows[0], table.rows[1:], dialect)
    lines = ["  ".join(map(_pad, row, widths, table.aligns)).rstrip() for row in rows]
    head = escape(f"{lines[0]}\n{'  '.join('─' * w for w in widths)}\n")
    return Piece(escape("\n".join(lines[1:])), f"```\n{head}", "\n```")


def _list_rows(header: Sequence[str], rows: Sequence[Sequence[str]], dialect: Dialect) -> Piece:
    """Write a table's rows as items; each cell stands behind its column's name."""
    names = [dialect.strong(dialect.text(name)) if name else "" for name in header]
    if not rows:
        return Piece(" · ".join(filter(None, names)))
    items = (
        "\n".join(dialect.paragraph(f"{name} {cell or '–'}".strip()) for name, cell in zip(names, row, strict=True))
        for row in rows
    )
    return Piece("\n".join(dialect.item(None, item) for item in items))


def _width(text: str) -> int:
    return max(0, wcwidth.wcswidth(text))


def _pad(text: str, width: int, align: Align) -> str:
    space = width - _width(text)
    left = {"": 0, "left": 0, "center": space // 2, "right": space}[align]
    return " " * left + text + " " * (space - left)


def utf16_length(text: str) -> int:
    """Count UTF-16 code units: two for each code point beyond U+FFFF."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def grapheme_ends(text: str) -> Iterator[int]:
    """Yield the ends of grapheme clusters (Unicode TR 29) in code points; the last is the text's end."""
    at = 0
    for cluster in wcwidth.iter_graphemes(text):
        at += len(cluster)
        yield at
