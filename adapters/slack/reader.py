"""Messages of Slack as people saw them: names instead of ids, links with their words, and all that they carry. Pure.

https://docs.slack.dev/messaging/formatting-message-text,
https://docs.slack.dev/reference/block-kit/blocks, https://docs.slack.dev/legacy/legacy-messaging/legacy-secondary-message-attachments
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from adapters.common.quotes import MAX_DEPTH, Content, describe_time, join_contents, one_line, quote_message
from bot.text import clean_text, has_signs, join_blocks

Json = Mapping[str, Any]

# blocks and elements that hold no words of a message
CONTROLS = ("actions", "context_actions", "input", "button", "overflow", "divider")
TABLES = ("table", "data_table")
# where blocks keep further blocks, elements and text objects, in the order in which they are read
PARTS = (
    "title",
    "subtitle",
    "text",
    "body",
    "description",
    "fields",
    "elements",
    "rows",
    "blocks",
    "children",
    "cards",
)

NO_PREVIEW = "[no preview available]"  # what Slack says instead of a message of another, private place

MARKS = {"code": "`", "strike": "~", "italic": "_", "bold": "*"}  # by the name of a style
_ANGLES = re.compile(r"<([^<>\n]{1,3000})>")
_MENTION = re.compile(r"<([@#][A-Z0-9]{1,30}(?:\|[^<>|\n]{0,100})?)>")
_SCHEME = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]{0,30}:\S")
_ENTITIES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))  # the ampersand last


@dataclass(frozen=True, slots=True)
class SlackNames:
    """SlackNames by id, as far as the person who wrote may know them."""

    users: Mapping[str, str] = field(default_factory=dict)
    channels: Mapping[str, str] = field(default_factory=dict)


def find_unnamed(texts: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the ids of people and of channels that texts mention without a name."""
    marks = [mark for text in texts for mark in _ANGLES.findall(text) if not mark.partition("|")[2]]
    ids = [dict.fromkeys(m[1:].partition("|")[0] for m in marks if m[0] == sign) for sign in "@#"]
    return list(ids[0]), list(ids[1])


def read_mrkdwn(text: str, names: SlackNames) -> str:
    """Return a text as people saw it, from Slack's escaped form."""
    parts = _ANGLES.split(text)  # what is in angles stands at the odd places
    return clean_text("".join(_read_mark(part, names) if n % 2 else _unescape(part) for n, part in enumerate(parts)))


def read_typed(text: str, names: SlackNames) -> str:
    """Return a text that is not escaped, with names for mentions of people and channels."""
    return clean_text(_MENTION.sub(lambda mark: _read_mark(mark[1], names), text))


def _read_mark(mark: str, names: SlackNames) -> str:
    value, _, label = mark.partition("|")
    label = _unescape(label)
    match value[:1]:
        case "@":
            return f"@{(label or names.users.get(value[1:], 'unknown')).removeprefix('@')}"
        case "#":
            return f"#{(label or names.channels.get(value[1:], 'private-channel')).removeprefix('#')}"
        case "!":
            return _read_special(value[1:], label)
    if not _SCHEME.match(value):
        return f"<{_unescape(mark)}>"
    url = _unescape(value)
    bare = url.removeprefix("mailto:").removeprefix("tel:")
    is_same = label.rstrip("/") in (url.rstrip("/"), bare, url.partition("://")[2].rstrip("/"))
    return bare if not label or is_same else f"{label} ({url})"


def _read_special(value: str, label: str) -> str:
    kind, *rest = value.split("^")
    if kind == "date" and rest:
        return label or _read_ts(rest[0]) or "a date"
    if kind == "subteam":
        return f"@{(label or 'a user group').removeprefix('@')}"
    return f"@{(label or kind).removeprefix('@')}"


def _unescape(text: str) -> str:
    for entity, char in _ENTITIES:
        text = text.replace(entity, char)
    return text


def _escape(text: str) -> str:
    for entity, char in reversed(_ENTITIES):
        text = text.replace(char, entity)
    return text


def _objects(value: Any) -> Iterator[Json]:
    """Yield the objects of a list, whatever else stands in it or instead of it."""
    yield from (part for part in value if isinstance(part, Mapping)) if isinstance(value, list | tuple) else ()


def read_event(raw: Json, names: SlackNames, depth: int = 0) -> Content:
    """Return what a message holds, with those that are shared in it."""
    text, shown = str(raw.get("text") or ""), join_blocks(*_walk(_objects(raw.get("blocks"))))
    tables = join_blocks(*_walk(list_tables(raw)))
    if raw.get("bot_id") or not has_signs(text):  # an app's `text` only stands in for its blocks
        text, tables = shown or text, ""
    text, files = read_mrkdwn(text, names).strip(), tuple(_objects(raw.get("files")))
    pictures = tuple(_list_pictures(_objects(raw.get("blocks"))))
    own = Content(text if has_signs(text) else "", read_mrkdwn(tables, names), files, pictures)
    if depth >= MAX_DEPTH:
        return own
    return join_contents(own, *(_quote_attachment(a, names, depth + 1) for a in _objects(raw.get("attachments"))))


def list_tables(raw: Json) -> list[Json]:
    """Return the blocks of a message that its text says nothing of: tables that somebody has pasted."""
    return [block for block in _objects(raw.get("blocks")) if block.get("type") in TABLES]


def shown_texts(raw: Json) -> Iterator[str]:
    """Yield every text in a message, also in those that it carries, to find what it mentions."""
    yield str(raw.get("text") or "")
    yield from _walk(_objects(raw.get("blocks")))
    for attachment in _objects(raw.get("attachments")):
        yield _attachment_text(attachment)
        yield from shown_texts({"attachments": attachment.get("attachments")})


def _quote_attachment(attachment: Json, names: SlackNames, depth: int) -> Content:
    """Return a shared message, an alert or the preview of a link as a quotation."""
    files = tuple(_objects(attachment.get("files")))
    text = _attachment_text(attachment)
    unread = ["a picture in an attachment"] if attachment.get("image_url") else []
    if not text and attachment.get("is_msg_unfurl"):
        unread = ["a shared message that Slack does not show here"]
    inner = Content(read_mrkdwn(text, names), "", files, tuple(unread))
    if depth < MAX_DEPTH:
        more = _objects(attachment.get("attachments"))
        inner = join_contents(inner, *(_quote_attachment(a, names, depth + 1) for a in more))
    who = str(attachment.get("author_name") or attachment.get("author_subname") or attachment.get("service_name") or "")
    channel = str(attachment.get("channel_name") or "")
    who = f"{who} in #{channel}" if who and channel else who
    return quote_message(inner, read_mrkdwn(who, SlackNames()), _read_ts(attachment.get("ts")), map(file_name, files))


def _attachment_text(attachment: Json) -> str:
    title, link = one_line(str(attachment.get("title") or "")), str(attachment.get("title_link") or "")
    shared = [
        _objects((held.get("message") or {}).get("blocks")) for held in _objects(attachment.get("message_blocks"))
    ]
    blocks = join_blocks(*_walk([*_objects(attachment.get("blocks")), *(block for held in shared for block in held)]))
    fields = [
        f"{one_line(str(f.get('title') or ''))}: {f.get('value') or ''}" for f in _objects(attachment.get("fields"))
    ]
    lines = [
        str(attachment.get("pretext") or ""),
        f"<{link}|{title}>" if title and link else title,
        str(attachment.get("text") or "") if not blocks or not shared else "",
        *fields,
        blocks,
        str(attachment.get("footer") or ""),
    ]
    text = "\n".join(line for line in lines if line.strip(" :"))
    fallback = str(attachment.get("fallback") or "")
    return text or (fallback if fallback != NO_PREVIEW else "")


def _read_ts(ts: Any) -> str:
    try:
        return describe_time(float(ts)) if ts else ""
    except (TypeError, ValueError):
        return ""


def file_name(file: Json) -> str:
    """Return what a file is called, on one line."""
    return one_line(str(file.get("name") or file.get("title") or "file"))


def _list_pictures(blocks: Iterable[Json]) -> Iterator[str]:
    for block in blocks:
        if block.get("type") == "image":
            told = one_line(str(block.get("alt_text") or ""))
            yield f"a picture in a block (“{told}”)" if told else "a picture in a block"


def _walk(parts: Iterable[Any], depth: int = 0) -> Iterator[str]:
    """Yield the texts of blocks in the order in which they are read, in Slack's escaped form."""
    for part in parts:
        if isinstance(part, list | tuple) and depth < 10:
            yield from _walk(part, depth + 1)
        if not isinstance(part, Mapping) or part.get("type") in CONTROLS:
            continue
        match part.get("type"):
            case "rich_text":
                inner = (_read_rich(element).strip("\n") for element in _objects(part.get("elements")))
                yield "\n".join(filter(None, inner))
            case "raw_text" | "raw_number":
                yield _escape(str(part.get("text") or part.get("value", "")))
            case "table" | "data_table":
                rows = [" | ".join(map(_read_cell, row)) for row in part.get("rows") or () if isinstance(row, list)]
                yield "\n".join(filter(None, [_escape(str(part.get("caption") or "")), *rows]))
            case _:
                for key in PARTS:
                    value = part.get(key)
                    if isinstance(value, str) and key == "text":
                        yield value
                    elif isinstance(value, Mapping | list) and depth < 10:
                        yield from _walk([value], depth + 1)


def _read_cell(cell: Any) -> str:
    return " ".join(" ".join(_walk([cell])).split())


def _read_rich(part: Json) -> str:
    """Return a part of rich text: a section, list, quote or code, as Slack would write it in `text`."""
    inner = list(_objects(part.get("elements")))
    match part.get("type"):
        case "rich_text_list":
            first, space = int(part.get("offset") or 0) + 1, "    " * int(part.get("indent") or 0)
            marks = (f"{n}." if part.get("style") == "ordered" else "•" for n in range(first, first + len(inner)))
            return "\n".join(f"{space}{mark} {_read_rich(item)}" for mark, item in zip(marks, inner, strict=True))
        case "rich_text_preformatted":
            return f"```\n{''.join(map(_read_element, inner))}\n```"
        case "rich_text_quote":
            return "&gt; " + "".join(map(_read_element, inner)).strip("\n").replace("\n", "\n&gt; ")
        case _:
            return "".join(map(_read_element, inner))


def _mark_text(text: str, style: Json) -> str:
    """Return text with Slack's marks for its style: what is struck out was not meant."""
    words = text.strip()
    for name, mark in MARKS.items():
        if style.get(name) and words and "\n" not in words:
            text = text.replace(words, f"{mark}{words}{mark}")
            words = text.strip()
    return text


def _read_element(part: Json) -> str:
    match part.get("type"):
        case "text":
            return _mark_text(_escape(str(part.get("text") or "")), part.get("style") or {})
        case "link":
            label = _escape(str(part.get("text") or ""))
            return f"<{_escape(str(part.get('url') or ''))}{'|' if label else ''}{label}>"
        case "user":
            return f"<@{part.get('user_id')}>"
        case "channel":
            return f"<#{part.get('channel_id')}>"
        case "usergroup":
            return "<!subteam>"
        case "broadcast":
            return f"<!{part.get('range')}>"
        case "emoji":
            return f":{part.get('name')}:"
        case "date":
            return _escape(str(part.get("fallback") or describe_time(float(part.get("timestamp") or 0))))
        case "color":
            return _escape(str(part.get("value") or ""))
        case _:
            return _escape(str(part.get("text") or ""))
