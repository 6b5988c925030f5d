"""JSON objects in what a judge replies: whole ones, in its own words, with or without text around them."""

from __future__ import annotations

import json
from typing import Any

from bot.formats.ballots.attribution import split_voices

MAX_TRIED_BRACES = 50  # braces looked at: a reply of 40,000 of them is no reply

Reply = dict[str, Any]


def json_objects(text: str) -> list[Reply]:
    """Return the JSON objects of a reply in their order, outer ones only; never raises.

    Objects that are quoted or echoed from the material are not the judge's own. A code block counts only where the
    reply ends on it and says nothing in JSON outside it. Thinking does not count, and of a cut object nothing is read.
    """
    said = split_voices(text.replace("\r\n", "\n"))
    return _decode_all(said.own) or _decode_all(said.last_block)


def is_same_name(a: object, b: str) -> bool:
    """Return whether a model wrote that word or name, whatever its case and markup."""
    return isinstance(a, str) and " ".join(a.split()).strip(" *_`\"'.:").casefold() == " ".join(b.split()).casefold()


def _decode_all(text: str) -> list[Reply]:
    decoder = json.JSONDecoder()
    found: list[Reply] = []
    at = text.find("{")
    for _ in range(MAX_TRIED_BRACES):
        if at < 0:
            break
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            end = at + 1
        else:
            found.append(value)
        at = text.find("{", end)
    return found
