"""JSON ballots, whole or cut."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, pairwise
from typing import Any

from bot.formats.ballots.letters import Letters
from bot.formats.ballots.shapes import ABOUT, COLUMN, RANKING, UPWARDS, Group, Shape, count_labels, read_inline

_JSON = re.compile(r"^[ \t]*(?=\{)", re.M)
_KEY = re.compile(
    rf"(?<!\\)[\"']([^\"'\\\n]{{0,20}}?(?:rank|order|{RANKING.pattern})[^\"'\\\n]{{0,20}})[\"']\s*:\s*", re.I
)
_STRINGS = re.compile(r"([\"'])((?:(?!\1)[^\\\n]){0,60})\1")
_PLACE = re.compile(r"(?:#|rank |place |platz )?(\d{1,2})(?:\.0)?(?:st|nd|rd|th|\.)?", re.I)
_WORDS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")
_SCORE = re.compile(r"score|points?|rating|total|note|punkte|分", re.I)
MAX_ENTRIES = 400  # of a ranking


def find_json_rankings(text: str, letters: Letters) -> Iterator[tuple[int, Shape]]:
    """Yield the rankings in JSON objects, each with its place; of a cut object the part that was written."""
    decoder, read_to = json.JSONDecoder(), 0
    key = _KEY.search(text)
    for start in _JSON.finditer(text):
        if start.end() < read_to:
            continue
        if key and key.start() < start.end():
            key = _KEY.search(text, start.end())
        if not key:
            return
        try:
            value, read_to = decoder.raw_decode(text, start.end())
        except (ValueError, RecursionError):
            read_to = (text.find("]", key.end()) + 1) or len(text)
            groups = _read_cut(text[key.end() : read_to], text[key.end() :], letters)
            yield key.start(), Shape("cut JSON", groups, upwards=_counts_up(key[1]))
        else:
            named, groups = _find_ranking(value, letters)
            yield start.end(), Shape("JSON", groups, upwards=_counts_up(named))


def _read_cut(listed: str, rest: str, letters: Letters) -> list[Group]:
    """Read the groups of a ranking that stands in an object which cannot be decoded: whole, or as far as it goes."""
    decoder = json.JSONDecoder()
    try:
        return _read_ranking(decoder.raw_decode(rest)[0], letters)
    except (ValueError, RecursionError):
        pass
    if not listed.startswith("["):
        return []
    if "{" not in listed and "[" not in listed[1:]:
        return [letters.entry_labels(found[2]) for found in islice(_STRINGS.finditer(listed), MAX_ENTRIES)]
    items, at = list[Any](), 1
    for _ in range(MAX_ENTRIES):
        try:
            item, at = decoder.raw_decode(rest, at + len(rest[at:]) - len(rest[at:].lstrip(" \t\n,")))
        except (ValueError, RecursionError):
            break
        items.append(item)
    return _read_ranking(items, letters)


def _find_ranking(value: Any, letters: Letters, depth: int = 3) -> tuple[str, list[Group]]:
    """Return the first ranking in an object under a name that says so, in the objects within it too; and that name."""
    inner = value.items() if isinstance(value, Mapping) and depth else ()
    named = [(str(k), v) for k, v in inner if _names_ranking(str(k))]
    for key, found in named:
        if count_labels(groups := _read_ranking(found, letters)):
            return key, groups
    for _, found in inner:
        if isinstance(found, Mapping) and (within := _find_ranking(found, letters, depth - 1))[1]:
            return within
    return "", []


def _names_ranking(key: str) -> bool:
    words = _divide(key)
    return bool(re.search(r"rank|order", words, re.I) or RANKING.search(words)) and not ABOUT.search(words)


def _counts_up(key: str) -> bool:
    return bool(UPWARDS.search(_divide(key)))


def _divide(key: str) -> str:
    """Return the words of a name such as `ranking_reason` or `rankingReason`."""
    return re.sub(r"_|(?<=[a-z])(?=[A-Z])", " ", key)


def _read_ranking(value: Any, letters: Letters) -> list[Group]:
    """Read the groups of a ranking: letters, lists of tied ones, objects with a rank, or a rank for each letter."""
    if isinstance(value, Mapping):
        return _read_ranks(value, letters)
    if isinstance(value, str):
        found = read_inline(value, letters)
        return found.groups if found else []
    items = value[:MAX_ENTRIES] if isinstance(value, list) else []
    groups = [_read_group(item, letters) for item in items]
    ranks = [rank for item in items if (rank := _find_rank(item)) is not None]
    if ranks:
        return _group_by_rank(zip(ranks, groups, strict=True)) if len(ranks) == len(groups) else []
    return groups if _are_in_order([score for item in items if (score := _find_score(item)) is not None]) else []


def _read_group(item: Any, letters: Letters) -> Group:
    match item:
        case str():
            return letters.entry_labels(item)
        case list():
            return [letters.only_label(str(name)) for name in item]
        case Mapping():
            names = [label for v in item.values() if isinstance(v, str) and (label := letters.only_label(v))]
            return names[:1] or [None]
        case _:
            return [None]


def _find_rank(item: Any) -> int | None:
    """Return the rank that an entry's object says."""
    said = item.items() if isinstance(item, Mapping) else ()
    found = (_read_place(v) for k, v in said if _names_ranking(k) or (k and COLUMN.fullmatch(k)))
    return next((place for place in found if place is not None), None)


def _find_score(item: Any) -> float | None:
    said = item.items() if isinstance(item, Mapping) else ()
    return next((v for k, v in said if _SCORE.search(k) and isinstance(v, int | float)), None)


def _are_in_order(scores: Sequence[float]) -> bool:
    return all(one >= other for one, other in pairwise(scores))


def _read_place(value: Any) -> int | None:
    """Return a place that is written as a number, as "2nd" or as "second"."""
    if isinstance(value, str) and value.strip().lower() in _WORDS:
        return _WORDS.index(value.strip().lower()) + 1
    found = None if isinstance(value, bool) else _PLACE.fullmatch(str(value).strip())
    return int(found[1]) if found else None


def _read_ranks(ranks: Mapping[str, Any], letters: Letters) -> list[Group]:
    """Read a rank for each letter, {"A": 2, "B": 1}, or a letter for each rank, {"1": "B", "2": "A"}.

    Numbers that do not begin at the first place, or go beyond the last one, are scores.
    """
    placed = [
        (rank, [label])
        for name, said in ranks.items()
        if (label := letters.only_label(name))
        and (rank := _find_rank(said) if isinstance(said, Mapping) else _read_place(said)) is not None
    ]
    if placed:
        places = [rank for rank, _ in placed]
        return _group_by_rank(placed) if min(places) <= 1 and max(places) <= len(places) else []
    return _group_by_rank(
        (place, _read_group(said, letters)) for name, said in ranks.items() if (place := _read_place(name)) is not None
    )


def _group_by_rank(placed: Any) -> list[Group]:
    placed = list(placed)
    return [
        [label for at, group in placed if at == rank for label in group] for rank in sorted({at for at, _ in placed})
    ]
