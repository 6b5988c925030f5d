"""Markdown as HTML that asks nothing of the network: text is escaped, pictures are links, code is coloured."""

from __future__ import annotations

import re
from functools import lru_cache
from html import escape
from urllib.parse import urlsplit

from pygments import highlight
from pygments.formatters.html import HtmlFormatter
from pygments.lexer import Lexer
from pygments.lexers import get_lexer_by_name

from bot.live.dialect import Piece, Table, has_false_label
from bot.live.markdown import clean, parse
from bot.live.render import render_block

MAX_COLOURED_CHARS = 8_000  # of one block of code; a longer one is shown plain
LANGUAGES = {  # as models name them → lexers of pygments; some others take a time that grows with the square of a line
    name: lexer
    for lexer, names in {
        "bash": "bash sh shell zsh console",
        "c": "c h",
        "cpp": "cpp c++ cc hpp",
        "csharp": "csharp cs c#",
        "css": "css",
        "diff": "diff patch",
        "docker": "dockerfile docker",
        "go": "go golang",
        "html": "html",
        "ini": "ini cfg",
        "javascript": "javascript js jsx mjs",
        "json": "json",
        "kotlin": "kotlin kt",
        "lua": "lua",
        "php": "php",
        "python": "python py python3",
        "ruby": "ruby rb",
        "rust": "rust rs",
        "sql": "sql sqlite postgresql",
        "swift": "swift",
        "toml": "toml",
        "typescript": "typescript ts tsx",
        "xml": "xml svg",
        "yaml": "yaml yml",
    }.items()
    for name in names.split()
}
_URL = re.compile(r"https?://[^\s<>\"'`|\\]+")
_FORMATTER = HtmlFormatter(nowrap=True)


class PageDialect:
    """The dialect of HTML. `sources` gathers the addresses that it has linked, in order."""

    def __init__(self) -> None:
        self.sources: dict[str, None] = {}

    def measure(self, text: str) -> int:
        return len(text)

    def text(self, text: str) -> str:
        parts: list[str] = []
        at = 0
        for found in _URL.finditer(text):
            url = found.group().rstrip(".,;:!?)]}…")
            parts += (escape(text[at : found.start()]), self.link(escape(url), url))
            at = found.start() + len(url)
        return "".join((*parts, escape(text[at:])))

    def label(self, text: str) -> str:
        return escape(text)

    def strong(self, inner: str) -> str:
        return f"<strong>{inner}</strong>"

    def emphasis(self, inner: str) -> str:
        return f"<em>{inner}</em>"

    def strike(self, inner: str) -> str:
        return f"<s>{inner}</s>"

    def code(self, text: str) -> str:
        return f"<code>{escape(text)}</code>"

    def link(self, inner: str, url: str) -> str:
        """Write a link to the web; of any other address the label alone."""
        if not is_web_address(url):
            return inner or escape(url)
        self.sources[url] = None
        shown = f"{inner} ({escape(url)})" if has_false_label(inner, url) else inner or escape(url)
        return f'<a href="{escape(url)}" rel="noreferrer noopener nofollow">{shown}</a>'

    def image(self, inner: str, url: str) -> str:
        return self.link(inner or "picture", url)

    def line_break(self) -> str:
        return "<br>"

    def paragraph(self, inner: str) -> str:
        return f"<p>{inner}</p>"

    def heading(self, level: int, inner: str) -> str:
        below = min(6, level + 3)  # the page's own headings end at the third level
        return f"<h{below}>{inner}</h{below}>"

    def rule(self) -> str:
        return "<hr>"

    def quote(self, inner: str) -> str:
        return f"<blockquote>{inner}</blockquote>"

    def item(self, number: int | None, inner: str) -> str:
        whole = f"<p>{inner}" if inner.startswith(("☐ ", "☑ ")) else inner  # the box took the place of the tag
        return f"<ul><li>{whole}</li></ul>" if number is None else f'<ol><li value="{number}">{whole}</li></ol>'

    def fence(self, code: str, language: str) -> Piece:
        name = f'<span class="language">{escape(language)}</span>' if language else ""
        return Piece(_colour(code, language), f'<figure class="code">{name}<pre><code>', "</code></pre></figure>")

    def table(self, table: Table) -> Piece:
        head, *rows = (
            "".join(f'<{cell} class="{align}">{inner}</{cell}>' for inner, align in zip(row, table.aligns, strict=True))
            for row, cell in zip(table.rows, ("th", *["td"] * len(table.rows)), strict=False)
        )
        body = "".join(f"<tr>{row}</tr>" for row in rows)
        return Piece(body, f'<div class="table"><table><thead><tr>{head}</tr></thead><tbody>', "</tbody></table></div>")

    def footer(self, text: str) -> str:
        return f"<footer>{escape(text)}</footer>"


def render_html(source: str, dialect: PageDialect) -> str:
    """Return Markdown as HTML. Whatever the text is, only tags of `PageDialect` come out."""
    blocks = (render_block(block.tokens, dialect).text for block in parse(clean(source)).blocks)
    whole = "\n".join(filter(None, blocks))  # each item comes as a list of its own, and neighbours are one list
    return whole.replace("</ul>\n<ul>", "\n").replace("</ol>\n<ol>", "\n")


def is_web_address(url: str) -> bool:
    try:
        return urlsplit(url).scheme in ("http", "https") and bool(urlsplit(url).hostname)
    except ValueError:
        return False


def write_code_style(light: str, dark: str) -> str:
    """Return the style sheet of coloured code in these two styles of pygments."""
    sheets = [HtmlFormatter(style=style).get_style_defs(".code code") for style in (light, dark)]
    plain, night = ("\n".join(line for line in sheet.splitlines() if ".code code ." in line) for sheet in sheets)
    return f"{plain}\n@media screen and (prefers-color-scheme: dark) {{\n{night}\n}}"


def _colour(code: str, language: str) -> str:
    name = LANGUAGES.get(language.lower())
    if name is None or len(code) > MAX_COLOURED_CHARS:
        return escape(code)
    coloured: str = highlight(code, _find_lexer(name), _FORMATTER)
    return coloured.removesuffix("\n")


@lru_cache(maxsize=len(LANGUAGES))
def _find_lexer(name: str) -> Lexer:
    return get_lexer_by_name(name, stripnl=False, ensurenl=False)
