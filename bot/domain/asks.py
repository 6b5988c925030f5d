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
    """A piece of a prompt, with how much it matters.

    When space is short the lowest `priority` gives way first, in the way that `cut` says. "never": it stays whole, or
    the ask fails. "images": so do its words. "tail": it loses its end, marked as cut, but not the line that closes its
    frame, or what follows would pass for material. "drop": it goes altogether, and with it all others of its `round`
    (0: it is of none). `images` are shown to models that can see; others are told of them. They go before words do.
    `cache_breakpoint`: other asks of the same seat begin with all parts up to this one too, so that a provider may keep
    what it has read.
    """

    role: Role
    text: str
    priority: int = 0
    cut: Literal["never", "images", "tail", "drop"] = "never"
    images: tuple[Image, ...] = ()
    round: int = 0
    cache_breakpoint: bool = False


@dataclass(frozen=True, slots=True)
class Ask:
    """The question that one turn is asked.

    `schema`: the JSON schema that a ballot or a score should follow, where the model supports one. `query`: what to
    search the web for; a search provider is asked for that alone.
    """

    parts: tuple[Part, ...]
    schema: JsonSchema | None = None
    query: str = ""
