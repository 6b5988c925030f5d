"""What a strip has sent and what it sends next."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import NamedTuple

from bot.domain.controls import Control, about_text
from bot.ports import MessageRef, Method


@dataclass(slots=True)
class ShownPage:
    """A message of ours. `ref` None: it must be posted, or posted again as someone has deleted it; with `lost` it may
    stand there all the same, and is looked for first. `closed`: it was sent when its lane was.

    What it reads: `text` and `controls`, or all that is known is their digest `reads`, or (None, "") nothing.
    """

    ref: MessageRef | None
    text: str | None = None
    chars: int = 0
    closed: bool = False
    controls: tuple[Control, ...] = ()
    reads: str = ""
    lost: bool = False


class LaneMark(NamedTuple):
    """What a lane read at one moment, and its counts then."""

    text: str
    version: int
    chars: int
    moments: float


@dataclass(frozen=True, slots=True)
class Change:
    """One request of a strip: message `page` shall read `text`, which covers so many code points of `mark.text`.

    `more`: other messages differ still. `closed`: the lane was when this was taken.
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
        """Whether nothing will be sent for the lane after this."""
        return self.closed and not self.more


def message_digest(text: str, controls: Sequence[Control]) -> str:
    """Return a digest of what a message reads, by which a later process knows it again.

    It is stored: the text of a control must stay as earlier versions wrote it.
    """
    stored = [f"Control(action={c.action!r}, label={c.label!r}, about={about_text(c.about)!r})" for c in controls]
    written = f"({', '.join(stored)}{',' if len(stored) == 1 else ''})"  # as a tuple is written
    return sha256(f"{text}\0{written}".encode("utf-8", "surrogatepass")).hexdigest()[:16]
