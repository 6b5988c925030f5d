"""How a message looks: text and buttons as Discord's components, which hold 4,000 characters of text.

https://discord.com/developers/docs/components/reference
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

import discord
from discord import ui

from bot.domain.controls import Control, about_text
from bot.domain.run import LaneId
from bot.ports import Message
from commands.controls import press_id

TEXT_CHARS = 4_000
HEAD_CHARS = 300  # kept for what stands above and below a text: a heading, a mention, links
ROOM_CHARS = 3_400  # what seats are told, so that a turn with its footer stays in one message
NO_MENTIONS: dict[str, Any] = {"parse": []}
LABEL_CHARS = 80
STYLES = {"stop": discord.ButtonStyle.danger, "delete": discord.ButtonStyle.danger, "vote": discord.ButtonStyle.primary}
BUTTONS_A_ROW = 5


def page_mark(address: str, lane: LaneId, page: int) -> int:
    """By which a page is known again: the id of its text among the message's components, which Discord keeps and gives
    back (https://discord.com/developers/docs/components/reference#anatomy-of-a-component). 31 bits, told apart only
    among the messages of one place."""
    return int(page_key(address, lane, page)[:8], 16) >> 1 or 1


def page_key(address: str, lane: LaneId, page: int) -> str:
    return sha256(f"{address} {lane} {page}".encode()).hexdigest()


def has_mark(raw: Mapping[str, Any], mark: int) -> bool:
    """Whether that message, or a part of one, as Discord tells of it, carries the mark."""
    return raw.get("id") == mark or any(has_mark(part, mark) for part in raw.get("components", ()))


def layout(message: Message, run: str, mark: int, *, head: str = "", foot: str = "") -> ui.LayoutView:
    """The message with its buttons, and the mark of its page. Boards and end cards stand in a box."""
    text = "\n".join(part for part in (head, message.text, foot) if part)[:TEXT_CHARS] or "…"
    parts: list[ui.Item[Any]] = [ui.TextDisplay(text, id=mark), *_rows(message.controls, run)]
    view = ui.LayoutView(timeout=None)
    if message.kind in ("board", "end"):
        view.add_item(ui.Container(*parts))
    else:
        for part in parts:
            view.add_item(part)
    view.stop()  # presses come as raw interactions, by custom_id: discord.py need not remember the view
    return view


def body(message: Message, run: str, mark: int, *, head: str = "", foot: str = "") -> dict[str, Any]:
    """The JSON of a create; of an edit without its flags. Only the end card tells anybody of itself."""
    tells = message.kind == "end" and bool(message.to)
    flags = discord.MessageFlags(components_v2=True, suppress_notifications=not tells)
    mentions: dict[str, Any] = NO_MENTIONS
    if tells:
        person = person_id(message.to)
        head = f"<@{person}>\n{head}".rstrip()
        mentions = {"parse": [], "users": [person]}
    return {
        "components": layout(message, run, mark, head=head, foot=foot).to_components(),
        "flags": flags.value,
        "allowed_mentions": mentions,
    }


def person_id(key: str) -> str:
    """Discord's id of a person that is known to us as "discord:123"."""
    return key.partition(":")[2]


def _rows(controls: Sequence[Control], run: str) -> list[ui.ActionRow[Any]]:
    buttons = [
        ui.Button[Any](
            label=c.label[:LABEL_CHARS],
            style=STYLES.get(c.action, discord.ButtonStyle.secondary),
            custom_id=press_id(run, c.action, about_text(c.about)),
        )
        for c in controls
    ]
    rows = [buttons[i : i + BUTTONS_A_ROW] for i in range(0, len(buttons), BUTTONS_A_ROW)]
    return [ui.ActionRow(*row) for row in rows]
