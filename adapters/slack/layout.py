"""How a message looks: its text and buttons as Block Kit, and the plain text that notifications and readers get.

https://docs.slack.dev/reference/block-kit
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from adapters.slack.dialect import SlackMarkdown, entities
from bot.domain.controls import Control, about_text
from bot.ports import Message
from commands.controls import press_id

Json = dict[str, Any]

TEXT_CHARS = 10_800  # of one message; a markdown block takes 12,000, and more room when Slack has expanded it
HEAD_CHARS = 200  # kept for a heading above the text
ROOM_CHARS = 9_000  # what seats are told, so that a turn with its footer stays in one message
PLAIN_CHARS = 3_900  # of `text`; chat.update takes 4,000
LABEL_CHARS = 75
NAME_CHARS = 80
STYLES = {"stop": "danger", "delete": "danger", "vote": "primary"}
BUTTONS_A_ROW = 25


def body(message: Message, run: str, *, headed: bool, foot: str = "") -> Json:
    """`text` and `blocks` of a message. `headed`: its title stands above the text; `foot`: mrkdwn below it."""
    blocks: list[Json] = []
    person = person_id(message.to) if message.kind == "end" and message.to else ""
    if person:
        blocks.append(section(f"<@{person}>"))
    blocks.append({"type": "markdown", "text": headed_text(message) if headed else message.text or "…"})
    if foot:
        blocks.append({"type": "context", "elements": [{"type": "mrkdwn", "text": foot}]})
    blocks += buttons(message.controls, run)
    return {"text": f"<@{person}> {plain(message)}" if person else plain(message), "blocks": blocks}


def headed_text(message: Message) -> str:
    head = heading(message.title)
    return f"{head}\n\n{message.text}".strip() or "…"


def heading(title: str) -> str:
    dialect = SlackMarkdown()
    return dialect.strong(dialect.text(title[: HEAD_CHARS // 2])) if title else ""


def plain(message: Message) -> str:
    """What a notification says, with nothing alive in it."""
    title = entities(message.title)
    if message.kind == "turn" and not message.final:
        return cut(f"{title} is answering: {entities(message.text)}", PLAIN_CHARS)
    return cut(": ".join(part for part in (title, entities(message.text)) if part) or "…", PLAIN_CHARS)


def cut(text: str, most: int) -> str:
    """At most so many characters, with no entity cut in two."""
    if len(text) <= most:
        return text
    kept = text[: most - 1]
    at = kept.rfind("&")
    return (kept[:at] if at >= 0 and ";" not in kept[at:] else kept) + "…"


def section(text: str) -> Json:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def markdown(text: str) -> Json:
    return {"type": "markdown", "text": text}


def buttons(controls: Sequence[Control], run: str) -> list[Json]:
    made = [_button(control, run) for control in controls]
    rows = [made[i : i + BUTTONS_A_ROW] for i in range(0, len(made), BUTTONS_A_ROW)]
    return [{"type": "actions", "elements": row} for row in rows]


def _button(control: Control, run: str) -> Json:
    made: Json = {
        "type": "button",
        "action_id": press_id(run, control.action, about_text(control.about)),
        "text": {"type": "plain_text", "text": control.label[:LABEL_CHARS], "emoji": True},
    }
    return made | ({"style": STYLES[control.action]} if control.action in STYLES else {})


def person_id(key: str) -> str:
    """Slack's id of a person that is known to us as "slack:U1"."""
    return key.partition(":")[2]


def username(title: str) -> str:
    """The name of a seat as its messages carry it."""
    return " ".join(title.split())[:NAME_CHARS] or "Moot"
