"""What the core needs of whoever divides Discord's shards among several gateways."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ShardShare:
    """Who hears which shards: `own` this process, of them `surplus` more than its part; `others`: shard → who."""

    own: tuple[int, ...]
    surplus: tuple[int, ...]
    others: Mapping[int, str]


class ShardLeases(Protocol):
    """Discord's shards as several gateways share them: each is heard by one. Methods raise StoreFailed."""

    async def share(self, count: int, only: Sequence[int] | None) -> ShardShare:
        """Take free shards, of `count` in all, up to an equal part for each gateway; with `only`, all of those.

        Raises Misconfigured where other gateways go by another count.
        """
        ...

    async def release(self, shards: Sequence[int]) -> None:
        """Let shards go, which this process no longer hears."""
        ...

    async def begin_session(self, bucket: int) -> float:
        """Note that a session begins now and return 0.0, or return the seconds until one may."""
        ...
