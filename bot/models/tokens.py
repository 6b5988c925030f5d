"""Tokens: counting them without a network, and fitting what a turn is asked into a model's window."""

from __future__ import annotations

import functools
import os
from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from importlib.util import find_spec
from itertools import groupby
from pathlib import Path
from typing import Literal

from bot.domain.asks import FRAME_END, Part
from bot.models.errors import ProviderError
from bot.models.images import IMAGE_TOKENS, NO_ROOM, Message, build_message, describe_images

Count = Callable[[str], int]

CUT_MARK = " […]"
_UNPUBLISHED_SURPLUS = 1.2  # SmolLM2 reads 1.11 times o200k_base's count of real answers at the median, 1.22 at p90
_FRAME_TOKENS = 4  # a message's role and delimiters, or the blank line that joins a part to the one before
_SETTLE_CHARS = 64  # a tail longer than this is counted for good up to its last word's end
_LONGEST_RUN_CHARS = 1024  # and one longer than this wherever it is
_WORD_ENDS = frozenset(" \n\t.,;:!?)]，。、；：！？")


def make_counter(model: str) -> Count:
    """Return a counter of tokens for a litellm model string. The first takes about 0.3 s: make it in a thread.

    It is exact for OpenAI's models. Others publish no table that can be used offline; for them it is o200k_base's count
    and a fifth, rather too many than too few: some servers cut silently what is too long.
    """
    _use_carried_tables()
    import tiktoken  # slow: it brings an HTTP client, and no command's help needs it

    name = _published_encoding(model)
    encode = tiktoken.get_encoding(name or "o200k_base").encode_ordinary  # tiktoken keeps the tables it has loaded
    surplus = 1.0 if name else _UNPUBLISHED_SURPLUS

    def count(text: str) -> int:
        return round(len(encode(text)) * surplus)

    return count


def _published_encoding(model: str) -> Literal["o200k_base", "cl100k_base"] | None:
    """Return the name of one of the two tables that litellm carries for chat models; None if no table is published."""
    from tiktoken.model import encoding_name_for_model  # slow, as above

    try:
        name = encoding_name_for_model(model.rpartition("/")[2])
    except KeyError:
        return None
    return "cl100k_base" if name == "cl100k_base" else "o200k_base"  # o200k_harmony has the same words


def _use_carried_tables() -> None:
    """Point tiktoken to the tables that litellm carries; it would download them otherwise."""
    litellm = find_spec("litellm")
    if litellm is not None and litellm.origin is not None:
        tables = Path(litellm.origin).parent / "litellm_core_utils" / "tokenizers"
        os.environ.setdefault("TIKTOKEN_CACHE_DIR", str(tables))


class Tally:
    """A count of a growing text, of which only the tail is ever counted again.

    Both tables split text into words before anything else and never look back, so what lies before the end of a
    word cannot change any more. It is as exact as `count`, except for 1,024 characters without a space or punctuation.
    """

    def __init__(self, count: Count) -> None:
        self._count = count
        self._settled = 0
        self._tail = ""

    def add(self, text: str) -> None:
        self._tail += text
        if len(self._tail) > _SETTLE_CHARS:
            self._settle()

    @property
    def tokens(self) -> int:
        return self._settled + self._count(self._tail)

    def _settle(self) -> None:
        end = _last_word_end(self._tail)
        if end == 0 and len(self._tail) > _LONGEST_RUN_CHARS:
            end = len(self._tail)
        if end:
            self._settled += self._count(self._tail[:end])
            self._tail = self._tail[end:]


def _last_word_end(text: str) -> int:
    """Return the end of the last letter or digit before a space or punctuation; 0 if there is none."""
    for at in range(len(text) - 1, 0, -1):
        if text[at] in _WORD_ENDS and text[at - 1].isalnum():
            return at
    return 0


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
