"""JSON ballots, whole or cut."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

from bot.formats.ballots.letters import Letters
from bot.formats.ballots.shapes import Group, read_inline

_JSON = re.compile(r"^[ \t]*(?=\{)", re.M)
_KEY = re.compile(r"(?<!\\)[\"']\w{0,20}rank\w{0,20}[\"']\s*:\s*", re.I)
_STRINGS = re.compile(r"([\"'])((?:(?!\1)[^\\\n]){0,60})\1")
MAX_ENTRIES = 400  # of a ranking


def find_json_rankings(text: str, letters: Letters) -> Iterator[tuple[int, str, list[Group]]]:
    """Yield the rankings in JSON objects, each with its place and kind; of a cut object the part that was written."""
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
            strings = _STRINGS.finditer(text, key.end(), read_to) if text[key.end() : key.end() + 1] == "[" else ()
            yield key.start(), "cut JSON", [letters.entry_labels(found[2]) for found in islice(strings, MAX_ENTRIES)]
        else:
            yield start.end(), "JSON", _read_groups(value, letters)


def _read_groups(value: Any, letters: Letters) -> list[Group]:
    """Read the groups of a decoded ballot.

    They are letters, lists of tied ones, objects with a rank, or a rank for each letter.
    """
    if isinstance(value, Mapping):
        inner = next((v for k, v in value.items() if "rank" in k.lower()), None)
        return _read_ranks(inner, letters) if isinstance(inner, Mapping) else _read_groups(inner, letters)
    if isinstance(value, str):
        found = read_inline(value, letters)
        return found.groups if found else []
    items = value[:MAX_ENTRIES] if isinstance(value, list) else []
    groups = [_read_group(item, letters) for item in items]
    ranks = [v for item in items if isinstance(item, Mapping) for k, v in item.items() if _is_rank(k, v)]
    if not ranks or len(ranks) != len(groups):
        return groups
    placed = list(zip(ranks, groups, strict=True))
    return [[name for at, group in placed if at == rank for name in group] for rank in sorted(set(ranks))]


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


def _is_rank(key: str, value: Any) -> bool:
    return isinstance(value, int) and key.lower() in ("rank", "place", "position")


def _read_ranks(ranks: Mapping[str, Any], letters: Letters) -> list[Group]:
    """Read a rank for each letter, {"A": 2, "B": 1}, or a letter for each rank, {"1": "B", "2": "A"}."""
    placed = [(rank, letters.only_label(name)) for name, rank in ranks.items() if isinstance(rank, int)]
    placed = placed or [(int(k), letters.only_label(str(v))) for k, v in ranks.items() if k.isdecimal() and len(k) < 3]
    return [[label for at, label in placed if at == rank] for rank in sorted({rank for rank, _ in placed})]
