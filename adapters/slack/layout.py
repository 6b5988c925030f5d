"""The look of a message: text and buttons as Block Kit, and plain text for notifications and screen readers.

https://docs.slack.dev/reference/block-kit
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from adapters.common.people import person_id
from adapters.slack.dialect import SlackMarkdown, SlackMrkdwn, escape_entities
from bot.domain.answer_cards import AnswerCard
from bot.domain.controls import Control, about_text, press_id, split_rows
from bot.live.dialect import without_mentions
from bot.ports.surface import Message
from commands.command import BarChart, DataTable

Json = dict[str, Any]

TEXT_CHARS = 10_800  # a message; a markdown block takes 12,000, which Slack counts after expanding the text
HEAD_CHARS = 200  # reserved for a heading above the text
ROOM_CHARS = 9_000  # told to seats, so that a turn with its footer stays in one message
PLAIN_CHARS = 3_900  # `text`; chat.update takes 4,000
LABEL_CHARS = 75
NAME_CHARS = 80
STYLES = {**dict.fromkeys(("stop", "delete", "delete_now", "forget_me"), "danger"), "vote": "primary"}
BUTTONS_PER_ROW = 25
CHART, CHART_BARS, CHART_LABEL_CHARS = "data_visualization", 20, 20
CARD_TITLE_CHARS, CARD_BODY_CHARS = 150, 200
LINK = "link"  # begins the action of a button that only opens an address
TABLE_PAGE = 10  # rows of a table before one pages on; Slack shows 5 where nothing is said

_LINK = re.compile(r"\[([^\[\]]*)\]\([^()\s]*\)")
_MARKS = re.compile(r"\\([^\w\s])|\*\*|__|~~|`|^(?:#{1,6}|>)[ \t]|(?<!\w)[*_](?=\S)|(?<=\S)[*_](?!\w)", re.M)


def build_payload(message: Message, run: str, *, with_title: bool, cards: Sequence[Json] = ()) -> Json:
    """Return `text` and `blocks` of a message. `with_title`: it stands above the text. The end's follows a mention.

    `cards`: blocks between text and buttons.
    """
    blocks: list[Json] = []
    person = person_id(message.to) if message.kind == "end" and message.to else ""
    if person:
        mrkdwn = SlackMrkdwn()
        blocks.append(section_block(f"<@{person}> {mrkdwn.strong(mrkdwn.text(message.title))}"))
        with_title = False
    blocks.append({"type": "markdown", "text": titled_text(message) if with_title else message.text or "…"})
    blocks += [*cards, *button_rows(message.controls, run)]
    return {
        "text": f"<@{person}> {notification_text(message)}" if person else notification_text(message),
        "blocks": blocks,
    }


def card_block(card: AnswerCard, address: str) -> Json:
    """Return an answer as a card. `address`: of its message, "" where that is not known."""
    text = {"title": (f"{card.name} · {card.rank}", CARD_TITLE_CHARS)}
    text |= {"body": (card.beginning, CARD_BODY_CHARS)} if card.beginning else {}
    parts: Json = {
        part: {"type": "mrkdwn", "text": shorten_escaped(SlackMrkdwn().text(said), most)}
        for part, (said, most) in text.items()
    }
    button = {"type": "button", "text": {"type": "plain_text", "text": "Read"}, "url": address}
    read = {"actions": [button | {"action_id": f"{LINK}:{card.lane}"}]} if address else {}
    return {"type": "card", **parts, **read}


def titled_text(message: Message) -> str:
    """Return a message's text under its title."""
    head = title_heading(message.title)
    return f"{head}\n\n{message.text}".strip() or "…"


def title_heading(title: str) -> str:
    dialect = SlackMarkdown()
    return dialect.strong(dialect.text(title[: HEAD_CHARS // 2])) if title else ""


def notification_text(message: Message) -> str:
    """Return the text of a notification: without Markdown, and with mentions and links made harmless."""
    title, text = escape_entities(message.title), escape_entities(without_marks(message.text))
    if message.kind == "turn" and not message.final:
        return shorten_escaped(f"{title} is answering: {text}", PLAIN_CHARS)
    return shorten_escaped(": ".join(part for part in (title, text) if part) or "…", PLAIN_CHARS)


def without_marks(text: str) -> str:
    """Return a text without the marks of Markdown, and links by their words: notifications show them as they are."""
    return without_mentions(_MARKS.sub(r"\1", _LINK.sub(r"\1", text)))


def shorten_escaped(text: str, most: int) -> str:
    """Shorten an escaped text to at most so many characters, with no entity cut in two."""
    if len(text) <= most:
        return text
    kept = text[: most - 1]
    at = kept.rfind("&")
    return (kept[:at] if at >= 0 and ";" not in kept[at:] else kept) + "…"


def section_block(text: str) -> Json:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text}}


def table_block(table: DataTable) -> Json:
    """Return a table that people can page through: https://docs.slack.dev/reference/block-kit/blocks/data-table-block."""
    rows = [[{"type": "raw_text", "text": cell or "–"} for cell in row] for row in table.rows]
    return {"type": "data_table", "caption": table.caption, "rows": rows, "page_size": TABLE_PAGE}


def chart_block(chart: BarChart) -> Json:
    """Return bars: https://docs.slack.dev/reference/block-kit/blocks/data-visualization-block.

    Of more things than it takes, the first; their labels are counted, so that none stands twice.
    """
    labels = [f"{n}. {name}"[:CHART_LABEL_CHARS] for n, name in enumerate(chart.names[:CHART_BARS], 1)]
    series = [
        {"name": kind, "data": [{"label": label, "value": value} for label, value in zip(labels, values, strict=False)]}
        for kind, values in chart.series.items()
    ]
    axes = {"categories": labels, "y_label": chart.unit}
    return {"type": CHART, "title": chart.title, "chart": {"type": "bar", "series": series, "axis_config": axes}}


def markdown_block(text: str) -> Json:
    return {"type": "markdown", "text": text}


def button_rows(controls: Sequence[Control], run: str) -> list[Json]:
    rows = split_rows(controls, BUTTONS_PER_ROW)
    return [{"type": "actions", "elements": [build_button(control, run) for control in row]} for row in rows]


def build_button(control: Control, run: str) -> Json:
    button: Json = {
        "type": "button",
        "action_id": press_id(run, control.action, about_text(control.about)),
        "text": {"type": "plain_text", "text": control.label[:LABEL_CHARS], "emoji": True},
    }
    return button | ({"style": STYLES[control.action]} if control.action in STYLES else {})


def seat_username(title: str) -> str:
    """Return a seat's name as its messages carry it."""
    return " ".join(title.split())[:NAME_CHARS] or "Moot"
