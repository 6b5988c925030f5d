"""The rendering of the parser's blocks in a dialect."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from markdown_it.token import Token

from bot.live.dialect import Align, Dialect, Inline, Piece, Plain, Table
from bot.live.formulas import write_unicode
from bot.live.markdown import CONTINUED, parse_inline, split_siblings

# the one HTML tag that models write everywhere, in cells above all
_BREAK = re.compile(r"(?<![ \t])[ \t]*+<br\s*+/?>[ \t]*+", re.IGNORECASE)
_PLAIN = Plain()
_TASK = re.compile(r"\[([ xX])\](?=\s)")


def render_block(tokens: Sequence[Token], dialect: Dialect) -> Piece:
    """Render one block, top-level or not; it is empty when there is nothing to see."""
    first = tokens[0]
    match first.type:
        case "paragraph_open":
            return Piece(dialect.paragraph(render_inline(tokens[1], dialect)))
        case "heading_open":
            inner = render_inline(tokens[1], dialect).replace("\n", " ").strip()
            return Piece(dialect.heading(int(first.tag[1:]), inner) if inner else "")
        case "fence" | "code_block":
            return _fence(first.content, first.info, dialect)
        case "math_block":
            return _formula(first.content.replace(CONTINUED, "").strip("\n"), dialect)
        case "hr":
            return Piece(dialect.rule())
        case "blockquote_open":
            inner = render_flow(tokens[1:-1], dialect)
            return Piece(dialect.quote(inner) if inner else "")
        case "bullet_list_open" | "ordered_list_open":
            return Piece(_list(tokens, dialect))
        case "table_open":
            return dialect.table(_table(tokens, dialect))
        case "continued":
            return Piece("")
        case other:  # the parser's set of blocks is closed, its type is a string
            raise AssertionError(f"no such block: {other}")


def render_flow(tokens: Sequence[Token], dialect: Dialect) -> str:
    """Render blocks that follow one another inside a quote or an item."""
    text = ""
    for block in split_siblings(tokens):
        if part := render_block(block, dialect).text.rstrip("\n"):
            text += (_between(block[0]) if text else "") + part
    return text


def render_inline(token: Token, style: Inline) -> str:
    """Render the inline content of a paragraph, heading or cell."""
    return render_spans(token.children or parse_inline(token.content), style).strip()


def render_spans(tokens: Iterable[Token], style: Inline) -> str:
    """Render inline tokens, without recursion, whatever the nesting."""
    open_: list[list[str]] = [[]]
    urls: list[str] = []
    plain = ""  # neighbouring texts, so that escaping sees what stands beside a character
    for token in tokens:
        if token.type in ("text", "text_special"):
            plain += token.content
            continue
        open_[-1].append(_render_text(plain, style, in_label=bool(urls)))
        plain = ""
        if token.nesting == 1:
            open_.append([])
            urls += [str(token.attrs["href"])] if token.type == "link_open" else []
        elif token.nesting == -1:
            inner = "".join(open_.pop())
            open_[-1].append(_close_span(token, inner, urls, style))
        else:
            open_[-1].append(_render_leaf(token, style))
    open_[-1].append(_render_text(plain, style, in_label=bool(urls)))
    return "".join("".join(parts) for parts in open_)


def _render_text(text: str, style: Inline, *, in_label: bool) -> str:
    lines = _BREAK.split(text.replace(CONTINUED, ""))
    return style.line_break().join(map(style.label if in_label else style.text, lines))


def _close_span(token: Token, inner: str, urls: list[str], style: Inline) -> str:
    match token.type:
        case "link_close":
            return style.link(inner, urls.pop())
        case "strong_close":
            return style.strong(inner) if inner.strip() else inner
        case "em_close":
            return style.emphasis(inner) if inner.strip() else inner
        case "s_close":
            return style.strike(inner) if inner.strip() else inner
        case other:
            raise AssertionError(f"no such span: {other}")


def _render_leaf(token: Token, style: Inline) -> str:
    match token.type:
        case "softbreak":
            return "\n"
        case "hardbreak":
            return style.line_break()
        case "math_inline" if (formula := write_unicode(token.content.replace(CONTINUED, ""))) is not None:
            return style.text(formula)
        case "code_inline" | "math_inline":
            code = " ".join(token.content.replace(CONTINUED, "").split("\n"))
            return style.code(code) if code else ""
        case "image":
            return style.image(render_spans(token.children or (), style), str(token.attrs["src"]))
        case other:
            raise AssertionError(f"no such span: {other}")


def _fence(code: str, info: str, dialect: Dialect) -> Piece:
    code = code.removesuffix("\n").replace(CONTINUED, "")
    language = re.sub(r"[^\w+#.-]", "", info.split()[0]) if info.strip() else ""
    return dialect.fence(code, language) if code.strip() else Piece("")


def _formula(tex: str, dialect: Dialect) -> Piece:
    lines = [write_unicode(line) for line in tex.split("\n")]
    if None in lines:
        return _fence(tex, "latex", dialect)
    return _fence("\n".join(line for line in lines if line), "", dialect)


def _list(tokens: Sequence[Token], dialect: Dialect) -> str:
    number = int(tokens[0].attrs.get("start", 1)) if tokens[0].type == "ordered_list_open" else None
    items: list[str] = []
    for item in split_siblings(tokens[1:-1]):
        inner = render_flow(item[1:-1], dialect)
        if not _is_continued(item):
            items.append(dialect.item(number, _with_task(item, inner)))
        elif inner:
            items.append(inner)  # on this page it has no marker, and nothing to hang from
        number = None if number is None else number + 1
    return "\n".join(items)


def _is_continued(item: Sequence[Token]) -> bool:
    return len(item) > 2 and (item[1].type == "continued" or item[2].content.startswith(CONTINUED))


def _with_task(item: Sequence[Token], inner: str) -> str:
    task = _TASK.match(item[2].content) if len(item) > 3 and item[1].type == "paragraph_open" else None
    if task is None:
        return inner
    return f"{'☐' if task[1] == ' ' else '☑'} {inner[inner.index(']') + 1 :].lstrip()}"


def _between(following: Token) -> str:
    """Return the lines between two blocks.

    A list or fence may follow at once; a paragraph would run on, and so would a list that starts late.
    """
    if following.type == "ordered_list_open" and following.attrs.get("start", 1) != 1:
        return "\n\n"
    return "\n" if following.type in ("bullet_list_open", "ordered_list_open", "fence") else "\n\n"


def _table(tokens: Sequence[Token], dialect: Dialect) -> Table:
    rows: list[list[str]] = []
    plain: list[list[str]] = []
    aligns: list[Align] = []
    for i, token in enumerate(tokens):
        if token.type == "tr_open":
            rows.append([])
            plain.append([])
        elif token.type in ("th_open", "td_open"):
            spans = tokens[i + 1].children or parse_inline(tokens[i + 1].content)
            rows[-1].append(_cell(spans, dialect))
            plain[-1].append(_cell(spans, _PLAIN))
            if token.type == "th_open":
                aligns.append(_align(str(token.attrs.get("style", ""))))
    return Table(rows, aligns, plain)


def _cell(spans: Sequence[Token], style: Inline) -> str:
    return " ".join(render_spans(spans, style).replace("\\\n", " ").split())


def _align(style: str) -> Align:
    match style.removeprefix("text-align:"):
        case "left":
            return "left"
        case "center":
            return "center"
        case "right":
            return "right"
        case _:
            return ""
