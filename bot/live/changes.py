"""The next request for a lane in a view, and the text that it was made from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

from bot.domain.controls import Control, RestRef, about_text
from bot.domain.run import TurnId
from bot.live.lanes import Lane
from bot.ports.surface import Message, Method, Page


class LaneMark(NamedTuple):
    """The text of a lane at one moment, and its counts then."""

    text: str
    version: int
    chars: int
    moments: float


@dataclass(frozen=True, slots=True)
class Change:
    """One request for a lane: message `page` shall read `text`, which covers so many code points of `mark.text`.

    `more`: other messages differ still. `closed`: the lane was closed when this was taken.
    """

    method: Method
    page: int
    text: str
    covers: int
    controls: tuple[Control, ...]
    mark: LaneMark
    closed: bool
    more: bool

    @property
    def is_final(self) -> bool:
        """Return whether nothing will be sent for the lane after this."""
        return self.closed and not self.more


def make_message(lane: Lane, change: Change, *, notifies: bool) -> Message:
    """Return the message that a change sends. `notifies`: whether whom the lane speaks to is told."""
    return Message(
        lane.key,
        change.page,
        lane.kind,
        lane.title,
        change.text,
        change.closed,
        change.controls,
        lane.to if notifies else "",
        lane.face,
        lane.brief,
        lane.answers,
    )


def message_digest(text: str, controls: Sequence[Control]) -> str:
    """Return a digest of what a message reads, by which a later process knows it again.

    It is stored: the text of a control must stay as earlier versions wrote it.
    """
    stored = [f"Control(action={c.action!r}, label={c.label!r}, about={about_text(c.about)!r})" for c in controls]
    written = f"({', '.join(stored)}{',' if len(stored) == 1 else ''})"  # as a tuple is written
    return sha256(f"{text}\0{written}".encode("utf-8", "surrogatepass")).hexdigest()[:16]


def make_read_on(lane: Lane, page: Page) -> Control:
    """Return the button below a page that more text stands behind.

    A board's page counts code points of the board, so what a seat says there is read whole.
    """
    is_turn = lane.kind == "turn"
    return Control("read_on", "Read on", RestRef(lane.key, page.chars) if is_turn else TurnId(*lane.key))
