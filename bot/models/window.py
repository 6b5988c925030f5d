"""A model's window: what a turn is asked is made into chat messages that fit.

A quarter of a window is kept for the answer, and what is asked is counted on the high side. Nothing is cut by a guess:
a model whose window nobody knows is asked everything, and what is too long its provider refuses.
"""

from __future__ import annotations

import functools
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import groupby
from typing import NamedTuple

from bot.domain.asks import FRAME_END, Ask, Part
from bot.domain.run import Seat, WindowCut
from bot.models.caching import find_breakpoint, needs_breakpoints
from bot.models.catalogue import Model
from bot.models.errors import ProviderError
from bot.models.images import BLIND, IMAGE_TOKENS, NO_ROOM, Message, build_message, describe_images
from bot.models.tokens import Count, make_counter

CUT_MARK = " […]"
_MOST_TOKENS_A_BYTE = 2  # by the highest factor of any family
_FRAME_TOKENS = 4  # a message's role and delimiters, or the blank line that joins a part to the one before


class Fitted(NamedTuple):
    """What a model is asked.

    `room`: the tokens left for its answer; None: nobody knows. `cut`: what it is not shown; None: nothing.
    """

    messages: list[Message]
    room: int | None = None
    cut: WindowCut | None = None


def answer_share(window: int) -> int:
    """Return the tokens of a window that are kept for the answer."""
    return window // 4


def fit_ask(model: Model, seat: Seat, ask: Ask) -> Fitted:
    """Fit what a seat is asked to its model's window. Raises ProviderError("window")."""
    parts = ask.parts if model.sees else [describe_images(part, BLIND) for part in ask.parts]
    window = seat.window or model.window
    count = make_counter(model.litellm, high=True)
    return fit_messages(parts, window, answer_share(window or 0), count, breakpoints=needs_breakpoints(model))


def explain_misfit(model: Model, seat: Seat, ask: Ask) -> str:
    """Return why a question is too long for a seat, as it cannot be cut any further; "" where it is not."""
    window = seat.window or model.window
    if window is None or _count_all(ask.parts, _count_at_most) <= window - answer_share(window):
        return ""  # nearly always, and without counting
    try:
        fit_ask(model, seat, ask)
    except ProviderError as error:
        return error.text
    return ""


def fit_messages(
    parts: Sequence[Part], window: int | None, reserve: int, count: Count, *, breakpoints: bool = False
) -> Fitted:
    """Build chat messages of at most `window - reserve` tokens. A window of None is no limit.

    `reserve` is kept free for the answer. Consecutive parts of one role become one message, joined by a blank line.
    When space is short the lowest priority gives way first. Within a priority, parts that may be dropped go one by one,
    the earliest first, and rounds whole; then a line takes the place of images; then tails are cut to one length, so
    that no seat is heard more than another. `breakpoints`: the provider is told up to where to keep what it has read.
    Raises ProviderError("window") when what must stay whole is too long.
    """
    given = _drop_empty(parts)
    if window is None:
        return Fitted(_build_messages(given, find_breakpoint(given, count) if breakpoints else None))
    kept = _shrink(given, window - reserve, functools.cache(count))
    if (needed := _count_all(kept, count)) > window - reserve:
        raise ProviderError("window", _too_long(needed, window, reserve))
    messages = _build_messages(kept, find_breakpoint(kept, count) if breakpoints else None)
    return Fitted(messages, window - needed, _find_cut(given, kept, window))


def _find_cut(given: Sequence[Part], kept: Sequence[Part], window: int) -> WindowCut | None:
    whole = set(map(id, kept))
    lost = [part for part in given if id(part) not in whole]
    rounds = {part.round for part in lost if part.round}
    return WindowCut(window, tuple(sorted(rounds)), any(not part.round for part in lost)) if lost else None


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
            parts = [other for other in parts if other is not part and not _goes_with(other, part)]
    return parts


def _goes_with(other: Part, part: Part) -> bool:
    return other.cut == "drop" and other.round == part.round != 0


def _replace_images(parts: list[Part], priority: int, room: int, count: Count) -> list[Part]:
    for at, part in enumerate(parts):
        gives_way = part.images and part.priority == priority and part.cut in ("images", "tail")
        if gives_way and _count_all(parts, count) > room:
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


def _count_at_most(text: str) -> int:
    return _MOST_TOKENS_A_BYTE * len(text.encode())


def _build_messages(parts: Sequence[Part], last_kept: Part | None) -> list[Message]:
    turns = (list(turn) for _, turn in groupby(parts, key=lambda part: part.role))
    return [build_message(turn, last_kept) for turn in turns]
