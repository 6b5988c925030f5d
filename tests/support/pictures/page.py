"""What both looks share: Markdown as HTML, and a page of one width with its caption."""

from __future__ import annotations

import re
from html import escape

from markdown_it import MarkdownIt

CAPTION = (
    "Drawn from what a real run left on a test server of {platform}'s wire; it is not {platform}'s own app. "
    "What the seats say is scripted."
)
_MARKDOWN = MarkdownIt("commonmark", {"breaks": True, "html": False}).enable(["table", "strikethrough"])
_STYLE = """
* { box-sizing: border-box; margin: 0; }
body { font: 15px/1.38 "Liberation Sans", "Noto Color Emoji", sans-serif; overflow-wrap: anywhere; }
p, ul, ol, blockquote, pre, table, h1, h2, h3 { margin: 0 0 6px; } ul, ol { padding-left: 22px; }
h1 { font-size: 21px; } h2 { font-size: 18px; } h3 { font-size: 16px; }
code { font: 13px "Liberation Mono", monospace; border-radius: 4px; padding: 1px 4px; }
pre { padding: 8px; border-radius: 4px; white-space: pre-wrap; } td, th { padding: 3px 8px; text-align: left; }
table { border-collapse: collapse; } blockquote { padding-left: 10px; border-left: 4px solid #8888; }
.bar { padding: 12px 16px; font-weight: bold; } .message { display: flex; gap: 12px; padding: 8px 16px; }
.face { flex: none; width: 38px; height: 38px; color: white; font-size: 18px; text-align: center; line-height: 38px; }
.body { min-width: 0; flex: 1; } .name { font-weight: bold; } .thread { border-top: 1px solid #8884; }
.row { display: flex; flex-wrap: wrap; gap: 8px; margin: 4px 0 6px; } .caption { padding: 14px 16px; font-size: 12px; }
"""
_FACES = ("#5865f2", "#c0392b", "#1f8b4c", "#b9770e", "#7d3c98", "#117a8b", "#616a6b")


def render_markdown(text: str) -> str:
    """Return CommonMark as HTML; line ends are kept, and HTML in it is text."""
    return str(_MARKDOWN.render(text))


def render_face(name: str) -> str:
    """Return a coloured initial, as where no picture is set."""
    return f'<div class="face" style="background: {_FACES[sum(name.encode()) % len(_FACES)]}">{escape(name[:1])}</div>'


def render_page(platform: str, style: str, channel: str, board: str, thread: str, *, width: int) -> str:
    """Return a whole page, `width` pixels wide: a channel with a board, and its thread. The parts are HTML."""
    caption = CAPTION.format(platform=platform)
    look = f"{_STYLE} body {{ width: {width}px; }} .message {{ max-width: 860px; }} {style}"
    return (
        f'<!doctype html><meta charset="utf-8"><style>{look}</style><body><div class="bar"># {escape(channel)}</div>'
        f'{board}<div class="thread"><div class="bar">Thread</div>{thread}</div><div class="caption">{caption}</div>'
    )


def replace_mentions(html: str, names: dict[str, str]) -> str:
    """Show `<@id>`, escaped as HTML, by name."""
    return re.sub(
        r"&lt;@!?(\w+)(?:\|[^&]*)?&gt;",
        lambda found: f'<span class="mention">@{escape(names.get(found[1], found[1]))}</span>',
        html,
    )
