"""A thread in Slack's look, from the messages of the wire server."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape, unescape
from typing import Any

from tests.servers.slack.world import Message
from tests.support.pictures.page import render_face, render_markdown, render_page, replace_mentions

STYLE = """
body { background: white; color: #1d1c1d; } .bar { border-bottom: 1px solid #ddd; } a { color: #1264a3; }
.face { border-radius: 8px; } .app { background: #e8e8e8; color: #616061; font-size: 10px; padding: 1px 4px;
border-radius: 2px; margin-left: 5px; } code, pre { background: #f6f6f6; border: 1px solid #ddd; color: #c01343; }
.mention { color: #1264a3; background: #e8f2fa; border-radius: 3px; padding: 0 2px; } td, th { border: 1px solid #ddd; }
.context, .caption { font-size: 12px; color: #616061; } .button { border: 1px solid #bbb; border-radius: 8px;
padding: 5px 12px; font-size: 14px; font-weight: bold; }
.card { border: 1px solid #ddd; border-radius: 8px; padding: 8px 12px; margin: 6px 0; }
.primary { background: #007a5a; color: white; } .danger { color: #e01e5a; border-color: #e01e5a; }
"""
_LINK = re.compile(r"<([^@!#|>][^|>]*)\|([^>]*)>")
_BOLD = re.compile(r"(?<!\*)\*([^*\n]+)\*(?!\*)")


def draw_slack(board: Message, thread: Sequence[Message], names: dict[str, str], *, width: int) -> str:
    """Return a page with a board and its thread; `names`: people by their ids."""
    shown = "".join(map(_draw_message, thread))
    return replace_mentions(render_page("Slack", STYLE, "hall", _draw_message(board), shown, width=width), names)


def _draw_message(message: Message) -> str:
    name = message.username or "Moot"
    plain = render_markdown(message.text) if message.stream else _draw_mrkdwn(message.text)
    inside = "".join(map(_draw_block, message.blocks)) or plain
    head = f'<span class="name">{escape(name)}</span><span class="app">APP</span>'
    return f'<div class="message">{render_face(name)}<div class="body">{head}{inside}</div></div>'


def _draw_block(block: dict[str, Any]) -> str:
    match block["type"]:
        case "markdown":
            return render_markdown(block["text"])
        case "section" | "header":
            return _draw_text(block["text"])
        case "context":
            return f'<div class="context">{"".join(map(_draw_text, block["elements"]))}</div>'
        case "actions":
            return f'<div class="row">{"".join(map(_draw_button, block["elements"]))}</div>'
        case "data_table":
            rows = "".join(f"<tr>{''.join(map(_draw_cell, row))}</tr>" for row in block["rows"])
            return f"<table>{rows}</table>"
        case "card":
            body = _draw_text(block["body"]) if "body" in block else ""
            buttons = "".join(map(_draw_button, block.get("actions") or []))
            head = f'<div class="name">{_draw_text(block["title"])}</div>'
            return f'<div class="card">{head}{body}<div class="row">{buttons}</div></div>'
        case "container":
            note = _draw_text(block["subtitle"]) if "subtitle" in block else ""
            inside = "" if block.get("default_collapsed") else "".join(map(_draw_block, block["child_blocks"]))
            return f'<div class="card"><div class="name">▸ {escape(block["title"]["text"])}</div>{note}{inside}</div>'
        case "divider":
            return "<hr>"
        case other:
            raise ValueError(f"block {other} is not drawn yet")


def _draw_text(text: dict[str, Any]) -> str:
    return _draw_mrkdwn(text["text"]) if text["type"] == "mrkdwn" else f"<p>{escape(text['text'])}</p>"


def _draw_mrkdwn(text: str) -> str:
    """Return Slack's older Markdown as HTML: its bold and its links are written otherwise."""
    return render_markdown(unescape(_BOLD.sub(r"**\1**", _LINK.sub(r"[\2](\1)", text))))


def _draw_cell(cell: dict[str, Any]) -> str:
    return f"<td>{escape(cell['text'])}</td>"


def _draw_button(element: dict[str, Any]) -> str:
    return f'<span class="button {element.get("style", "")}">{escape(element["text"]["text"])}</span>'
