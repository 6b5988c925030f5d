"""Names in a sentence, as people write them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Literal


def listed(names: Collection[str], last: Literal["and", "or"] = "and") -> str:
    """ "Ada", "Ada and Bob", "Ada, Bob and Cyd"; `last` stands before the last of at least one name."""
    *head, tail = names
    return f"{', '.join(head)} {last} {tail}" if head else tail
