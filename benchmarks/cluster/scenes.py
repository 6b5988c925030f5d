"""The scenes: runs go on in all places, one blow falls in the middle of them, and they end."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field

from benchmarks.chaos.audit import list_skips
from benchmarks.chaos.places import Place, Post
from benchmarks.chaos.runs import Asked, Crowd
from benchmarks.chaos.wire import PANEL
from benchmarks.cluster.fleet import LOOK_S, Fleet, Member
from bot.domain.facts import Claimed
from bot.domain.transcript import Transcript
from storage.leases import LEASE_S
from tests.support.postgres import restart_server

BUSY_WITHIN_S = 60.0
DOWN_S = 1.0  # of the database
CUTS, CUT_EVERY_S = 3, 3.0


@dataclass
class Struck:
    """What a scene has struck. `orphans`: runs that lost their owner → when, in wall time."""

    orphans: dict[str, float] = field(default_factory=dict)
    cut: int = 0  # connections

    def list_take_overs(self, runs: Mapping[str, Transcript]) -> list[float]:
        """Return the seconds until each of these runs was claimed by another process; runs that ended are left out."""
        return [
            claims[0] - at
            for run, at in self.orphans.items()
            if (claims := [e.at for e in runs[run].entries if isinstance(e.fact, Claimed) and e.at > at])
        ]


Strike = Callable[[Fleet, Struck], Awaitable[None]]


async def kill_workers(fleet: Fleet, struck: Struck) -> None:
    """Kill each worker in turn, the fullest first, and start another one in its place."""
    for _ in fleet.list_alive("worker"):
        victim, held = await find_fullest(fleet)
        at = await fleet.kill(victim)
        struck.orphans |= dict.fromkeys(held, at)
        await fleet.start("worker")


async def let_worker_sleep(fleet: Fleet, struck: Struck) -> None:
    """Let the fullest worker sleep for longer than its lease, and go on."""
    victim, held = await find_fullest(fleet)
    at = await fleet.sleep(victim, 2 * LEASE_S)
    struck.orphans |= dict.fromkeys(held, at)


async def kill_gateway(fleet: Fleet, struck: Struck) -> None:
    """Kill a gateway and start another one."""
    await find_fullest(fleet)  # so that runs go on
    victim = fleet.list_alive("gateway")[0]
    await fleet.kill(victim)
    await fleet.start("gateway")


async def restart_database(fleet: Fleet, struck: Struck) -> None:
    """Restart PostgreSQL."""
    await find_fullest(fleet)
    await asyncio.to_thread(restart_server, DOWN_S)


async def cut_listening(fleet: Fleet, struck: Struck) -> None:
    """End all connections that listen, again and again."""
    await find_fullest(fleet)
    for _ in range(CUTS):
        cut = await fleet.select(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE starts_with(query, 'LISTEN') AND datname = current_database()"
        )
        struck.cut += len(cut)
        await asyncio.sleep(CUT_EVERY_S)


async def deploy(fleet: Fleet, struck: Struck) -> None:
    """Put a new worker in the place of each old one before that stops, and gateways likewise."""
    await find_fullest(fleet)
    for old in fleet.list_alive("worker"):
        await fleet.start("worker")
        held = (await fleet.list_held())[old]
        at = await fleet.stop(old)
        struck.orphans |= dict.fromkeys(held, at)
    for old in fleet.list_alive("gateway"):
        await fleet.start("gateway")
        await fleet.stop(old)


STRIKES: Mapping[str, Strike] = {
    "kill -9 each worker": kill_workers,
    "a worker sleeps for two leases": let_worker_sleep,
    "kill -9 a gateway": kill_gateway,
    "restart PostgreSQL": restart_database,
    "cut LISTEN": cut_listening,
    "deploy over running runs": deploy,
}


async def find_fullest(fleet: Fleet) -> tuple[Member, list[str]]:
    """Return the worker that holds most runs, and these, as soon as each of the workers holds some."""
    ends_at = time.monotonic() + BUSY_WITHIN_S
    while True:
        held = await fleet.list_held()
        if all(held.values()) or (any(held.values()) and time.monotonic() > ends_at):
            return max(held.items(), key=lambda item: len(item[1]))
        await asyncio.sleep(LOOK_S)


async def strike_in_the_middle(
    fleet: Fleet, crowd: Crowd, places: Sequence[Place], at_once: int, strike: Strike
) -> Struck:
    """Have a crowd keep runs going on in all places, strike, and return once the crowd has gone."""
    struck = Struck()
    crowd.enough.clear()
    async with asyncio.TaskGroup() as tasks:
        for place in places:
            tasks.create_task(crowd.keep_busy(place, at_once))
        await strike(fleet, struck)
        crowd.enough.set()
    return struck


class Skippers(Crowd):
    """A crowd that skips every seat but one, each as soon as it speaks."""

    async def steer_run(self, asked: Asked, board: Post) -> None:
        """Skip seats."""
        pressed: set[str] = set()
        ends_at = time.monotonic() + self.habits.patience_s
        while len(pressed) < len(PANEL) - 1 and time.monotonic() < ends_at:
            thread = asked.place.read_thread(board)
            for post in thread:
                button = post.find_button("skip")
                if button and button not in pressed and len(pressed) < len(PANEL) - 1:
                    pressed.add(button)
                    asked.skips.append(await asked.place.press(0, post, button))
            if any(post.find_button("follow_up") for post in thread):
                return
            await asyncio.sleep(LOOK_S)


def list_signals(runs: Mapping[str, Transcript]) -> list[float]:
    """Return the milliseconds from each skip that is stored to the end of its turn, as the owner stores it."""
    return [skip.waited_s * 1e3 for t in runs.values() for skip in list_skips(t) if skip.finish and skip.waited_s >= 0]
