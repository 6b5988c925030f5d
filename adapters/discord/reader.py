"""Messages of Discord as people saw them: names instead of ids, and all that a message carries. Pure.

https://docs.discord.com/developers/reference#message-formatting,
https://docs.discord.com/developers/resources/message
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import discord

from adapters.common.quotes import (
    MAX_DEPTH,
    Content,
    describe_time,
    join_contents,
    one_line,
    outside_code,
    quote_message,
    read_time,
)
from bot.text import clean_text, has_signs, join_blocks

Json = Mapping[str, Any]

WRITTEN = (0, 19, 20, 23)  # types of messages that somebody writes: plain, reply, answers to a command and to a menu
TEXT_DISPLAY = 10
MEDIA = (11, 12, 13)  # a thumbnail, a gallery, a file
# the parts of a message that may hold something to read
HOLDERS = ("content", "embeds", "attachments", "components", "sticker_items", "poll", "message_snapshots")
PLACES = {
    "customize": "Channels & Roles",
    "browse": "Browse Channels",
    "guide": "Server Guide",
    "linked-roles": "Linked Roles",
}

_MARK = re.compile(
    r"(?<!\\)<(?:@!?(?P<user>\d{1,20})|@&(?P<role>\d{1,20})|#(?P<channel>\d{1,20})"
    r"|/(?P<command>[^:<>\n]{1,100}):\d{1,20}|a?:(?P<emoji>\w{1,64}):\d{1,20}"
    r"|t:(?P<time>-?\d{1,17})(?::(?P<style>[a-zA-Z]))?|id:(?P<place>[a-z-]{1,20})(?::\d{1,20})?)>"
)


@dataclass(frozen=True, slots=True)
class DiscordNames:
    """DiscordNames by id, as far as the person who wrote may know them."""

    users: Mapping[int, str] = field(default_factory=dict)
    roles: Mapping[int, str] = field(default_factory=dict)
    channels: Mapping[int, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Ids:
    """The ids that a text mentions, in its order."""

    users: tuple[int, ...]
    roles: tuple[int, ...]
    channels: tuple[int, ...]


def find_mentions(texts: Iterable[str]) -> Ids:
    """Return the ids of people, roles and channels that are mentioned in texts."""
    found: dict[str, dict[int, None]] = {"user": {}, "role": {}, "channel": {}}
    for text in texts:
        for mark in _MARK.finditer(text):
            if mark.lastgroup in found:
                found[mark.lastgroup][int(mark[mark.lastgroup])] = None
    return Ids(tuple(found["user"]), tuple(found["role"]), tuple(found["channel"]))


def read_content(text: str, names: DiscordNames) -> str:
    """Return a text as people saw it: names for mentions, channels and emoji, times in words. Code stays as it is."""
    return clean_text(outside_code(text, lambda part: _MARK.sub(lambda mark: _name_mark(mark, names), part)))


def _name_mark(mark: re.Match[str], names: DiscordNames) -> str:
    kind, value = _kind_of(mark)
    match kind:
        case "user":
            return f"@{names.users.get(int(value), 'unknown-user')}"
        case "role":
            return f"@{names.roles.get(int(value), 'unknown-role')}"
        case "channel":
            return f"#{names.channels.get(int(value), 'unknown')}"
        case "command":
            return f"/{value}"
        case "emoji":
            return f":{value}:"
        case "time":
            return describe_time(int(value), mark["style"] or "f") or mark[0]
        case _:
            return PLACES.get(value, mark[0])


def _kind_of(mark: re.Match[str]) -> tuple[str, str]:
    return next((kind, value) for kind, value in mark.groupdict().items() if value and kind != "style")


def read_raw(raw: Json, names: DiscordNames, depth: int = 0) -> Content:
    """Return what a message holds, with those that it forwards. The one that it replies to is apart: `quote_raw`."""
    shown = join_blocks(*_collect_texts(raw.get("components") or ()))
    text, carried = read_content(str(raw.get("content") or ""), names).strip(), read_content(shown, names)
    if not has_signs(text):  # an app's message has its text in its components
        text, carried = carried, ""
    embeds = [read_content(_describe_embed(embed), names) for embed in raw.get("embeds") or ()]
    poll = read_content(_describe_poll(raw.get("poll") or {}), names)
    own = Content(
        text, join_blocks(carried, *embeds, poll), tuple(raw.get("attachments") or ()), tuple(_list_unread(raw))
    )
    if depth >= MAX_DEPTH:
        return own
    quoted = [_quote_snapshot(snapshot, names, depth) for snapshot in raw.get("message_snapshots") or ()]
    return join_contents(own, *quoted)


def quote_raw(raw: Json, names: DiscordNames) -> Content:
    """Return what a message holds as a quotation."""
    author = raw.get("author") or {}
    who = str(author.get("global_name") or author.get("username") or "")
    return quote_message(read_raw(raw, names, 1), who, read_time(raw.get("timestamp")), _file_names(raw))


def _quote_snapshot(snapshot: Json, names: DiscordNames, depth: int) -> Content:
    raw: Json = snapshot.get("message") or {}
    when = read_time(raw.get("timestamp"))
    return quote_message(read_raw(raw, names, depth + 1), "Forwarded message", when, _file_names(raw))


def message_texts(raw: Json) -> Iterator[str]:
    """Yield every text in a message, also in those that it carries, to find what it mentions."""
    yield str(raw.get("content") or "")
    yield from _collect_texts(raw.get("components") or ())
    yield from (_describe_embed(embed) for embed in raw.get("embeds") or ())
    yield _describe_poll(raw.get("poll") or {})
    for snapshot in raw.get("message_snapshots") or ():
        yield from message_texts(snapshot.get("message") or {})


def _collect_texts(components: Sequence[Json]) -> Iterator[str]:
    """Yield the texts of components in the order in which they are read."""
    for part in _walk_components(components):
        if part.get("type") == TEXT_DISPLAY:
            yield str(part.get("content") or "")


def _walk_components(components: Sequence[Json]) -> Iterator[Json]:
    for part in components:
        yield part
        yield from _walk_components(part.get("components") or ())
        if part.get("accessory"):
            yield part["accessory"]


def _describe_embed(embed: Json) -> str:
    """Return the texts of an embed: who, title with its address, description, fields, foot."""
    title, url = one_line(str(embed.get("title") or "")), str(embed.get("url") or "")
    fields = [
        f"{one_line(str(entry.get('name') or ''))}: {entry.get('value') or ''}" for entry in embed.get("fields") or ()
    ]
    lines = [
        one_line(str((embed.get("author") or {}).get("name") or "")),
        f"{title} ({url})" if title and url else title,
        str(embed.get("description") or ""),
        *fields,
        str((embed.get("footer") or {}).get("text") or ""),
    ]
    return "\n".join(line for line in lines if line.strip(" \u200b:"))


def _describe_poll(poll: Json) -> str:
    """Return a poll's question and its answers, with their votes where they are known."""
    question = str((poll.get("question") or {}).get("text") or "")
    counts = {count.get("id"): count.get("count") for count in (poll.get("results") or {}).get("answer_counts") or ()}
    answers = [
        f"- {_describe_answer(answer.get('poll_media') or {})}"
        + (f" ({counts[answer.get('answer_id')]} votes)" if answer.get("answer_id") in counts else "")
        for answer in poll.get("answers") or ()
    ]
    return "\n".join([f"Poll: {question}", *answers]) if question or answers else ""


def _describe_answer(media: Json) -> str:
    emoji = media.get("emoji") or {}
    shown = f":{emoji.get('name')}:" if emoji.get("id") else str(emoji.get("name") or "")
    return f"{shown} {media.get('text') or ''}".strip()


def _list_unread(raw: Json) -> Iterator[str]:
    """Yield what no text can be made of, with its article."""
    for sticker in raw.get("sticker_items") or raw.get("stickers") or ():
        yield f"a sticker (“{one_line(str(sticker.get('name') or ''))}”)"
    embeds = raw.get("embeds") or ()
    pictures = [
        e for e in embeds if e.get("image") or e.get("video") or (e.get("thumbnail") and not _describe_embed(e))
    ]
    if pictures:
        yield "a picture in an embed" if len(pictures) == 1 else "pictures in embeds"
    if any(part.get("type") in MEDIA for part in _walk_components(raw.get("components") or ())):
        yield "pictures or files in its layout"


def _file_names(raw: Json) -> list[str]:
    return [one_line(str(file.get("filename") or "file")) for file in raw.get("attachments") or ()]


def message_json(message: discord.Message) -> dict[str, Any]:
    """Return what a message of discord.py holds in the shape that Discord sent it in, as far as it is read here."""
    return {
        **_holder_json(message),
        "type": message.type.value,
        "author": {"id": message.author.id, "username": message.author.display_name},
        "timestamp": message.created_at.isoformat(),
        "poll": _poll_json(message.poll) if message.poll else None,
        "message_snapshots": [
            {"message": {**_holder_json(snapshot), "timestamp": snapshot.created_at.isoformat()}}
            for snapshot in message.message_snapshots
        ],
    }


def _holder_json(holder: discord.Message | discord.MessageSnapshot) -> dict[str, Any]:
    return {
        "content": holder.content,
        "embeds": [embed.to_dict() for embed in holder.embeds],
        "attachments": [file.to_dict() for file in holder.attachments],
        "components": [component.to_dict() for component in holder.components],
        "sticker_items": [{"name": sticker.name} for sticker in holder.stickers],
    }


def _poll_json(poll: discord.Poll) -> dict[str, Any]:
    return {
        "question": {"text": str(poll.question or "")},
        "answers": [{"answer_id": answer.id, "poll_media": answer.media.to_dict()} for answer in poll.answers],
    }
