"""What one turn is asked: parts with priorities. Formats write them, `bot.models` fits them to a window."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bot.domain.run import Image

JsonSchema = Mapping[str, Any]
Role = Literal["system", "user", "assistant"]


FRAME_END = "[end of "  # how the line begins that closes a frame round material


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a prompt. When space is short the lowest `priority` gives way first, in the way `cut` says:

    never: stays whole, or the ask fails; tail: loses its end, marked as cut, but not the line that closes its frame,
    or what follows would pass for material; drop: goes altogether.
    `images` are shown to models that can see; others are told of them. Where a tail may be lost they go first.
    """

    role: Role
    text: str
    priority: int = 0
    cut: Literal["never", "tail", "drop"] = "never"
    images: tuple[Image, ...] = ()


@dataclass(frozen=True, slots=True)
class Ask:
    """`schema`: the JSON schema a ballot or score should follow, where the model supports one. `query`: what to search
    the web for; a search provider is asked for that alone."""

    parts: tuple[Part, ...]
    schema: JsonSchema | None = None
    query: str = ""
