"""A thread in Discord's look, from the messages of the wire server."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html import escape
from typing import Any

from tests.servers.discord import Message
from tests.support.pictures.page import render_face, render_markdown, render_page, replace_mentions

STYLE = """
body { background: #313338; color: #dbdee1; } .bar { background: #2b2d31; color: #f2f3f5; } a { color: #00a8fc; }
.face { border-radius: 50%; } .name { color: #f2f3f5; } .app { background: #5865f2; color: white; font-size: 10px;
padding: 1px 4px; border-radius: 3px; margin-left: 5px; } code, pre { background: #1e1f22; } .mention { color: #c9cdfb;
background: #3c4270; border-radius: 3px; padding: 0 2px; } .sub { font-size: 12px; color: #949ba4; } .caption { color:
#949ba4; } .box { background: #2b2d31; border: 1px solid #3f4147; border-radius: 8px; padding: 12px; margin-top: 4px; }
.button { background: #4e5058; color: white; border-radius: 8px; padding: 7px 14px; font-size: 14px; }
.select { background: #1e1f22; border-radius: 8px; padding: 9px 12px; flex: 1; color: #949ba4; }
"""
COLOURS = {1: "#5865f2", 3: "#248046", 4: "#da373c"}  # of a button, by its style
_SUBTEXT = re.compile(r"^-# (.*)$", re.M)


def draw_discord(board: Message, thread: Sequence[Message], names: dict[str, str], *, width: int) -> str:
    """Return a page with a board and its thread; `names`: people by their ids."""
    shown = "".join(_draw_message(m) for m in thread if m.components or m.content)
    page = render_page("Discord", STYLE, "general", _draw_message(board), shown, width=width)
    return replace_mentions(page, names)


def _draw_message(message: Message) -> str:
    name = message.author.name
    reactions = "".join(f'<span class="button">{e} {len(by)}</span>' for e, by in message.reactions.items() if by)
    inside = _draw_text(message.content) + "".join(map(_draw_component, message.components))
    head = f'<span class="name">{escape(name)}</span><span class="app">APP</span>'
    body = f'<div class="body">{head}{inside}<div class="row">{reactions}</div></div>'
    return f'<div class="message">{render_face(name)}{body}</div>'


def _draw_component(component: dict[str, Any]) -> str:
    inner = "".join(map(_draw_component, component.get("components") or []))
    match component["type"]:
        case 10:
            return _draw_text(component["content"])
        case 17:
            return f'<div class="box">{inner}</div>'
        case 1:
            return f'<div class="row">{inner}</div>'
        case 9:
            return f'<div class="row"><div class="body">{inner}</div>{_draw_component(component["accessory"])}</div>'
        case 2:
            emoji = (component.get("emoji") or {}).get("name", "")
            label = escape(f"{emoji} {component.get('label', '')}".strip())
            return f'<span class="button" style="background: {COLOURS.get(component["style"], "")}">{label}</span>'
        case 3:
            return f'<span class="select">{escape(component.get("placeholder") or "Make a selection")} ▾</span>'
        case 14:
            return "<hr>"
        case other:
            raise ValueError(f"component {other} is not drawn yet")


def _draw_text(text: str) -> str:
    """Return Discord's Markdown as HTML: `-# ` begins a line of small print."""
    parts = _SUBTEXT.split(text)
    return "".join(
        f'<div class="sub">{render_markdown(part)}</div>' if number % 2 else render_markdown(part)
        for number, part in enumerate(parts)
    )
