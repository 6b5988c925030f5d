"""The look of a message: text and buttons as Discord's components, which hold 4,000 characters of text.

https://discord.com/developers/docs/components/reference
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Any

import discord
from discord import ui

from adapters.common.people import person_id
from bot.domain.controls import Control, about_text, press_id, split_rows
from bot.domain.run import LaneId
from bot.ports.surface import Message

TEXT_CHARS = 4_000
HEAD_CHARS = 300  # reserved for what is not counted with a text: a heading, a mention, the addresses of links
ROOM_CHARS = 3_400  # told to seats, so that a turn with its footer stays in one message
NO_MENTIONS: dict[str, Any] = {"parse": []}
LABEL_CHARS = 80
STYLES = {
    **dict.fromkeys(("stop", "delete", "delete_now", "forget_me"), discord.ButtonStyle.danger),
    "vote": discord.ButtonStyle.primary,
}
BUTTONS_PER_ROW = 5


def page_mark(address: str, lane: LaneId, page: int) -> int:
    """Return the mark by which a page is found again: 31 bits, unique enough among the messages of one place.

    It is the id of the text component, which Discord keeps and gives back
    (https://discord.com/developers/docs/components/reference#anatomy-of-a-component).
    """
    return int(page_key(address, lane, page)[:8], 16) >> 1 or 1


def page_key(address: str, lane: LaneId, page: int) -> str:
    """Return a digest that names one page of a run."""
    return sha256(f"{address} {lane} {page}".encode()).hexdigest()


def has_mark(raw: Mapping[str, Any], mark: int) -> bool:
    """Return whether a message, or a component of one, carries the mark. `raw`: Discord's JSON."""
    return raw.get("id") == mark or any(has_mark(part, mark) for part in raw.get("components", ()))


def build_layout(message: Message, run: str, mark: int, *, head: str = "") -> ui.LayoutView:
    """Return the components of a message: its text under `mark`, and its buttons. Boards and end cards have a frame."""
    text = "\n".join(part for part in (head, message.text) if part)[:TEXT_CHARS] or "…"
    parts: list[ui.Item[Any]] = [ui.TextDisplay(text, id=mark), *_button_rows(message.controls, run)]
    view = ui.LayoutView(timeout=None)
    if message.kind in ("board", "end"):
        view.add_item(ui.Container(*parts))
    else:
        for part in parts:
            view.add_item(part)
    view.stop()  # presses are read from raw interactions, by custom_id: discord.py need not remember the view
    return view


def build_body(message: Message, run: str, mark: int, *, head: str = "") -> dict[str, Any]:
    """Return the JSON that creates a message; an edit takes it without `flags`. Only the end card notifies anybody."""
    notifies = message.kind == "end" and bool(message.to)
    flags = discord.MessageFlags(components_v2=True, suppress_notifications=not notifies)
    mentions: dict[str, Any] = NO_MENTIONS
    if notifies:
        person = person_id(message.to)
        head = f"<@{person}> {head}".rstrip()
        mentions = {"parse": [], "users": [person]}
    return {
        "components": build_layout(message, run, mark, head=head).to_components(),
        "flags": flags.value,
        "allowed_mentions": mentions,
    }


def build_buttons(controls: Sequence[Control], run: str) -> ui.View:
    """Return buttons as they stand under a plain message."""
    view = ui.View(timeout=None)
    for button in _make_buttons(controls, run):
        view.add_item(button)
    view.stop()  # as in `build_layout`
    return view


def _button_rows(controls: Sequence[Control], run: str) -> list[ui.ActionRow[Any]]:
    return [ui.ActionRow(*_make_buttons(row, run)) for row in split_rows(controls, BUTTONS_PER_ROW)]


def _make_buttons(controls: Sequence[Control], run: str) -> list[ui.Button[Any]]:
    return [
        ui.Button[Any](
            label=c.label[:LABEL_CHARS],
            style=STYLES.get(c.action, discord.ButtonStyle.secondary),
            custom_id=press_id(run, c.action, about_text(c.about)),
        )
        for c in controls
    ]
