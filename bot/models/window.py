"""A model's window: what a turn is asked is made into chat messages that fit."""

from __future__ import annotations

import functools
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby

from bot.domain.asks import FRAME_END, Part
from bot.models.errors import ProviderError
from bot.models.images import IMAGE_TOKENS, NO_ROOM, Message, build_message, describe_images
from bot.models.tokens import Count

CUT_MARK = " […]"
_FRAME_TOKENS = 4  # a message's role and delimiters, or the blank line that joins a part to the one before


def fit_messages(parts: Sequence[Part], window: int | None, reserve: int, count: Count) -> list[Message]:
    """Build chat messages of at most `window - reserve` tokens. A window of None is no limit.

    `reserve` is kept free for the answer. Consecutive parts of one role become one message, joined by a blank line.
    When space is short the lowest priority gives way first. Within a priority, parts that may be dropped go one by one,
    the earliest first; then a line takes the place of images; then tails are cut to one length, so that no seat is
    heard more than another. Raises ProviderError("window") when what must stay whole is too long.
    """
    kept = _drop_empty(parts)
    if window is not None:
        kept = _shrink(kept, window - reserve, functools.cache(count))
        if (needed := _count_all(kept, count)) > window - reserve:
            raise ProviderError("window", _too_long(needed, window, reserve))
    return _build_messages(kept)


def _too_long(needed: int, window: int, reserve: int) -> str:
    return (
        f"what must be read takes {needed:,} tokens; the model reads {window:,}, "
        f"of which {reserve:,} are kept for its answer"
    )


def _shrink(parts: list[Part], room: int, count: Count) -> list[Part]:
    for priority in sorted({part.priority for part in parts if part.cut != "never"}):
        if _count_all(parts, count) <= room:
            break
        parts = _drop_some(parts, priority, room, count)
        parts = _replace_images(parts, priority, room, count)
        parts = _level_tails(parts, priority, room, count)
    return parts


def _drop_some(parts: list[Part], priority: int, room: int, count: Count) -> list[Part]:
    for part in parts:
        if part.priority == priority and part.cut == "drop" and _count_all(parts, count) > room:
            parts = [other for other in parts if other is not part]
    return parts


def _replace_images(parts: list[Part], priority: int, room: int, count: Count) -> list[Part]:
    for at, part in enumerate(parts):
        if part.images and part.priority == priority and part.cut == "tail" and _count_all(parts, count) > room:
            parts = [*parts[:at], describe_images(part, NO_ROOM), *parts[at + 1 :]]
    return parts


def _level_tails(parts: list[Part], priority: int, room: int, count: Count) -> list[Part]:
    """Cut the tails of this priority to the greatest common length that fits; to nothing where none does."""

    def cut_to(length: int) -> list[Part]:
        return _drop_empty(_cut_tail(p, length) if p.priority == priority and p.cut == "tail" else p for p in parts)

    longest = max((len(part.text) for part in parts), default=0)
    first_too_long = bisect_left(range(longest + 1), True, key=lambda length: _count_all(cut_to(length), count) > room)
    return cut_to(max(0, first_too_long - 1))


def _drop_empty(parts: Iterable[Part]) -> list[Part]:
    return [part for part in parts if part.text or part.images]


def _cut_tail(part: Part, length: int) -> Part:
    if len(part.text) <= length:
        return part
    body, _, last = part.text.rpartition("\n")
    end = f"\n{last}" if last.startswith(FRAME_END) else ""
    head = (body if end else part.text)[:length].rstrip()
    return replace(part, text=head and head + CUT_MARK + end)


def _count_all(parts: Sequence[Part], count: Count) -> int:
    return sum(count(part.text) + IMAGE_TOKENS * len(part.images) + _FRAME_TOKENS for part in parts)


def _build_messages(parts: Sequence[Part]) -> list[Message]:
    turns = (list(turn) for _, turn in groupby(parts, key=lambda part: part.role))
    return [
        build_message(
            turn[0].role, [part.text for part in turn if part.text], [i for part in turn for i in part.images]
        )
        for turn in turns
    ]
