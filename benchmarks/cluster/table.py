"""The table that all scenes share: a world with a guild on each shard, the processes, and the people."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from math import inf
from random import Random
from typing import Any

from benchmarks.chaos.audit import Audit, Found, Ledger
from benchmarks.chaos.models import Pace
from benchmarks.chaos.places import OnDiscord, Place
from benchmarks.chaos.play import wait_until_settled
from benchmarks.chaos.runs import Asked, Crowd, Habits
from benchmarks.chaos.wire import PANEL, SEATS, World, open_world
from benchmarks.cluster.fleet import Fleet
from benchmarks.cluster.refusals import Census

PACE = Pace(first_s=0.3, gap_s=0.25, chars=20)  # an answer lasts 2 to 9 s
ROOMS, VOTE_S, GRACE_S = 8, 3.0, 2.0
SETTLES_WITHIN_S = 120.0

CAP_USD = 0.2  # a month, for all together
DEAR_SEATS = ["gold", "silver"]
DEAR = {"input_usd_per_mtok": 10.0, "output_usd_per_mtok": 100.0, "max_tokens": 200}
CHEAP = {"input_usd_per_mtok": 0.0001, "output_usd_per_mtok": 0.0001}  # so that other scenes spend nothing of the cap
UNLIMITED = ("run_usd", "person_day_usd", "server_day_usd", "ask_above_usd")


@dataclass
class Table:
    """What the scenes share.

    `asked`: all runs as their people know them; `known`: runs that were audited; `found`: promises broken so far.
    """

    world: World
    places: Sequence[Place]
    fleet: Fleet
    census: Census
    asked: list[Asked] = field(default_factory=list)
    known: set[str] = field(default_factory=set)
    found: list[Found] = field(default_factory=list)

    def make_crowd(self, habits: Habits, kind: type[Crowd] = Crowd) -> Crowd:
        """Return a crowd for one scene; its questions are told from those of earlier ones."""
        crowd = kind(Random(1), habits, len(self.asked) + 1)
        crowd.asked = self.asked
        return crowd

    async def settle(self) -> tuple[Ledger, int]:
        """Wait until nothing goes on and audit it; return what is new since the last time, and new broken promises."""
        ledger = await wait_until_settled(self.world, SETTLES_WITHIN_S)
        audit = Audit(ledger, self.places, self.world.models.calls, self.asked, self.fleet.blows)
        fresh = [found for found in audit.check_after_kills() if found not in self.found]
        fresh += self.fleet.find_ended()
        self.found += fresh
        new = {run: t for run, t in ledger.runs.items() if run not in self.known}
        self.known |= new.keys()
        return Ledger(new), len(fresh)


@asynccontextmanager
async def open_table(gateways: int, url: str, pace: Pace) -> AsyncIterator[Table]:
    """Open a world with a guild on each shard and a workspace, its store at `url`; no process is started yet."""
    tables: dict[str, Mapping[str, Any]] = {
        "storage": {"url": url},
        "limits": {"vote_s": VOTE_S},
        "money": {"month_usd": CAP_USD, **dict.fromkeys(UNLIMITED, inf)},
        "restart": {"grace_s": GRACE_S},
        "panels": {"default": {"seats": PANEL, "chair": "eve"}, "dear": {"seats": DEAR_SEATS}},
    }
    models = {**dict.fromkeys(SEATS, CHEAP), **dict.fromkeys(DEAR_SEATS, DEAR)}
    async with open_world(ROOMS, pace, 1_000, models, **tables) as world:
        fleet = Fleet(world)
        try:
            yield Table(world, [*await _furnish_shards(world, gateways), world.slack], fleet, Census(fleet))
        finally:
            fleet.end()


async def _furnish_shards(world: World, shards: int) -> list[OnDiscord]:
    """Return a guild on each shard, the one that is there among them."""
    found = {_find_shard(world.discord.guild.id, shards): world.discord}
    while len(found) < shards:
        await asyncio.sleep(0.001)  # a guild's shard follows from the millisecond in its id
        guild = await world.discord.server.create_guild()
        if (shard := _find_shard(guild.id, shards)) not in found:
            found[shard] = OnDiscord(world.discord.server)
            await found[shard].furnish(ROOMS, guild)
    return [found[shard] for shard in range(shards)]


def _find_shard(guild: int, shards: int) -> int:
    """Return the shard of a guild."""
    return (guild >> 22) % shards  # https://docs.discord.com/developers/events/gateway#sharding
