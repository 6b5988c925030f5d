"""The worker of a run, by its place: whoever has one budget of a platform in hand spends it alone."""

from __future__ import annotations

from collections.abc import Collection
from hashlib import blake2b


def budget_place(server: str, channel: str) -> str:
    """Return what runs share that draw on one budget: on Slack a workspace, on Discord a channel."""
    return server if server.startswith("slack:") else f"{server} {channel}"


def choose_worker(place: str, workers: Collection[str]) -> str:
    """Return the worker of a place, "" where there is none.

    Every process chooses the same one, and where a worker comes or goes only its own places move (rendezvous hashing).
    """
    return max(workers, key=lambda worker: blake2b(f"{worker} {place}".encode()).digest(), default="")
