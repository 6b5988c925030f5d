"""What is measured when somebody looks: runs and seats, budgets, limits on spending, queues, the database."""

from __future__ import annotations

import asyncio
import time
from collections import Counter as Tally
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Protocol

from bot.concurrency import SingleFlight
from bot.domain.facts import RunStarted
from bot.domain.spending import PERIODS, Caps, Payer
from bot.domain.transcript import Transcript
from bot.engine.runs import Runs
from bot.errors import StoreFailed
from bot.live.budget import Budgets
from bot.operations.metrics import Metrics
from bot.ports.process import Clock
from bot.ports.spending import SpendingStore
from bot.ports.store import Json

PROBE = "operations/probe"  # the document that is written to see whether the database takes it
PROBE_TIMEOUT_S = 5.0
LAG_STEP_S = 0.25


class ProbedStore(SpendingStore, Protocol):
    """The store, as far as its health goes."""

    async def put(self, key: str, value: Json) -> None: ...

    async def count_bytes(self) -> int: ...


class PlatformLink(Protocol):
    """A platform, as far as its connection goes."""

    name: str

    async def is_connected(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class Health:
    """Whether each platform is connected, by name, and the database takes what is written."""

    platforms: Mapping[str, bool]
    database: bool

    @property
    def is_ready(self) -> bool:
        return self.database and all(self.platforms.values())


class Gauges:
    """The readings of a process, into its metrics. `queues`: by name, what counts what waits there."""

    def __init__(
        self,
        metrics: Metrics,
        *,
        supervisor: Runs,
        budgets: Budgets,
        queues: Mapping[str, Callable[[], int]],
        store: ProbedStore,
        caps: Caps,
        platforms: Sequence[PlatformLink],
        clock: Clock = time.time,
    ) -> None:
        self._metrics = metrics
        self._supervisor = supervisor
        self._budgets = budgets
        self._queues = queues
        self._store = store
        self._caps = caps
        self._platforms = platforms
        self._clock = clock
        self._probing = SingleFlight(lambda _: self._probe_store())  # many who look at once cost one write

    async def check_health(self) -> Health:
        """Look whether platforms are connected, and write to the database."""
        platforms = {one.name: await one.is_connected() for one in self._platforms}
        health = Health(platforms, await self._probing.get("store"))
        for name, is_connected in platforms.items():
            self._metrics.connected.labels(name).set(is_connected)
        self._metrics.database_writable.set(health.database)
        return health

    async def refresh(self) -> None:
        """Read everything that is not counted as it happens."""
        await self.check_health()
        self._read_runs(list(self._supervisor.transcripts()))
        self._metrics.budgets.clear()
        for platform, (free, spent) in self._budgets.count_by_platform(asyncio.get_running_loop().time()).items():
            self._metrics.budgets.labels(platform, "free").set(free)
            self._metrics.budgets.labels(platform, "spent").set(spent)
        for name, count in self._queues.items():
            self._metrics.queues.labels(name).set(count())
        with suppress(StoreFailed):  # the probe has told
            self._metrics.database.set(await self._store.count_bytes())
            await self._read_caps()

    def _read_runs(self, transcripts: Sequence[Transcript]) -> None:
        """Count runs by format and state, and seats that speak by model."""
        runs = Tally((t.started.format, _state_of(t)) for t in transcripts)
        speaking = Tally(model for t in transcripts for model in _list_speaking(t))
        self._metrics.runs.clear()
        for (format, state), count in runs.items():
            self._metrics.runs.labels(format, state).set(count)
        self._metrics.speaking.clear()
        for model, count in speaking.items():
            self._metrics.speaking.labels(model).set(count)

    async def _read_caps(self) -> None:
        """Read the limits that the runs which go on draw on; of people and servers, where least is left."""
        payers = {_payer_of(start) for start in self._supervisor.unfinished_starts()} | {Payer()}
        used: dict[str, float] = {}
        for payer in payers:
            balances = await self._store.balances(payer, self._clock())
            for period, cap, balance in zip(PERIODS, self._caps, balances, strict=True):
                if cap is not None and period != "run":
                    used[period] = max(used.get(period, 0.0), (balance.spent + balance.held) / 1e6)
        for period, usd in used.items():
            cap = getattr(self._caps, period)
            self._metrics.cap_room.labels(period).set(max(0.0, cap - usd))
            self._metrics.cap_used.labels(period).set(usd / cap if cap else 1.0)

    async def _probe_store(self) -> bool:
        try:
            async with asyncio.timeout(PROBE_TIMEOUT_S):
                await self._store.put(PROBE, self._clock())
        except (StoreFailed, TimeoutError):
            return False
        return True


def _payer_of(start: RunStarted) -> Payer:
    return Payer(person=start.by, server=start.server)


def _state_of(t: Transcript) -> str:
    if t.set_aside:
        return "set aside"
    if t.finished:
        return "closing"  # people vote, or its end is not shown everywhere yet
    return "paused" if t.steering.paused else "going on"


def _list_speaking(t: Transcript) -> Iterator[str]:
    """Yield the model of each seat whose turn has begun and not ended."""
    models = {seat.key: seat.model for seat in t.started.panel.everyone()}
    return (models[i.seat] for i, turn in t.turns.items() if turn.ended is None and i.seat in models)


async def watch_loop(metrics: Metrics) -> None:
    """Measure how late the event loop comes round, until cancelled."""
    now = asyncio.get_running_loop().time
    while True:
        due = now() + LAG_STEP_S
        await asyncio.sleep(LAG_STEP_S)
        metrics.loop_lag.observe(max(0.0, now() - due))
