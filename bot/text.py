"""How names are written in a sentence."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from difflib import get_close_matches
from typing import Literal

_MAX_LISTED = 8


def join_names(names: Collection[str], last: Literal["and", "or"] = "and") -> str:
    """Join at least one name as people write them: "Ada", "Ada and Bob", "Ada, Bob and Cyd".

    `last` is the word before the last name.
    """
    *head, tail = names
    return f"{', '.join(head)} {last} {tail}" if head else tail


def did_you_mean(word: str, known: Sequence[str], what: str) -> str:
    """Return a sentence that names the known words closest to a mistyped one, or the first few where none is close.

    `what` is the plural of what the words name, such as "panels".
    """
    close = get_close_matches(word, known, n=3)
    offered = close or known[:_MAX_LISTED]
    if not offered:
        return f"No {what} are configured yet."
    return f"{'Did you mean' if close else f'The {what} are'} {', '.join(offered)}{'?' if close else '.'}"
