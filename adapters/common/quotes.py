"""What a message says and carries, as text that everybody at the table can read. Pure.

A message is more than its text: it forwards and quotes others, and has files, embeds, polls. Each platform's reader
makes a `Content` of one; what it carries becomes quoted context, with who said it and when.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from bot.errors import Refused
from bot.text import clean_text, join_blocks, join_names

QUOTED_CHARS = 20_000  # of one message; longer than any that people write, but apps' messages have no bound
MAX_DEPTH = 3  # of messages that carry messages
_CODE = re.compile(r"`+")

Json = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Content:
    """What one message holds.

    `text` is in its writer's own words. `carried` is all that it quotes: forwards, embeds, polls. `files` are its own
    and those of what it carries, as the platform's JSON. `unread` names what no text can be made of ("a sticker").
    `who` and `said`: the writer and the own words of the first message that it quotes; of a quotation, its own.
    """

    text: str = ""
    carried: str = ""
    files: tuple[Json, ...] = ()
    unread: tuple[str, ...] = ()
    who: str = ""
    said: str = ""

    @property
    def is_empty(self) -> bool:
        """Return whether there is nothing in it that could be read."""
        return not (self.text or self.carried or self.files)

    @property
    def context(self) -> str:
        """Return what goes along with the text, quoted."""
        notes = [f"[It came with {join_names(self.unread)}.]"] if self.unread and not self.is_empty else []
        return join_blocks(self.carried, *notes)

    def require_readable(self) -> None:
        """Raise Refused where there is something in it, but nothing that could be read."""
        if self.is_empty and self.unread:
            raise Refused(f"I cannot read {join_names(self.unread)}: write what you want to ask.")


def join_contents(own: Content, *carried: Content) -> Content:
    """Return a message together with what it quotes; the text of those is quoted already."""
    return Content(
        own.text,
        join_blocks(own.carried, *(join_blocks(c.text, c.context) for c in carried)),
        (*own.files, *(file for c in carried for file in c.files)),
        (*own.unread, *(one for c in carried if c.is_empty for one in c.unread)),
        *next(((c.who, c.said) for c in (own, *carried) if c.said), ("", "")),
    )


def quote_message(content: Content, who: str, when: str, names: Iterable[str]) -> Content:
    """Return the content as a quotation: who wrote it, when, and the `names` of its files."""
    listed = ", ".join(names)
    head = ", ".join(filter(None, (one_line(who), when)))
    files = f"Files: {listed}" if listed else ""
    said = shorten(join_blocks(content.text, content.context))
    quoted = "\n".join(filter(None, (f"{head}:" if head else "", said, files)))
    if not said and not files:
        return Content("", "", content.files, content.unread)
    # what could not be read is told in it
    return Content("", quoted, content.files, who=one_line(who), said=content.text or content.said)


def shorten(text: str) -> str:
    """Return the text cut at `QUOTED_CHARS`, saying so."""
    left = len(text) - QUOTED_CHARS
    return text if left <= 0 else f"{text[:QUOTED_CHARS]}\n[cut here; {left:,} more characters]"


def one_line(text: str) -> str:
    """Return a name or title on one line, without marks that would end it."""
    return " ".join(clean_text(text).split())


def describe_time(seconds: float, style: str = "f") -> str:
    """Return a time as people read it, in UTC. `style` is Discord's letter; "" for times out of any calendar."""
    try:
        at = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return ""
    day = f"{at.day} {at:%B} {at.year}"
    match style:
        case "t":
            return f"{at:%H:%M} UTC"
        case "T":
            return f"{at:%H:%M:%S} UTC"
        case "d" | "D":
            return day
        case "F":
            return f"{at:%A}, {day}, {at:%H:%M} UTC"
        case _:
            return f"{day}, {at:%H:%M} UTC"


def read_time(iso: Any) -> str:
    """Return an ISO time as people read it; "" where it is none."""
    try:
        return describe_time(datetime.fromisoformat(iso).timestamp())
    except (TypeError, ValueError, OverflowError):
        return ""


def outside_code(text: str, change: Callable[[str], str]) -> str:
    """Apply a change to a text except to code between backquotes, in linear time."""
    runs = [(found.start(), found.end()) for found in _CODE.finditer(text)]
    later: dict[int, list[int]] = {}  # length of a run → the runs of that length, the last first
    for index in range(len(runs) - 1, -1, -1):
        later.setdefault(runs[index][1] - runs[index][0], []).append(index)
    parts: list[str] = []
    at, index = 0, 0
    while index < len(runs):
        begin, end = runs[index]
        same = later[end - begin]
        while same and same[-1] <= index:
            same.pop()
        if same:
            index = same[-1]
            close = runs[index][1]
            parts += [change(text[at:begin]), text[begin:close]]
            at = close
        index += 1
    return "".join([*parts, change(text[at:])])
