"""The limits that hold in one place: the operator's for everywhere, a server's, and a channel's."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from bot.settings.settings import Settings


@dataclass(frozen=True, slots=True)
class PlaceRoom:
    """The most that a place has room for. Of its channel and server: runs at once, and starts within a minute."""

    seats: int
    rounds: int
    channel_runs: int
    channel_starts: int
    server_runs: int
    server_starts: int


def find_limits(settings: Settings, servers: Collection[str], channel: str) -> PlaceRoom:
    """Return what a channel has room for; `servers`: those whose rules hold there, of which the strictest counts."""
    everywhere = settings.limits
    rules = [settings.server_settings(server) for server in servers]
    here = [rule.limits for rule in rules]
    there = [limits for rule in rules if (limits := rule.channel_limits.get(channel))]
    return PlaceRoom(
        min([everywhere.seats, *(one.seats for one in (*here, *there) if one.seats)]),
        min([everywhere.rounds, *(one.rounds for one in (*here, *there) if one.rounds)]),
        min([one.runs for one in there if one.runs], default=everywhere.runs_per_channel),
        min([one.starts for one in there if one.starts], default=everywhere.starts_per_channel),
        min([one.runs for one in here if one.runs], default=everywhere.runs_per_server),
        min([one.starts for one in here if one.starts], default=everywhere.starts_per_server),
    )
