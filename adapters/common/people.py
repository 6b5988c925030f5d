"""People as every platform's adapter knows them."""

from __future__ import annotations


def person_id(key: str) -> str:
    """Return a platform's id of the person whom Moot knows as `key`: "123" of "discord:123"."""
    return key.partition(":")[2]
